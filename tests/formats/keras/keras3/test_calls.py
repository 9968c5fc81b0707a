"""What a call of a layer reads, as Keras 3 writes it in `inbound_nodes`."""

from __future__ import annotations

from typing import Any

import pytest

from keras3_files import layer, tensor
from tflbuild.formats.keras.keras3.calls import Call, Tensor, calls_of
from tflbuild.formats.keras.keras3.refusal import Malformed, NoEqual


def only(*args: Any, **kwargs: Any) -> Call:
    """Read a layer that is called once."""
    entry = {**layer("Add", "a"), "inbound_nodes": [{"args": list(args), "kwargs": kwargs}]}
    (found,) = calls_of(entry)
    return found


def history(shape: Any, *where: Any) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": list(where)}}


def test_a_tensor_is_an_output_of_a_call_of_a_layer() -> None:
    call = only(history([None, 8, None], "conv", 2, 1))
    assert call == Call((Tensor("conv", 2, 1, (None, 8, None)),), {})
    assert call.args[0].rank == 3
    assert only(history([], "conv", 0, 0)).args[0].rank == 0  # one number for all, whose shape is known
    for unsaid in (None, "8", [None, 8.0], [None, True]):
        found = only(history(unsaid, "conv", 0, 0)).args[0]
        assert (found.shape, found.rank) == (None, None)


@pytest.mark.parametrize("where", [(1, 0, 0), ("conv", "0", 0), ("conv", 0, None), ("conv", True, 0)])
def test_a_tensor_without_a_place_is_malformed(where: Any) -> None:
    with pytest.raises(Malformed, match=r"^holds a tensor that comes from nowhere$"):
        only(history([None, 8], *where))


def test_tensors_are_found_in_lists_and_by_name_in_their_order() -> None:
    call = only([tensor("a"), [tensor("b"), 2.0]], 1, tensor("c"), value=tensor("d"), scale=0.5)
    assert [one.layer for one in call.tensors()] == ["a", "b", "c", "d"]
    assert call.args[1] == 1
    assert call.kwargs["scale"] == 0.5


def test_what_changes_nothing_when_a_model_is_used_is_left_out() -> None:
    call = only(tensor("a"), training=True, mask=tensor("b"), initial=None, other=0, flag=False)
    assert call.kwargs == {"other": 0, "flag": False}


@pytest.mark.parametrize("kind", ["__tensor__", "__numpy__"])
def test_an_array_in_a_call_is_its_numbers(kind: str) -> None:
    array = {"class_name": kind, "config": {"value": [1.0, 2.0], "dtype": "float32"}}
    assert only(tensor("a"), array).args[1] == [1.0, 2.0]


def test_places_stay_as_they_are() -> None:
    places = [
        {"class_name": "__slice__", "config": {"start": 0, "stop": 2, "step": None}},
        {"class_name": "__ellipsis__", "config": {}},
    ]
    assert only(tensor("a"), places).args[1] == places


@pytest.mark.parametrize(
    "given",
    [
        {"class_name": "Mine", "config": {}},
        {"class_name": "__keras_tensor__", "config": []},
        {"class_name": "__numpy__", "config": None},
        {},
    ],
)
def test_other_objects_are_no_arguments(given: dict[str, Any]) -> None:
    call = only(tensor("b"), deep=[given])
    with pytest.raises(
        NoEqual, match=r"^layer 'a' is called with an argument that is neither a tensor nor a number$"
    ):
        call.check_plain("a")


@pytest.mark.parametrize("nodes", [{"args": []}, "x", [[]], [{"args": [], "kwargs": {}}, 1]])
def test_calls_of_another_form_are_malformed(nodes: Any) -> None:
    with pytest.raises(Malformed, match=r"^holds the layer 'a' whose calls are not those of Keras 3$"):
        calls_of({**layer("Add", "a"), "inbound_nodes": nodes})


def test_a_layer_that_is_not_called_has_no_calls() -> None:
    assert calls_of(layer("Add", "a")) == []
    assert calls_of({**layer("Add", "a"), "inbound_nodes": None}) == []
    assert len(calls_of(layer("Flatten", "a", "x", "y"))) == 2
