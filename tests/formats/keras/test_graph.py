"""The structure of a configuration: names, references, sizes, the order in which calls can be made."""

from __future__ import annotations

from typing import Any

import pytest

from keras_files import dense, functional, layer
from tflbuild.formats.keras import graph as keras_graph
from tflbuild.formats.keras.graph import check_sizes, checked, every_layer, layers_of, name_of, output_names
from tflbuild.formats.keras.inert import Unwanted


def refused(config: Any) -> str:
    """Give what is wrong with a configuration, "" for nothing."""
    try:
        assert checked(config) is config
    except ValueError as error:
        return str(error)
    return ""


def test_outputs_are_named_as_they_stand() -> None:
    assert output_names(dense()) == ["scores"]
    several = functional(layer("Flatten", "flat", "image"), layer("Dense", "scores", "flat"))
    several["config"]["output_layers"] = [["scores", 0, 0], ["flat", 0, 0], ["scores", 0, 0]]
    assert output_names(several) == ["scores", "flat", "scores"]
    chain = {"class_name": "Sequential", "config": {"layers": [layer("Dense", "a"), layer("Dense", "b")]}}
    assert output_names(chain) == ["b"]
    assert output_names({"class_name": "Sequential", "config": {"layers": []}}) == []


def test_a_layers_own_name_is_before_that_of_its_options() -> None:
    assert name_of({"name": "outer", "config": {"name": "inner"}}) == "outer"
    assert name_of({"name": None, "config": {"name": "inner"}}) == "inner"
    assert name_of({"config": {"name": "inner"}}) == "inner"


def test_layers_of_anything_else_are_none() -> None:
    for graph in ({}, {"config": []}, {"config": {}}, {"config": {"layers": "abc"}}):
        assert layers_of(graph) == []
    assert [name_of(one) for one in layers_of(dense())] == ["image", "flat", "scores"]


def test_layers_at_any_depth_are_given_outer_ones_first_and_parts_are_none() -> None:
    inner = layer("Dense", "inner", kernel_initializer={"class_name": "Zeros", "config": {"name": "z"}})
    cells = {"class_name": "StackedRNNCells", "config": {"name": "s", "cells": [layer("GRUCell", "c")]}}
    model = functional(
        layer("TimeDistributed", "outer", "image", layer=inner), layer("RNN", "r", "image", cell=cells)
    )
    assert [one["config"]["name"] for one in every_layer(model)] == ["image", "outer", "r", "inner", "s", "c"]


@pytest.mark.parametrize("option", ["units", "filters", "input_dim", "output_dim"])
def test_a_model_has_no_more_weights_than_its_file(option: str) -> None:
    config = functional(layer("Odd", "wide", "image", **{option: 100}))
    check_sizes(config, 100)
    with pytest.raises(Unwanted) as caught:
        check_sizes(config, 99)
    said = f"layer 'wide' has {option}=100, and the whole file holds 99 weights; save the model with its weights."
    assert str(caught.value) == said
    check_sizes(functional(layer("Odd", "wide", "image", **{option: "x"})), 0)
    nested = functional(
        layer("TimeDistributed", "outer", "image", layer=layer("Odd", "deep", **{option: 101.0}))
    )
    with pytest.raises(Unwanted, match="layer 'deep'"):
        check_sizes(nested, 100)


@pytest.mark.parametrize(
    ("side", "right"),
    [
        (None, True),
        (1, True),
        (1 << 24, True),
        ((1 << 24) + 1, False),
        (0, False),
        (True, False),
        (8.0, False),
    ],
)
def test_sides_of_an_input_are_counts_of_pixels(side: Any, right: bool) -> None:
    given = layer("InputLayer", "in", batch_input_shape=[None, side, 3])
    said = f"holds the layer 'in' whose input has the shape [None, {side}, 3]"
    assert refused(functional(given)) == ("" if right else said)


def test_an_empty_shape_is_none() -> None:
    said = "holds the layer 'in' whose input has the shape []"
    assert refused(functional(layer("InputLayer", "in", batch_input_shape=[]))) == said


def test_layers_are_no_more_than_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_graph, "MOST_LAYERS", 3)
    assert refused(dense()) == ""
    monkeypatch.setattr(keras_graph, "MOST_LAYERS", 2)
    assert refused(dense()) == "holds a 'Functional' whose layers are not a list of at most 2"


def test_nested_models_are_checked_too() -> None:
    inner = {"class_name": "Functional", "config": {"name": "inner", "layers": [None]}}
    assert (
        refused(functional(layer("TimeDistributed", "t", "image", layer=inner)))
        == "holds a layer without a class"
    )
    odd = {"class_name": "Sequential", "name": "inner", "config": {"name": "inner", "layers": 5}}
    assert refused(functional(odd)) == "holds a 'Sequential' whose layers are not a list of at most 20000"
    listed = {"class_name": "Sequential", "config": [1]}
    said = "holds a 'Sequential' whose configuration is a list, not a mapping"
    assert refused(functional(layer("TimeDistributed", "t", "image", layer=listed))) == said


@pytest.mark.parametrize("key", ["input_layers", "output_layers"])
def test_ends_are_layers_of_the_model(key: str) -> None:
    model = dense()
    model["config"][key] = [["image", 0, 0], ["nobody", 0, 0]]
    assert refused(model) == f"names the layer 'nobody' in {key}, which it does not hold"
    model["config"][key] = {"a": ["flat", 0, 0]}
    assert refused(model) == ""


def calls(name: str, *nodes: list[Any], kind: str = "Dense", **options: Any) -> dict[str, Any]:
    return {**layer(kind, name, **options), "inbound_nodes": list(nodes)}


def test_calls_wait_for_what_they_read() -> None:
    later = calls("a", [["image", 0, 0, {}]], [["b", 0, 0, {}]])
    assert refused(functional(later, calls("b", [["a", 0, 0, {}]]))) == ""
    never = calls("a", [["image", 0, 0, {}]], [["b", 1, 0, {}]])
    said = "holds the layer 'a' whose input can never be there"
    assert refused(functional(never, calls("b", [["a", 0, 0, {}]]))) == said


def test_references_in_arguments_count_and_constants_do_not() -> None:
    said = "holds a layer that takes its input from 'nobody', which is not there"
    assert refused(functional(calls("a", [["image", 0, 0, {"y": ["nobody", 0, 0]}]]))) == said
    assert refused(functional(calls("a", [["image", 0, 0, {"y": ["_CONSTANT_VALUE", -1, 3.0]}]]))) == ""
    assert refused(functional(calls("a", [["_CONSTANT_VALUE", -1, "x", {"y": ["nobody", 0, 0]}]]))) == said
    assert refused(functional(calls("a", [["image", 0, 0, {"shape": ["x", 1, 2.5]}]]))) == ""  # no reference


@pytest.mark.parametrize(
    ("nested", "node", "right"),
    [
        ({"class_name": "Functional", "layers": [layer("InputLayer", "in")]}, 1, True),
        ({"class_name": "Functional", "layers": [layer("InputLayer", "in")]}, 0, False),
        ({"class_name": "Sequential", "layers": [layer("InputLayer", "in")]}, 1, True),
        ({"class_name": "Sequential", "layers": [layer("Dense", "d", batch_input_shape=[None, 4])]}, 1, True),
        ({"class_name": "Sequential", "layers": [layer("Dense", "d")]}, 0, True),
        ({"class_name": "Sequential", "layers": [layer("Dense", "d")]}, 1, False),
        ({"class_name": "Sequential", "layers": []}, 0, True),
    ],
)
def test_a_model_that_knows_its_input_was_called_once_already(
    nested: dict[str, Any], node: int, right: bool
) -> None:
    inner = calls("inner", [["image", 0, 0, {}]], kind=nested["class_name"], layers=nested["layers"])
    found = refused(functional(inner, calls("last", [["inner", node, 0, {}]])))
    assert found == ("" if right else "holds the layer 'last' whose input can never be there")


def test_a_sequential_model_has_no_order_of_its_own() -> None:
    first = calls("a", [["nobody", 0, 0, {}]])
    assert refused({"class_name": "Sequential", "config": {"layers": [first]}}) == ""
