"""Operators with several inputs or outputs, written as ONNX: suppression, splits, an LSTM; and 8-bit weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from stateful_files import lstm, option
from tflbuild.backends.onnx_execution import OnnxSession
from tflbuild.backends.onnx_export.export import export
from tflbuild.formats.onnx import graph as onnx_graph
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

TYPES = schema.BuiltinOperator


def session(content: bytes, folder: Path) -> tuple[Loaded, OnnxSession]:
    path = folder / "given.tflite"
    path.write_bytes(content)
    (folder / "written.onnx").write_bytes(export(path))
    return Loaded(path, kernels="reference"), OnnxSession(folder / "written.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("class_wise", [True, False])
def test_suppression_keeps_the_boxes_that_litert_keeps(
    class_wise: bool, tmp_path: Path, onnx_environment: Path
) -> None:
    rng = np.random.default_rng(5)
    anchors = rng.uniform(0.2, 0.8, (40, 4)).astype(np.float32)
    options = SuppressionOptions(
        classes=3,
        box_scales=(10.0, 9.0, 5.0, 4.0),
        max_detections=7,
        class_wise=class_wise,
        score_threshold=0.5,
        iou_threshold=0.4,
    )
    shapes = {"boxes": (1, 40, 4), "scores": (1, 40, 4)}  # with a background class first
    tensors = {**shapes, "anchors": anchors, **output_shapes(7)}
    step = suppression(["boxes", "scores", "anchors"], options)
    loaded, written = session(assemble(tensors, [step], list(shapes), OUTPUTS), tmp_path)
    counts = []
    with written:
        for top in (0.4, 0.52, 0.7, 1.0):
            given = {
                "boxes": rng.normal(size=shapes["boxes"]).astype(np.float32),
                "scores": rng.uniform(0, top, shapes["scores"]).astype(np.float32),
            }
            given["scores"][0, 3, 2] = 0.5 if top > 0.5 else 0.0  # just the threshold: it counts
            wanted, found = loaded.run(given), written.run(given)
            counts.append(count := int(wanted["num_detections"][0]))
            assert found["num_detections"].tolist() == [count]
            for name in OUTPUTS[:3]:
                assert found[name].shape == wanted[name].shape
                np.testing.assert_allclose(found[name][0, :count], wanted[name][0, :count], atol=2e-6)
                assert not found[name][0, count:].any()
    assert counts[0] == 0
    assert 0 < counts[1] < 7
    assert counts[-1] == 7


@pytest.mark.slow
def test_parts_and_places_are_those_of_litert(tmp_path: Path, onnx_environment: Path) -> None:
    shape = (1, 6, 4, 4)
    tensors = {
        "image": shape,
        "axis": np.array(3, np.int32),
        "sizes": np.array([1, 3, 2], np.int32),
        "down": np.array(1, np.int32),
        "left": (1, 6, 4, 2),
        "right": (1, 6, 4, 2),
        "top": (1, 1, 4, 4),
        "middle": (1, 3, 4, 4),
        "bottom": (1, 2, 4, 4),
        **{f"row_{place}": (1, 6, 4) for place in range(4)},
        "packed": (1, 6, 2, 4, 2),
        "blocks": (1, 3, 2, 16),
        "kernel": np.random.default_rng(2).normal(size=(3, 2, 3, 4)).astype(np.float32),
        "wide": (1, 12, 8, 3),
        "wide_shape": np.array([1, 12, 8, 3], np.int32),
        "turned": (1, 6, 4, 4),
    }
    conv = option("TransposeConvOptions", padding=0, strideH=2, strideW=2)
    steps = [
        Step(TYPES.SPLIT, ["axis", "image"], ["left", "right"], *option("SplitOptions", numSplits=2)),
        Step(
            TYPES.SPLIT_V,
            ["image", "sizes", "down"],
            ["top", "middle", "bottom"],
            *option("SplitVOptions", numSplits=3),
        ),
        Step(
            TYPES.UNPACK, ["image"], [f"row_{p}" for p in range(4)], *option("UnpackOptions", num=4, axis=-2)
        ),
        Step(TYPES.PACK, ["left", "right"], ["packed"], *option("PackOptions", valuesCount=2, axis=2)),
        Step(TYPES.SPACE_TO_DEPTH, ["image"], ["blocks"], *option("SpaceToDepthOptions", blockSize=2)),
        Step(TYPES.TRANSPOSE_CONV, ["wide_shape", "kernel", "image"], ["wide"], *conv),
        Step(
            TYPES.BATCH_MATMUL,
            ["image", "image"],
            ["turned"],
            *option("BatchMatMulOptions", adjX=True, adjY=True),
        ),
    ]
    outputs = ["left", "right", "top", "middle", "bottom", "row_0", "row_3", "packed", "blocks", "wide"]
    steps.pop()  # the matrices of the input are not square
    del tensors["turned"]
    loaded, written = session(assemble(tensors, steps, ["image"], outputs), tmp_path)
    given = {"image": np.random.default_rng(8).normal(size=shape).astype(np.float32)}
    with written:
        wanted, found = loaded.run(given), written.run(given)
    for name in outputs:
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("clip", "peepholes"), [(0.0, False), (0.3, True)])
def test_an_lstm_gives_what_litert_gives_from_a_state_of_zeros(
    clip: float, peepholes: bool, tmp_path: Path, onnx_environment: Path
) -> None:
    content = lstm(6, clip=clip, peepholes=peepholes)
    path = tmp_path / "lstm.tflite"
    path.write_bytes(content)
    (tmp_path / "written.onnx").write_bytes(export(path))
    rows = np.random.default_rng(1).normal(size=(1, 6, 3)).astype(np.float32)
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], rows)
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    with OnnxSession(tmp_path / "written.onnx") as written:
        for _ in range(2):  # the state of a run is not that of the next
            found = written.run({"rows": rows})["out"]
            np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "usual"),
    [("split_concat", 0.0), ("keras_lstm_mnist_ptq", 0.05)],
)
def test_quantized_files_of_coral_give_nearly_the_integers_of_litert(
    name: str, usual: float, tmp_path: Path, shared_models: Path, onnx_environment: Path
) -> None:
    path = shared_models / "coral" / f"{name}.tflite"
    loaded, written = session(path.read_bytes(), tmp_path)
    rng, values = np.random.default_rng(2), {}
    for given, spec in loaded.signature.inputs.items():
        limits = np.iinfo(spec.dtype)
        values[given] = rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)
    with written:
        wanted, found = loaded.run(values), written.run(values)
    for key, right in wanted.items():
        apart = np.abs(found[key].astype(int) - right.astype(int))
        assert found[key].dtype == right.dtype
        assert (apart > 1).mean() <= usual, (
            f"{key}: {apart.max()} at most, {(apart > 1).mean():.2%} beyond a step"
        )


def test_weights_of_8_bits_are_written_as_uint8_which_onnxruntime_multiplies_without_clamping(
    tmp_path: Path, shared_models: Path
) -> None:
    read = onnx_graph.read(export(shared_models / "mlperf_tiny" / "vww_96_int8.tflite"))
    made = {output: one for one in read.nodes for output in one.outputs}
    kinds = {
        read.constants[made[one.inputs[1]].inputs[0]].number(2)
        for one in read.nodes
        if one.kind in ("Conv", "Gemm")
    }
    assert kinds == {2}, "UINT8 in TensorProto"
