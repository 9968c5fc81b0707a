"""Schemes of quantized files, by their dtypes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
import tflite_files
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.scheme import Scheme, scheme_of
from tflbuild.tflite.model import Model
from tflite_files import Typed, step


def scheme(content: bytes) -> Scheme:
    return scheme_of(Graph(Model(content)))


def stored(**dtypes: str) -> Any:
    """Store constants in other dtypes, zeros all of them."""

    def change(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            dtype = dtypes.get(tensor.name.decode())
            if dtype:
                tensor.type = getattr(schema.TensorType, dtype.upper())
                count = int(np.prod(tensor.shape))
                size = (count + 1) // 2 if dtype == "int4" else np.dtype(dtype).itemsize * count
                model.buffers[tensor.buffer].data = np.zeros(size, np.uint8)

    return change


WHOLE = {name: Typed("int8", 0.5) for name in ("image", "scores")}


@pytest.mark.parametrize(
    ("activation", "weight", "name"),
    [
        ("float32", "float32", ""),
        ("float32", "float16", "float16"),
        ("float32", "int8", "dynamic"),
        ("float32", "int4", "dynamic"),
        ("int8", "int8", "int8"),
        ("int8", "int4", "int8"),
        ("uint8", "uint8", "uint8"),
        ("int16", "int8", "int16x8"),
    ],
)
def test_a_scheme_is_that_of_weights_and_activations(activation: str, weight: str, name: str) -> None:
    typed = {one: Typed(activation, 0.5 if activation != "float32" else 0.0) for one in ("image", "scores")}
    found = scheme(tflite_files.classifier(typed=typed, change=stored(weights=weight)))
    assert found.name == name
    said = f"1 of 1 layers with {weight} weights and {activation} activations"
    assert found.evidence == (said if name else "")


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_what_the_quantizer_makes_is_recognised(name: str, tmp_path: Path) -> None:
    found = scheme(small_network.quantized(tmp_path, name).read_bytes())
    assert found.name == name
    assert found.evidence.startswith("3 of 3 layers with int8 weights")


def test_weights_are_looked_for_behind_what_unpacks_them() -> None:
    tensors = {
        "image": (1, 4),
        "half": np.zeros((2, 4), np.float32),
        "weights": (2, 4),
        "bias": np.zeros(2, np.float32),
        "scores": (1, 2),
    }
    steps = [
        step("DEQUANTIZE", ["half"], ["weights"]),
        step("FULLY_CONNECTED", ["image", "weights", "bias"], ["scores"]),
    ]
    made = tflite_files.network(tensors, steps, ["image"], ["scores"], change=stored(half="float16"))
    assert scheme(made).name == "float16"


def test_the_scheme_of_most_weights_counts_and_others_are_said() -> None:
    tensors = {
        "image": (1, 4),
        "large": np.zeros((8, 4), np.float32),
        "small": np.zeros((2, 8), np.float32),
        "bias": np.zeros(8, np.float32),
        "two": np.zeros(2, np.float32),
        "middle": (1, 8),
        "scores": (1, 2),
    }
    steps = [
        step("FULLY_CONNECTED", ["image", "large", "bias"], ["middle"]),
        step("FULLY_CONNECTED", ["middle", "small", "two"], ["scores"]),
    ]

    def made(**dtypes: str) -> Scheme:
        content = tflite_files.network(tensors, steps, ["image"], ["scores"], change=stored(**dtypes))
        return scheme(content)

    said = "1 of 2 layers with int8 weights and float32 activations; 1 with float32 weights and float32 activations"
    assert made(large="int8") == ("dynamic", said)
    assert made(small="int8") == ("", "")


def test_a_graph_without_weights_is_known_by_its_tensors() -> None:
    tensors = {"a": (1, 4), "b": (1, 4), "c": (1, 4)}
    steps = [step("ADD", ["a", "a"], ["b"]), step("ADD", ["b", "b"], ["c"])]

    def made(**typed: str) -> Scheme:
        quantized = {name: Typed(dtype, 0.5) for name, dtype in typed.items()}
        return scheme(tflite_files.network(tensors, steps, ["a"], ["c"], quantized))

    assert made() == ("", "")
    assert made(a="int8", b="int8", c="int8").name == "int8"
    assert made(a="uint8", b="int8", c="uint8") == ("int8", "1 of 1 quantized tensors are int8")
    assert made(a="uint8", c="uint8") == ("uint8", "2 of 2 quantized tensors are uint8")
    assert made(b="int16").name == "int16x8"


def test_an_operator_of_a_chip_is_known_by_its_borders() -> None:
    tensors = {"a": (1, 4), "b": (1, 4)}
    typed = {"a": Typed("int8", 0.5), "b": Typed("int8", 0.5)}
    made = tflite_files.network(tensors, [step("ethos-u", ["a"], ["b"])], ["a"], ["b"], typed)
    assert scheme(made) == ("int8", "2 of 2 quantized tensors are int8")
