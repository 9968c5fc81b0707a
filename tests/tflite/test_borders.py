"""Raw bytes at the borders of a file, run by LiteRT: they mean what the scale and the zero point say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from on_bytes import give_uint8, take_bytes
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble


def run(content: bytes, value: Any) -> dict[str, Any]:
    loaded = Interpreter(model_content=content)
    loaded.allocate_tensors()
    runner = loaded.get_signature_runner()
    return dict(runner(image=value))


def absolute() -> bytes:
    """Give a file that takes floats (1, 2, 2, 3) and gives their absolute values."""
    shape = (1, 2, 2, 3)
    step = Step(schema.BuiltinOperator.ABS, ["image"], ["scores"])
    return assemble({"image": shape, "scores": shape}, [step], ["image"], ["scores"])


def integer(scale: float = 0.5, zero_point: int = -3) -> bytes:
    """Give a file that moves int8 (1, 4) about, and gives it twice."""
    tensors: Any = {"image": (1, 4), "shape": np.array([4], np.int32), "scores": (4,), "more": (4,)}
    kind, options = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
    steps = [
        Step(schema.BuiltinOperator.RESHAPE, ["image", "shape"], [name], kind, options)
        for name in ("scores", "more")
    ]
    model = flatbuffer.unpack(assemble(tensors, steps, ["image"], ["scores", "more"]))
    for name in ("image", "scores", "more"):
        tensor = next(t for t in model.subgraphs[0].tensors if t.name == name.encode())
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([scale], np.float32)
        tensor.quantization.zeroPoint = np.array([zero_point], np.int64)
    return flatbuffer.pack(model)


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 100), ("int8", -28)])
def test_floats_are_made_of_bytes(dtype: str, zero_point: int) -> None:
    made = take_bytes(absolute(), dtype, {0: (0.25, zero_point)})
    given = np.arange(12, dtype=np.int64).reshape(1, 2, 2, 3) * 10 + zero_point - 60
    wanted = np.abs((given - zero_point) * 0.25)  # by the definition of scale and zero point
    np.testing.assert_array_equal(run(made, given.astype(dtype))["scores"], wanted)


def test_integers_are_made_of_bytes_of_another_scale(tmp_path: Path) -> None:
    made = take_bytes(integer(0.5, -3), "uint8", {0: (0.25, 128)})
    given = np.array([[128, 130, 132, 108]], np.uint8)  # 0, 0.5, 1 and -5
    assert run(made, given)["scores"].tolist() == [-3, -2, -1, -13]
    path = tmp_path / "m.tflite"
    path.write_bytes(made)
    described = flatbuffer.signature(path)["inputs"]
    assert described == [
        {"name": "image", "shape": [1, 4], "dtype": "uint8", "scale": 0.25, "zero_point": 128}
    ]
    (first, *_) = flatbuffer.operators(path)
    assert (first.name, first.inputs, first.outputs, first.output) == (
        "QUANTIZE",
        ("uint8",),
        ("int8",),
        "image",
    )
    graph = flatbuffer.load(path).subgraphs[0]
    assert [graph.tensors[int(k)].name for k in graph.inputs] == [b"image_uint8"]


def test_outputs_are_given_as_uint8_and_lose_nothing(tmp_path: Path) -> None:
    made = give_uint8(integer(0.5, -3))
    given = np.array([[-128, -3, 0, 127]], np.int8)
    for name in ("scores", "more"):
        assert run(made, given)[name].tolist() == [0, 125, 128, 255]
    path = tmp_path / "m.tflite"
    path.write_bytes(made)
    assert [
        (one["name"], one["dtype"], one["scale"], one["zero_point"])
        for one in flatbuffer.signature(path)["outputs"]
    ] == [
        ("scores", "uint8", 0.5, 125),
        ("more", "uint8", 0.5, 125),
    ]
    graph = flatbuffer.load(path).subgraphs[0]
    assert [graph.tensors[int(k)].name for k in graph.outputs] == [b"scores_uint8", b"more_uint8"]


def test_outputs_that_are_no_int8_stay_as_they_are() -> None:
    before = flatbuffer.unpack(absolute())
    after = flatbuffer.unpack(give_uint8(absolute()))
    assert len(after.subgraphs[0].tensors) == len(before.subgraphs[0].tensors)
    assert len(after.subgraphs[0].operators) == 1
