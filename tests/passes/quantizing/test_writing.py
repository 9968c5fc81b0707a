"""What passes that write a `.tflite` share: facts inside, and promises of its borders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from on_bytes import widen, widened
from quantized_files import Held, held
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.float_model import inputs_in_order
from tflbuild.quantization import promises
from tflbuild.testing import artifact
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.census import census as census_of
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.islands import Island
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import brightness_detector

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

FACTS = Meaning.of_image(
    task="classification",
    height=8,
    width=8,
    labels=("cat", "dog"),
    preprocess={"scale": 0.0078125, "offset": -1.0},
)
DETECTOR = replace(FACTS, task="detection", head={"postprocess": {"max_detections": 7}})


class Context:
    """Emits into a list."""

    def __init__(self, folder: Path) -> None:
        self.scratch, self.emitted = folder, list[Any]()

    def emit(self, kind: type, content: bytes, **meta: Any) -> Any:
        self.emitted.append((kind, content, meta))
        return meta


def test_the_file_says_what_it_means_and_the_report_what_is_in_the_file(tmp_path: Path) -> None:
    ctx: Any = Context(tmp_path)
    writing.emit_tflite(
        ctx, Graph.unpacked(small_network.convolutional()), FACTS, quantized="int8", islands=[]
    )
    ((kind, content, meta),) = ctx.emitted
    path = tmp_path / "emitted.tflite"
    path.write_bytes(content)
    assert kind is TFLiteModel
    assert flatbuffer.read_facts(path) == meta["facts"] == FACTS.to_json()
    assert (meta["quantized"], meta["islands"]) == ("int8", [])
    assert meta["signature"] == flatbuffer.signature(path)
    assert meta["census"] == census_of(path), "of the file that is delivered"
    assert set(meta) == {"facts", "quantized", "islands", "signature", "census"}


def test_a_detectors_outputs_have_the_shapes_of_as_many_boxes_as_it_gives(tmp_path: Path) -> None:
    ctx: Any = Context(tmp_path)
    writing.emit_tflite(ctx, Graph.unpacked(brightness_detector()), DETECTOR)
    shapes = {tuple(output["shape"]) for output in ctx.emitted[0][2]["signature"]["outputs"]}
    assert shapes == {(1, 7, 4), (1, 7), (1,)}
    assert FACTS.kind.tail_shapes(FACTS) == {}


@pytest.mark.parametrize("head", [{}, {"outputs": {"detection_boxes": "StatefulPartitionedCall:3"}}], ids=str)
def test_a_detector_of_others_keeps_its_shapes(tmp_path: Path, head: dict[str, Any]) -> None:
    ctx: Any = Context(tmp_path)
    writing.emit_tflite(ctx, Graph.unpacked(brightness_detector()), replace(DETECTOR, head=head))
    shapes = {tuple(output["shape"]) for output in ctx.emitted[0][2]["signature"]["outputs"]}
    assert shapes == {(1, 10, 4), (1, 10), (1,)}


def test_only_a_detector_ends_in_a_suppression() -> None:
    assert FACTS.kind.tail(FACTS) is None


def signed(folder: Path, dtype: str, scale: float = 1 / 128, zero_point: int = 128) -> Any:
    """Give a model whose signature says what its input is."""
    made = artifact(TFLiteModel, small_network.quantized(folder), FACTS)
    return made, {"dtype": dtype, "scale": scale, "zero_point": zero_point, "name": "image"}


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "right"),
    [
        # model value = byte / 128 - 1: by hand
        ("uint8", 1 / 128, 128, True),
        ("int8", 1 / 128, 0, True),
        ("uint8", 1 / 128 * 1.00005, 128, True),
        ("uint8", 1 / 128 * 1.0003, 128, False),
        ("uint8", 1 / 128, 127, False),
        ("int8", 1 / 128, 128, False),
        ("float32", 0.0, 0, True),
    ],
)
def test_an_inputs_scale_and_zero_point_are_those_of_the_preprocessing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, scale: float, zero_point: int, right: bool
) -> None:
    model, entry = signed(tmp_path, dtype, scale, zero_point)
    monkeypatch.setattr(flatbuffer, "signature", lambda path: {"inputs": [entry], "outputs": []})
    if right:
        writing.check_inputs(model, {"image": dtype})
    else:
        with pytest.raises(BrokenPromise, match="are not those of the preprocess block"):
            writing.check_inputs(model, {"image": dtype})
    with pytest.raises(BrokenPromise, match=f"^a int16 input was promised, but 'image' is {dtype}"):
        writing.check_inputs(model, {"image": "int16"})


def test_a_detector_gives_floats_whatever_was_asked_for(tmp_path: Path) -> None:
    floats = artifact(TFLiteModel, small_network.quantized(tmp_path), FACTS)
    writing.check_outputs(floats, "float32")
    with pytest.raises(BrokenPromise, match=r"^a int8 output was promised, but 'scores' is float32"):
        writing.check_outputs(floats, "int8")
    writing.check_outputs(artifact(TFLiteModel, floats.path, DETECTOR), "int8")


def test_kernels_are_held_to_the_zeros_and_the_clusters_that_were_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(promises, "check_declared", lambda *given: asked.append(given))
    model = small_network.model(tmp_path)
    writing.check_declared(model)
    declared = {
        "sparsity": {"layers": {"stem/kernel": 0.5}},
        "clusters": {"layers": {"head/kernel": {"channel": 4, "kernel": 9}}},
    }
    writing.check_declared(replace(model, meta={**model.meta, **declared}))
    assert asked == [(model.path, {}, {}), (model.path, {"stem/kernel": 0.5}, {"head/kernel": 4})]


def test_final_scores_of_16_bits_are_an_island_of_an_int8_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        promises,
        "check_full_integer",
        lambda path, activations, islands: asked.append((activations, islands)),
    )
    path = tmp_path / "wide.tflite"
    path.write_bytes(widen(small_network.quantized(tmp_path).read_bytes()))
    named = widened(path.read_bytes())
    own = Island(name="head", dtype="float32", reason="kept")
    for activations in ("int8", "int16"):
        writing.check_full_integer(path, activations, [own])
    finer = [Island(name=name, dtype="int16", reason="final scores") for name in named]
    assert len(finer) == 1
    assert asked == [("int8", [own, *finer]), ("int16", [own])]


def test_a_file_without_its_zeros_is_refused_with_the_option_to_change(tmp_path: Path) -> None:
    model = small_network.model(tmp_path)
    writing.refuse_sparse(model)
    writing.refuse_sparse(replace(model, meta={"sparse_encoding": False}))
    with pytest.raises(PassError, match=r"set convert\.sparse_encoding=false"):
        writing.refuse_sparse(replace(model, meta={"sparse_encoding": True}))


def test_pixels_reach_from_black_to_white_as_bytes_say_it() -> None:
    """-1 and 255 / 128 - 1; with a zero point of round(123.7 * 1.0) = 124, -124 and 131."""
    assert writing.limits_of(FACTS) == {"image": (-1.0, 127 / 128)}
    other = replace(FACTS.only, preprocess={"scale": 1.0, "offset": -123.7})
    assert writing.limits_of(replace(FACTS, inputs={"x": other})) == {"x": (-124.0, 131.0)}


def test_inputs_that_a_file_does_not_have_are_refused() -> None:
    packed = Packed(small_network.convolutional())
    assert inputs_in_order(packed, FACTS) == ["image"]
    facts = replace(FACTS, inputs={"pixels": FACTS.only, "x": FACTS.only})
    with pytest.raises(PassError, match=r"^the file takes image, but is said to take pixels, x; name its"):
        inputs_in_order(packed, facts)


def test_numbers_have_no_limits_and_no_raw_bytes() -> None:
    mixed = replace(FACTS, inputs={"image": FACTS.only, "x": Input(modality="vector", shape=(3,))})
    assert writing.limits_of(mixed) == {"image": (-1.0, 127 / 128)}
    assert writing.input_dtypes(mixed, "int8", None) == {"image": "uint8", "x": "int8"}
    assert writing.input_dtypes(mixed, "int16x8", None) == {"image": "float32", "x": "float32"}
    assert writing.input_dtypes(mixed, "int8", "float32") == {"image": "float32", "x": "float32"}
    with pytest.raises(PassError, match=r"^input_dtype: uint8 takes raw bytes, and the input 'x' has none"):
        writing.input_dtypes(mixed, "int8", "uint8")


def test_an_output_of_whole_numbers_stays_one_whatever_is_promised_of_floats(tmp_path: Path) -> None:
    options = schema.ArgMaxOptionsT()
    options.outputType = schema.TensorType.INT32
    tensors: Any = {"x": (1, 5), "axis": np.int32([1]), "place": (1,)}
    operator, kind = schema.BuiltinOperator.ARG_MAX, schema.BuiltinOptions.ArgMaxOptions
    step = Step(operator, ["x", "axis"], ["place"], kind, options)
    path = tmp_path / "places.tflite"
    path.write_bytes(held(assemble(tensors, [step], ["x"], ["place"]), {"place": Held("int32")}))
    meaning = Meaning(task="unlabelled", inputs={"x": Input(modality="vector", shape=(5,))})
    for dtype in ("float32", "int8"):
        writing.check_outputs(artifact(TFLiteModel, path, meaning), dtype)
    path.write_bytes(path.read_bytes().replace(b"place", b"other"))
    path.write_bytes(held(path.read_bytes(), {"other": Held("int8", 0.5)}))
    with pytest.raises(BrokenPromise, match="a float32 output was promised, but 'other' is int8"):
        writing.check_outputs(artifact(TFLiteModel, path, meaning), "float32")
