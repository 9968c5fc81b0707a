"""Signatures: tensors as a sentence has them, and the form that reports and records hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tflbuild.core.signature import Signature, TensorSpec

IMAGE = TensorSpec((1, 96, 128, 3), "uint8", 0.0078125, 128)
SCORES = TensorSpec((1, 2), "float32")
WRITTEN: dict[str, Any] = {
    "inputs": [
        {
            "name": "image",
            "shape": [1, 96, 128, 3],
            "dtype": "uint8",
            "scale": 0.0078125,
            "zero_point": 128,
        },
        {"name": "age", "shape": [], "dtype": "int32"},
    ],
    "outputs": [{"name": "scores", "shape": [1, 2], "dtype": "float32"}],
}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (IMAGE, "(1, 96, 128, 3) uint8"),
        (TensorSpec((-1, 10), "int8"), "(?, 10) int8"),
        (TensorSpec((7,), "float32"), "(7,) float32"),
        (TensorSpec((-1,), "float32"), "(?,) float32"),
        (TensorSpec((), "string"), "() string"),
        (TensorSpec((0, 4), "float32"), "(0, 4) float32"),
    ],
)
def test_a_tensor_is_said_by_its_sides_and_its_dtype(spec: TensorSpec, text: str) -> None:
    assert spec.text == text


def test_a_tensor_is_not_quantized_unless_it_says_so() -> None:
    assert (SCORES.scale, SCORES.zero_point) == (0.0, 0)


def test_a_signature_is_written_in_the_models_order_and_read_back() -> None:
    signature = Signature(inputs={"image": IMAGE, "age": TensorSpec((), "int32")}, outputs={"scores": SCORES})
    assert json.loads(json.dumps(signature.to_json())) == WRITTEN
    read = Signature.from_json(WRITTEN)
    assert read == signature
    assert list(read.inputs) == ["image", "age"]
    turned = Signature.from_json({**WRITTEN, "inputs": WRITTEN["inputs"][::-1]})
    assert list(turned.inputs) == ["age", "image"]


def test_only_what_is_quantized_has_a_scale_and_a_zero_point() -> None:
    with_zero = Signature(inputs={"x": TensorSpec((1,), "int8", 0.5, 0)}, outputs={})
    [entry] = with_zero.to_json()["inputs"]
    assert (entry["scale"], entry["zero_point"]) == (0.5, 0)
    without = Signature(inputs={"x": TensorSpec((1,), "int8")}, outputs={})
    assert without.to_json()["inputs"] == [{"name": "x", "shape": [1], "dtype": "int8"}]


def test_a_part_that_was_not_written_is_empty() -> None:
    assert Signature.from_json({}) == Signature(inputs={}, outputs={})
    assert Signature.from_json({"outputs": WRITTEN["outputs"]}).outputs == {"scores": SCORES}
