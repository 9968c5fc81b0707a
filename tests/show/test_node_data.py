"""Errors by layer as node data for Model Explorer, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.show.node_data import BAD, GOOD, node_data

SENSITIVITY = {
    "name": "sensitivity",
    "findings": [
        {
            "error_of_all": 0.5,
            "layers": [
                {"layer": "one", "tensor": "a;b", "alone": 0.123456789, "left_out": 0.3},
                {"layer": "two", "tensor": "c", "alone": 0.25, "left_out": 0.5},
                {"layer": "gone", "tensor": "not there", "alone": 0.1, "left_out": 0.1},
            ],
        }
    ],
}
LAYERS = {
    "name": "layers",
    "findings": [
        {
            "text": "...",
            "activations": [
                {"tensor": "c", "layer": "two", "channel_sqnr": 12.0, "saturated": 0.5},
                {"tensor": "a;b", "layer": "one", "channel_sqnr": 40.0, "saturated": None},
            ],
        },
        {"cause": "weights", "stage": "weights", "text": "...", "cures": []},
    ],
}
TENSORS = {"x", "a;b", "c", "y"}


def test_rounding_costs_are_told_by_the_tensor_that_a_layer_makes() -> None:
    alone, saved = node_data([SENSITIVITY], TENSORS)
    assert alone.data["results"] == {"a;b": {"value": 0.123457}, "c": {"value": 0.25}}
    assert saved.data["results"] == {"a;b": {"value": 0.2}, "c": {"value": 0.0}}
    assert (alone.missing, saved.missing) == (1, 1)
    assert alone.data["name"] == alone.name
    assert alone.data["gradient"] == [{"stop": 0, "bgColor": GOOD}, {"stop": 1, "bgColor": BAD}]


def test_a_low_signal_to_noise_ratio_is_the_bad_end() -> None:
    sqnr, saturated = node_data([LAYERS], TENSORS)
    assert sqnr.data["gradient"] == [{"stop": 0, "bgColor": BAD}, {"stop": 1, "bgColor": GOOD}]
    assert sqnr.data["results"] == {"c": {"value": 12.0}, "a;b": {"value": 40.0}}
    assert saturated.data["results"] == {"c": {"value": 0.5}}, "what is not known has no colour"


def test_layers_come_before_costs_of_rounding() -> None:
    names = [one.name for one in node_data([SENSITIVITY, LAYERS], TENSORS)]
    assert names == [
        "SQNR by channel, dB",
        "share saturated",
        "error, this layer alone rounded",
        "error saved by float",
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"name": "ladder", "findings": [{"rungs": []}]}],
        [{"name": "layers"}],
        [
            {
                "name": "layers",
                "findings": [{"activations": [5, {"tensor": 5}, {"tensor": "c", "channel_sqnr": "low"}]}],
            }
        ],
        [{"name": "layers", "findings": [{"activations": [{"tensor": "c", "channel_sqnr": float("inf")}]}]}],
        [{"name": "layers", "findings": [{"activations": [{"tensor": "elsewhere", "channel_sqnr": 5.0}]}]}],
    ],
)
def test_where_nothing_is_known_of_these_tensors_there_is_nothing(entries: list[dict[str, Any]]) -> None:
    assert node_data(entries, TENSORS) == []
