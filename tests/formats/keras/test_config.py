"""A model's configuration as a graph: calls, arguments, nesting, wrappers."""

from __future__ import annotations

from typing import Any

import pytest

from keras_configs import called, functional, image, layer, operation, sequential
from tflbuild.formats.keras.config import Graph, Place, Tensor, all_layers, everywhere, outputs_of


def names(config: dict[str, Any]) -> list[str]:
    return [place.layer.name for place in everywhere(config)]


def test_a_functional_model_is_its_layers_inputs_and_outputs() -> None:
    graph = Graph(
        functional(image(), layer("Dense", "a", "image"), layer("Add", "b", "a", "image"), ends=["a", "b"])
    )
    assert list(graph.layers) == ["image", "a", "b"]
    assert graph.inputs == [Tensor("image", 0, 0)]
    assert graph.outputs == [Tensor("a", 0, 0), Tensor("b", 0, 0)]
    assert graph.layers["b"].calls == ((Tensor("a", 0, 0), Tensor("image", 0, 0)),)
    assert graph.layers["b"].kind == "Add"


def test_a_sequential_model_is_a_chain() -> None:
    graph = Graph(sequential(image(), layer("Dense", "a"), layer("Dense", "b")))
    assert (graph.inputs, graph.outputs) == ([Tensor("image", 0, 0)], [Tensor("b", 0, 0)])
    assert graph.layers["image"].calls == ((),)
    assert graph.layers["b"].calls == ((Tensor("a", 0, 0),),)
    config = sequential(image(), layer("Dense", "a"))
    config["config"] = config["config"]["layers"]  # as Keras 2.1 wrote it: a list
    assert names(config) == ["a", "image"]


def test_everything_is_walked_once_from_the_end() -> None:
    config = functional(
        image(), layer("Dense", "a", "image"), layer("Dense", "b", "a"), layer("Add", "c", "a", "b")
    )
    found = names(config)
    assert sorted(found) == ["a", "b", "c", "image"]
    assert (found[0], found[-1]) == ("c", "image")


def test_a_layer_called_twice_has_two_places() -> None:
    shared = layer("Dense", "a", "image")
    shared["inbound_nodes"] = [[["image", 0, 0, {}]], [["b", 0, 0, {}]]]
    both = layer("Add", "c", "a")
    both["inbound_nodes"] = [[["a", 0, 0, {}], ["a", 1, 0, {}]]]
    config = functional(image(), shared, layer("ReLU", "b", "a"), both)
    keys = [place.key for place in everywhere(config) if place.layer.name == "a"]
    assert sorted(keys) == [("a:0",), ("a:1",)]
    second = outputs_of(config)[0].given()[1]
    assert [place.layer.name for place in second.given()] == ["b"]


def test_what_a_nested_model_reads_is_what_its_call_was_given() -> None:
    left, right = image("left", (4,)), image("right", (4,))
    inner = functional(left, right, layer("Subtract", "minus", "right", "left"), name="inner")
    inner["config"]["input_layers"] = [["left", 0, 0], ["right", 0, 0]]
    model = functional(
        image(), layer("Dense", "a", "image"), layer("Dense", "b", "image"), called(inner, "a", "b")
    )
    model["config"]["output_layers"] = [["inner", 1, 0]]
    (end,) = outputs_of(model)
    assert end.layer.name == "minus"
    assert end.key == ("inner:1", "minus:0")
    assert [place.layer.name for place in end.given()] == ["b", "a"]


def test_the_output_of_a_nested_model_is_the_one_that_was_asked_for() -> None:
    inner = functional(
        image("in", (4,)), layer("Dense", "x", "in"), layer("Dense", "y", "in"), ends=["x", "y"], name="inner"
    )
    model = functional(image(), called(inner, "image"))
    model["config"]["output_layers"] = [["inner", 1, 1], ["inner", 1, 0]]
    assert [place.layer.name for place in outputs_of(model)] == ["y", "x"]


def test_layers_at_any_depth_are_listed_where_they_stand() -> None:
    inner = sequential(layer("Dense", "x"), sequential(layer("Dense", "y"), name="deep"), name="inner")
    found = [one.name for one in all_layers(sequential(image(), inner, layer("Dense", "z")))]
    assert found == ["image", "inner", "x", "deep", "y", "z"]


@pytest.mark.parametrize(
    "wrapper",
    [
        "QuantizeWrapperV2",
        "QuantizeWrapper",
        "PruneLowMagnitude",
        "ClusterWeights",
        "QuantizeAnnotate",
        "TimeDistributed",
        "Custom>QuantizeWrapperV2",
    ],
)
def test_a_wrapper_is_what_it_wraps(wrapper: str) -> None:
    wrapped = layer(wrapper, "outer", "image", layer=layer("Dense", "inner", activation="relu", units=3))
    found = Graph(functional(image(), wrapped)).layers["outer"]
    assert (found.name, found.kind, found.activation, found.config["units"]) == ("outer", "Dense", "relu", 3)
    twice = layer("PruneLowMagnitude", "outer", "image", layer=wrapped)
    assert Graph(functional(image(), twice)).layers["outer"].kind == "Dense"


def test_arguments_of_a_call_are_its_own() -> None:
    model = functional(image(), operation("math.add", "op", "image", y=0.5))
    assert outputs_of(model)[0].arguments == {"y": 0.5, "name": None}
    constant = layer("TFOpLambda", "op", function="math.subtract")
    constant["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 3.0, {"y": ["image", 0, 0]}]]
    found = outputs_of(functional(image(), constant))[0].arguments
    assert found["constant"] == 3.0
    assert outputs_of(functional(image(), layer("Dense", "a", "image")))[0].arguments == {}
    assert outputs_of(sequential(image(), layer("Dense", "a")))[0].arguments == {}


@pytest.mark.parametrize(
    ("function", "kind", "word"),
    [
        ("tf.nn.softmax", "TFOpLambda", "softmax"),
        ("cast", "TFOpLambda", "cast"),
        ("__operators__.getitem", "SlicingOpLambda", "getitem"),
        ("tf.nn.softmax", "Dense", ""),
    ],
)
def test_the_last_word_of_an_operation_is_its_name(function: str, kind: str, word: str) -> None:
    assert (
        Graph(functional(image(), layer(kind, "op", "image", function=function))).layers["op"].operation
        == word
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("relu", "relu"),
        ("linear", ""),
        (None, ""),
        ({"class_name": "ReLU", "config": {"name": "re_lu"}}, "re_lu"),
        ({"class_name": "QuantizeAwareActivation", "config": {"activation": "softmax"}}, "softmax"),
        ({"class_name": "function", "config": "tanh"}, "tanh"),
        ({"class_name": "Swish", "config": None}, "Swish"),
        ({"class_name": "ELU", "config": {}}, "ELU"),
    ],
)
def test_activations_are_read_through_their_wrappers(value: Any, name: str) -> None:
    assert (
        Graph(functional(image(), layer("Dense", "a", "image", activation=value))).layers["a"].activation
        == name
    )


def test_tensors_are_found_in_lists_and_mappings() -> None:
    attention = layer("MultiHeadAttention", "m")
    attention["inbound_nodes"] = [[["image", 0, 0, {"value": ["a", 0, 0]}]]]
    by_name = layer("Add", "b")
    by_name["inbound_nodes"] = [{"x": ["m", 0, 0], "y": ["a", 0, 1]}]
    graph = Graph(functional(image(), layer("Dense", "a", "image"), attention, by_name))
    assert graph.layers["m"].calls == ((Tensor("image", 0, 0), Tensor("a", 0, 0)),)
    assert graph.layers["b"].calls == ((Tensor("m", 0, 0), Tensor("a", 0, 1)),)


def test_a_sequential_model_in_another_counts_its_own_making_where_it_knows_its_input() -> None:
    for first, call in ((image("in", (4,)), 1), (layer("Dense", "x"), 0)):
        inner = sequential(first, layer("Dense", "last"), name="inner")
        outer = functional(image(), layer("Dense", "a", "image"), called(inner, "a"))
        outer["config"]["output_layers"] = [["inner", call, 0]]
        assert names(outer) == (["last", "a", "image"] if call else ["last", "x", "a", "image"])
        graph = Graph(outer)
        assert Place(graph, Tensor("inner", call, 0)).given()[0].layer.name == "a"


def test_lists_of_lists_of_numbers_are_no_tensors() -> None:
    odd = layer("Dense", "a")
    odd["inbound_nodes"] = [[["image", 0, 0, {"pads": [[1, 1], 2, 3]}]]]
    assert Graph(functional(image(), odd)).layers["a"].calls == ((Tensor("image", 0, 0),),)


def test_a_chain_in_a_chain_that_knows_its_input_is_walked() -> None:
    inner = sequential(image("in", (4,)), layer("Dense", "x"), name="inner")
    assert names(sequential(image(), inner, layer("Dense", "last"))) == ["last", "x", "image"]


def test_an_inner_model_reads_what_the_middle_one_gives_it() -> None:
    inner = functional(image("deep", (4,)), layer("Dense", "x", "deep"), name="inner")
    middle = functional(image("in", (4,)), layer("Dense", "y", "in"), called(inner, "y"), name="middle")
    middle["config"]["output_layers"] = [["inner", 1, 0]]
    outer = functional(image(), layer("Dense", "z", "image"), called(middle, "z"))
    outer["config"]["output_layers"] = [["middle", 1, 0]]
    assert names(outer) == ["x", "y", "z", "image"]
    assert outputs_of(outer)[0].key == ("middle:1", "inner:1", "x:0")
