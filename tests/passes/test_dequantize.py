"""A quantized file taken in and made float: what its weights are, and what holds it to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from foreign_networks import noise, vector
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.models.file import File
from tflbuild.passes.dequantize import Dequantize
from tflbuild.passes.load_tflite import LoadTflite
from tflbuild.quantization import quantizer
from tflbuild.quantization.observation import observe
from tflbuild.testing import run_pass
from tflbuild.tflite import dequantization, flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.weights import weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def shipped(folder: Path, scheme: Any) -> bytes:
    """Quantize the network of twelve numbers, as somebody else did."""
    rows = [{"given": row} for row in np.random.default_rng(0).normal(size=(64, 20)).astype(np.float32)]
    ranges = {name: (one.low, one.high) for name, one in observe(Graph.unpacked(vector()), rows).items()}
    whole = scheme in ("int8", "int16x8")
    return quantizer.quantize(
        Packed(vector()), scheme, ranges if whole else None, float_input=not whole, float_output=not whole
    ).packed()


def restored(folder: Path, content: bytes) -> tuple[TFLiteModel, TFLiteModel, dict[str, Any]]:
    """Take a file in and make it float; gives the file as it was taken in, the float model, and the notes."""
    plugins.load(None)
    path = folder / "user.tflite"
    path.write_bytes(content)
    data, index = noise(content)
    options: dict[str, Any] = {"model_spec": File(path=str(path)), "data": data, "index": index}
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    taken = run_pass(LoadTflite(), None, folder / "one", **options)
    notes: dict[str, Any] = {}
    made = run_pass(Dequantize(), taken, folder / "two", notes=notes, **options)
    return taken, made, notes["dequantize"]


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "float16", "dynamic"])
def test_every_scheme_becomes_floats_that_are_the_levels_times_the_scales(
    scheme: str, tmp_path: Path
) -> None:
    content = shipped(tmp_path, scheme)
    taken, made, notes = restored(tmp_path, content)
    assert taken.meta.get("quantized", "") == (scheme if scheme in ("int8", "int16x8") else "")
    assert not made.meta.get("quantized")
    assert {entry["dtype"] for ends in made.meta["signature"].values() for entry in ends} == {"float32"}
    assert Meaning.of(made) == Meaning.of(taken)
    assert flatbuffer.read_facts(made.path) == flatbuffer.read_facts(taken.path)
    before = {one.output: one for one in weights_in(taken.path)}
    after = {one.output: one for one in weights_in(made.path)}
    assert len(after) == notes["layers"] > 1
    for old, new in zip(before.values(), after.values(), strict=True):
        scale = 1.0 if scheme == "float16" else np.reshape(old.scales, (-1, *[1] * (old.values.ndim - 1)))
        np.testing.assert_allclose(new.values, old.values.astype(np.float64) * scale, rtol=1e-6)
    (found,) = notes["outputs"].values()
    assert found["samples"] == 24
    assert 0 <= found["unexplained"] <= found["bound"]
    assert (found["step"] > 0) == (scheme in ("int8", "int16x8"))
    assert (found["rounding"] > 0) == (scheme != "float16")


def test_a_float_model_that_computes_otherwise_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, right = shipped(tmp_path, "int8"), dequantization.values_of
    monkeypatch.setattr(dequantization, "values_of", lambda graph, index: 1.2 * right(graph, index))
    with pytest.raises(
        BrokenPromise, match=r"does not compute what the file does: '\S+' differs by .* could be rounding"
    ):
        restored(tmp_path, content)


def test_a_float_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PassError, match="the file is float already: no tensor and no weight of it is quantized"
    ):
        restored(tmp_path, vector())


def test_what_is_quantized_still_is_a_broken_promise(tmp_path: Path) -> None:
    taken, made, _ = restored(tmp_path, shipped(tmp_path, "int8"))
    Dequantize().verify(taken, made)
    with pytest.raises(BrokenPromise, match=r"\d+ tensors are quantized still, '\S+' the first"):
        Dequantize().verify(made, taken)


def test_clipping_to_the_ends_of_a_range_is_measured_apart_from_rounding_and_named(tmp_path: Path) -> None:
    """The same grid of steps, moved so that its upper end cuts off what the last layer gives."""
    content = shipped(tmp_path, "int16x8")
    _, _, wide = restored(tmp_path / "wide" if (tmp_path / "wide").mkdir() is None else tmp_path, content)
    assert wide["beyond"] == []
    (found,) = wide["outputs"].values()
    assert found["clipping"] <= 1e-6 * found["size"]
    model = flatbuffer.unpack(shipped(tmp_path, "int8"))
    graph = Graph(model)
    given = int(graph.operators[0].outputs[0])
    graph.tensors[given].quantization.scale = graph.tensors[given].quantization.scale / np.float32(8)
    for operator in graph.readers(given):  # what reads it means the same by fewer levels
        bias = graph.tensors[int(operator.inputs[2])] if len(operator.inputs) > 2 else None
        if bias is not None:
            bias.quantization.scale = bias.quantization.scale / np.float32(8)
    (tmp_path / "narrow").mkdir()
    _, _, narrow = restored(tmp_path / "narrow", flatbuffer.pack(model))
    assert graph.name(given) in {one["name"] for one in narrow["beyond"]}
    (found,) = narrow["outputs"].values()
    assert found["clipping"] > 3 * found["rounding"]
    assert graph.tensors[given].type == schema.TensorType.INT8
