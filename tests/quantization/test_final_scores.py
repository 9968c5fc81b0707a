"""Scores in 16 bits, against numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from on_bytes import exposed, quantize, widen, widened, without_custom
from samples import Samples, samples
from tflbuild.quantization import final_scores
from tflbuild.quantization.observation import Executable
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.tiny import brightness_detector
from tflite_files import Typed, network, step

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

LOGITS = {"classifier": "head/BiasAdd", "detector": "flat_logits"}


def classifier(folder: Path, *, float_output: bool = True) -> bytes:
    source = small_network.model(folder).path
    return quantize(source, "int8", small_network.ranges(), float_input=True, float_output=float_output)


def detector(folder: Path) -> bytes:
    path = folder / "detector.tflite"
    path.write_bytes(brightness_detector())
    ranges = dict.fromkeys(("flat_boxes", "box_encodings", "image"), (-1.0, 1.0))
    ranges |= {"flat_logits": (-8.0, 8.0)} | dict.fromkeys(("flat_scores", "class_scores"), (0.0, 1.0))
    return quantize(path, "int8", ranges, float_input=True, float_output=True)


def images() -> Samples:
    rng = np.random.default_rng(0)
    return samples(
        rng.uniform(low, low + 0.5, (8, 8, 3)).astype(np.float32) for low in np.linspace(-1, 0.5, 7)
    )


def outputs(content: bytes) -> Any:
    running = Executable(without_custom(content))
    return np.stack([running.run(image)[-1].ravel() for image in images()])


def exact(content: bytes, name: str) -> Any:
    """Give the scores that numpy makes of the quantized logits."""
    running = Executable(exposed(without_custom(content), [name]))
    logits = np.stack([running.run(image)[0] for image in images()]).astype(np.float64)
    if name == LOGITS["detector"]:
        return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["classifier", "detector"])
def test_scores_are_those_of_the_logits_to_a_part_in_thousands(tmp_path: Path, kind: str) -> None:
    content = classifier(tmp_path) if kind == "classifier" else detector(tmp_path)
    wanted = exact(content, LOGITS[kind])
    made = widen(content)
    assert np.abs(outputs(content) - wanted).max() > 1e-3  # a step is 1/256
    assert np.abs(outputs(made) - wanted).max() < 3e-4


def test_the_operators_stay_integer_ones_with_the_scale_of_the_specification(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.unpack(widen(classifier(tmp_path))))
    (operator,) = (o for o in graph.operators if graph.kind(o) == "SOFTMAX")
    scores = graph.tensors[operator.outputs[0]]
    assert flatbuffer.DTYPES[graph.tensors[operator.inputs[0]].type] == "int8"
    assert (flatbuffer.DTYPES[scores.type], scores.quantization.scale[0]) == ("int16", 1 / 32768)


def test_what_reshapes_the_scores_goes_along(tmp_path: Path) -> None:
    made = widen(detector(tmp_path))
    graph = Graph(flatbuffer.unpack(made))
    kinds = {graph.name(int(o.outputs[0])): graph.kind(o) for o in graph.operators}
    assert [kinds[name] for name in widened(made)] == ["LOGISTIC", "RESHAPE"]


def test_scores_that_something_else_computes_with_are_left_alone(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.unpack(classifier(tmp_path)))
    (last,) = (o for o in graph.operators if graph.kind(o) == "DEQUANTIZE")
    last.opcodeIndex = flatbuffer.code_index(graph.model, schema.BuiltinOperator.NEG)
    content = flatbuffer.pack(graph.model)
    assert widen(content) == content


def test_an_int8_output_keeps_its_bits(tmp_path: Path) -> None:
    content = classifier(tmp_path, float_output=False)
    assert widen(content) == content


def test_what_is_wide_is_named_and_stays(tmp_path: Path) -> None:
    made = widen(classifier(tmp_path))
    assert len(widened(made)) == 1
    assert widen(made) == made
    assert widened(classifier(tmp_path)) == []


def test_logits_of_16_bits_are_the_8_bit_ones_in_128_times_finer_levels(tmp_path: Path) -> None:
    """So that requantizing them is exact; 255 * 128 still fits."""
    before = Graph(flatbuffer.unpack(detector(tmp_path)))
    graph = Graph(flatbuffer.unpack(widen(detector(tmp_path))))
    coarse, fine = (
        small_network.tensor(g, n) for g, n in ((before, "flat_logits"), (graph, "flat_logits_int16"))
    )
    assert fine.quantization.scale[0] == pytest.approx(coarse.quantization.scale[0] / 128, rel=1e-6)
    assert (flatbuffer.DTYPES[fine.type], fine.quantization.zeroPoint.tolist()) == ("int16", [0])
    kinds = [graph.kind(operator) for operator in graph.operators]
    assert kinds.index("QUANTIZE") < kinds.index("LOGISTIC"), "nothing is read before it is written"


@pytest.mark.parametrize("kind", ["classifier", "detector"])
def test_operators_have_the_first_versions_that_know_int16(tmp_path: Path, kind: str) -> None:
    """By TensorFlow Lite's `register.cc` and `op_version.cc`."""
    content = classifier(tmp_path) if kind == "classifier" else detector(tmp_path)
    first = {"QUANTIZE": 2, "LOGISTIC": 3, "SOFTMAX": 3, "DEQUANTIZE": 3}
    graph = Graph(flatbuffer.unpack(widen(content)))
    for operator in graph.operators:
        dtypes = {
            flatbuffer.DTYPES[graph.tensors[int(i)].type] for i in (*operator.inputs, *operator.outputs)
        }
        if "int16" in dtypes and graph.kind(operator) in first:
            assert graph.model.operatorCodes[operator.opcodeIndex].version == first[graph.kind(operator)]


def test_scores_that_leave_the_model_as_integers_too_keep_their_bits(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.unpack(classifier(tmp_path)))
    (softmax,) = (operator for operator in graph.operators if graph.kind(operator) == "SOFTMAX")
    subgraph = graph.model.subgraphs[0]
    subgraph.outputs = np.array([*subgraph.outputs, softmax.outputs[0]], np.int32)
    content = flatbuffer.pack(graph.model)
    assert widen(content) == content


@pytest.mark.parametrize(
    ("between", "wide"),
    [("RESHAPE", True), ("SQUEEZE", True), ("EXPAND_DIMS", True), ("TRANSPOSE", False)],
)
def test_what_only_reshapes_may_lie_behind_the_scores(between: str, wide: bool) -> None:
    """By hand: scores and what they become have the scale 1/32768, where nothing but shapes lies before the floats."""
    found = Graph.unpacked(
        network(
            {"logits": (1, 3), "scores": (1, 3), "shaped": (1, 1, 3), "floats": (1, 1, 3)},
            [
                step("SOFTMAX", ["logits"], ["scores"]),
                step(between, ["scores"], ["shaped"]),
                step("DEQUANTIZE", ["shaped"], ["floats"]),
            ],
            ["logits"],
            ["floats"],
            typed={
                "logits": Typed("int8", 0.1, 0),
                "scores": Typed("int8", 1 / 256, -128),
                "shaped": Typed("int8", 1 / 256, -128),
            },
        )
    )
    final_scores.widen(found)
    kinds = {tensor.name: tensor for tensor in found.tensors}
    for name in (b"scores", b"shaped"):
        assert (kinds[name].type == schema.TensorType.INT16) == wide
        assert kinds[name].quantization.scale[0] == (1 / 32768 if wide else 1 / 256)
