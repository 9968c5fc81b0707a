"""A `.tflite` written as ONNX computes in onnxruntime what LiteRT computes of it: floats nearly, integers to a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import numpy_onnx
import onnx_files
from foreign_networks import NETWORKS
from quantized_files import Held, held
from tflbuild.backends.onnx_execution import OnnxSession
from tflbuild.backends.onnx_export.export import OPERATORS, _check_numbers, export
from tflbuild.backends.onnx_export.writer import Writer
from tflbuild.core.errors import PassError
from tflbuild.core.protobuf import Message
from tflbuild.formats.onnx import graph as onnx_graph
from tflbuild.quantization import quantizer
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import dense_classifier

SHAPE = (1, 6, 5, 4)
TYPES, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions


def both(
    path: Path, folder: Path, samples: int = 4, kernels: Any = "reference"
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Run a file in LiteRT, and what is written of it in onnxruntime, on noise."""
    written = folder / "written.onnx"
    written.write_bytes(export(path))
    loaded, rng = Loaded(path, kernels=kernels), np.random.default_rng(1)
    pairs = []
    with OnnxSession(written) as session:
        for _ in range(samples):
            inputs = {name: noise(spec, rng) for name, spec in loaded.signature.inputs.items()}
            pairs.append((dict(loaded.run(inputs)), session.run(inputs)))
    return pairs


def noise(spec: Any, rng: np.random.Generator) -> Any:
    if spec.dtype == "float32":
        return rng.uniform(-1, 1, spec.shape).astype(np.float32)
    limits = np.iinfo(spec.dtype)
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)


def agree(pairs: Any, tolerance: float) -> None:
    for wanted, found in pairs:
        assert set(found) == set(wanted)
        for name, values in wanted.items():
            assert (found[name].shape, found[name].dtype) == (values.shape, values.dtype)
            assert np.abs(found[name].astype(float) - values).max() <= tolerance * max(
                1, np.abs(values).max()
            )


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_every_float_network_computes_the_same(network: str, tmp_path: Path, onnx_environment: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(flatbuffer.pack(signed(NETWORKS[network]())))
    agree(both(path, tmp_path), 1e-5)


def signed(content: bytes) -> Any:
    model = flatbuffer.unpack(content)
    flatbuffer.add_signature(model)
    return model


def option(name: str, **values: Any) -> tuple[int, Any]:
    made = getattr(schema, f"{name}T")()
    for key, value in values.items():
        setattr(made, key, value)
    return getattr(OPTIONS, name), made


RNG = np.random.default_rng(9)
ROW = RNG.normal(size=4).astype(np.float32)
POOL = {"strideH": 2, "strideW": 1, "filterHeight": 3, "filterWidth": 2}
MATRIX = RNG.normal(size=(1, 6, 4, 3)).astype(np.float32)
SIDES = np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)

SINGLE: dict[str, tuple[str, list[Any], tuple[int, ...], tuple[int, Any] | None]] = {
    # operator, constants behind its input, shape of its result, options
    "RELU": ("RELU", [], SHAPE, None),
    "RELU6": ("RELU6", [], SHAPE, None),
    "RELU_N1_TO_1": ("RELU_N1_TO_1", [], SHAPE, None),
    "LEAKY_RELU": ("LEAKY_RELU", [], SHAPE, option("LeakyReluOptions", alpha=0.2)),
    "LOGISTIC": ("LOGISTIC", [], SHAPE, None),
    "TANH": ("TANH", [], SHAPE, None),
    "HARD_SWISH": ("HARD_SWISH", [], SHAPE, None),
    "ABS": ("ABS", [], SHAPE, None),
    "EXP": ("EXP", [], SHAPE, None),
    "SOFTMAX": ("SOFTMAX", [], SHAPE, option("SoftmaxOptions", beta=1.0)),
    "LOG_SOFTMAX": ("LOG_SOFTMAX", [], SHAPE, None),
    "ADD of a row": ("ADD", [ROW], SHAPE, option("AddOptions", fusedActivationFunction=1)),
    "SUB of a number": ("SUB", [np.float32(0.3).reshape(1)], SHAPE, option("SubOptions")),
    "MUL of a row": ("MUL", [ROW], SHAPE, option("MulOptions", fusedActivationFunction=3)),
    "DIV by a row": ("DIV", [np.abs(ROW) + 1], SHAPE, option("DivOptions")),
    "MAXIMUM of a row": ("MAXIMUM", [ROW], SHAPE, None),
    "MINIMUM of a whole": ("MINIMUM", [RNG.normal(size=SHAPE).astype(np.float32)], SHAPE, None),
    "AVERAGE_POOL_2D": ("AVERAGE_POOL_2D", [], (1, 3, 5, 4), option("Pool2DOptions", padding=0, **POOL)),
    "MAX_POOL_2D": ("MAX_POOL_2D", [], (1, 2, 4, 4), option("Pool2DOptions", padding=1, **POOL)),
    "MEAN of pictures": (
        "MEAN",
        [np.array([1, 2], np.int32)],
        (1, 4),
        option("ReducerOptions", keepDims=False),
    ),
    "MEAN that keeps axes": (
        "MEAN",
        [np.array([1, 2], np.int32)],
        (1, 1, 1, 4),
        option("ReducerOptions", keepDims=True),
    ),
    "MEAN of channels": (
        "MEAN",
        [np.array([-1], np.int32)],
        (1, 6, 5),
        option("ReducerOptions", keepDims=False),
    ),
    "RESHAPE": (
        "RESHAPE",
        [np.array([1, 120], np.int32)],
        (1, 120),
        option("ReshapeOptions", newShape=[1, 120]),
    ),
    "TRANSPOSE": ("TRANSPOSE", [np.array([0, 2, 3, 1], np.int32)], (1, 5, 4, 6), option("TransposeOptions")),
    "PAD": ("PAD", [SIDES], (1, 9, 6, 4), option("PadOptions")),
    "PADV2": ("PADV2", [SIDES, np.array([0.7], np.float32)], (1, 9, 6, 4), option("PadV2Options")),
    "GATHER": ("GATHER", [np.array([3, 0], np.int32)], (1, 6, 5, 2), option("GatherOptions", axis=3)),
    "SLICE": (
        "SLICE",
        [np.array([0, 1, 2, 0], np.int32), np.array([1, 3, -1, 2], np.int32)],
        (1, 3, 3, 2),
        option("SliceOptions"),
    ),
    "STRIDED_SLICE": (
        "STRIDED_SLICE",
        [
            np.array([0, 4, 1, 3], np.int32),
            np.array([1, 0, 5, 4], np.int32),
            np.array([1, -2, 2, 1], np.int32),
        ],
        (1, 3, 2),
        option("StridedSliceOptions", beginMask=1, endMask=3, shrinkAxisMask=8),
    ),
    "NEG": ("NEG", [], SHAPE, None),
    "SIN": ("SIN", [], SHAPE, None),
    "COS": ("COS", [], SHAPE, None),
    "FLOOR": ("FLOOR", [], SHAPE, None),
    "ROUND": ("ROUND", [], SHAPE, None),
    "SIGN": ("SIGN", [], SHAPE, None),
    "ELU": ("ELU", [], SHAPE, None),
    "GELU": ("GELU", [], SHAPE, option("GeluOptions", approximate=False)),
    "GELU by a tanh": ("GELU", [], SHAPE, option("GeluOptions", approximate=True)),
    "SQUARE": ("SQUARE", [], SHAPE, None),
    "SQUARED_DIFFERENCE of a row": ("SQUARED_DIFFERENCE", [ROW], SHAPE, None),
    "PRELU": ("PRELU", [np.abs(ROW).reshape(1, 1, 4)], SHAPE, None),
    "SUM": ("SUM", [np.array([1, 3], np.int32)], (1, 5), option("ReducerOptions", keepDims=False)),
    "REDUCE_MAX": (
        "REDUCE_MAX",
        [np.array([2], np.int32)],
        (1, 6, 1, 4),
        option("ReducerOptions", keepDims=True),
    ),
    "REDUCE_MIN": (
        "REDUCE_MIN",
        [np.array([-1], np.int32)],
        (1, 6, 5),
        option("ReducerOptions", keepDims=False),
    ),
    "REDUCE_PROD": (
        "REDUCE_PROD",
        [np.array([1], np.int32)],
        (1, 5, 4),
        option("ReducerOptions", keepDims=False),
    ),
    "TILE": ("TILE", [np.array([1, 2, 1, 3], np.int32)], (1, 12, 5, 12), None),
    "BROADCAST_TO": ("BROADCAST_TO", [np.array([2, 6, 5, 4], np.int32)], (2, 6, 5, 4), None),
    "MIRROR_PAD": ("MIRROR_PAD", [SIDES], (1, 9, 6, 4), option("MirrorPadOptions", mode=0)),
    "DEPTH_TO_SPACE": ("DEPTH_TO_SPACE", [], (1, 12, 10, 1), option("DepthToSpaceOptions", blockSize=2)),
    "BATCH_MATMUL": ("BATCH_MATMUL", [MATRIX], (1, 6, 5, 3), option("BatchMatMulOptions")),
    "BATCH_MATMUL turned": (
        "BATCH_MATMUL",
        [MATRIX.transpose(0, 1, 3, 2).copy()],
        (1, 6, 5, 3),
        option("BatchMatMulOptions", adjY=True),
    ),
    "RESIZE_BILINEAR": (
        "RESIZE_BILINEAR",
        [np.array([9, 10], np.int32)],
        (1, 9, 10, 4),
        option("ResizeBilinearOptions", halfPixelCenters=True),
    ),
    "RESIZE_BILINEAR by corners": (
        "RESIZE_BILINEAR",
        [np.array([11, 9], np.int32)],
        (1, 11, 9, 4),
        option("ResizeBilinearOptions", alignCorners=True),
    ),
    "RESIZE_NEAREST_NEIGHBOR": (
        "RESIZE_NEAREST_NEIGHBOR",
        [np.array([13, 7], np.int32)],
        (1, 13, 7, 4),
        option("ResizeNearestNeighborOptions"),
    ),
    "RESIZE_NEAREST_NEIGHBOR by centres": (
        "RESIZE_NEAREST_NEIGHBOR",
        [np.array([13, 7], np.int32)],
        (1, 13, 7, 4),
        option("ResizeNearestNeighborOptions", halfPixelCenters=True),
    ),
}


def operators(cases: Sequence[str], *, convolved: bool) -> bytes:
    """Give operators side by side, each on the input, or behind a convolution, whose channels come first in ONNX."""
    tensors: dict[str, Any] = {"image": SHAPE}
    steps = []
    given = "seen" if convolved else "image"
    if convolved:
        kernel = np.random.default_rng(4).normal(size=(4, 3, 3, 4)).astype(np.float32) * 0.3
        tensors |= {"kernel": kernel, "bias": ROW, "seen": SHAPE}
        conv = option("Conv2DOptions", padding=0, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
        steps.append(Step(TYPES.CONV_2D, ["image", "kernel", "bias"], ["seen"], *conv))
    for case in cases:
        kind, constants, shape, options = SINGLE[case]
        names = [f"{case} {place}" for place in range(len(constants))]
        tensors |= {**dict(zip(names, constants, strict=True)), f"{case} made": shape, case: shape}
        steps.append(Step(getattr(TYPES, kind), [given, *names], [f"{case} made"], *(options or (0, None))))
        steps.append(Step(TYPES.TANH, [f"{case} made"], [case]))
    model = flatbuffer.unpack(assemble(tensors, steps, ["image"], list(cases)))
    for code in model.operatorCodes:
        code.version = 2 if code.builtinCode == TYPES.BROADCAST_TO else 1  # there is no first one
    return bytes(flatbuffer.pack(model))


@pytest.mark.slow
@pytest.mark.parametrize("convolved", [False, True])
def test_every_operator_computes_the_same_whatever_comes_first(
    convolved: bool, tmp_path: Path, onnx_environment: Path
) -> None:
    path = tmp_path / "all.tflite"
    path.write_bytes(operators(list(SINGLE), convolved=convolved))
    for wanted, found in both(
        path, tmp_path, kernels="builtin"
    ):  # the reference kernels have no ELU and no ROUND
        far = {case: float(np.abs(found[case] - wanted[case]).max()) for case in SINGLE}
        assert {case: apart for case, apart in far.items() if not apart <= 2e-6} == {}


def pairs_in_numpy(
    path: Path, samples: int = 2, kernels: Any = "reference"
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Run a file in LiteRT, and what is written of it as ONNX describes its operators, on noise."""
    content, loaded, rng = export(path), Loaded(path, kernels=kernels), np.random.default_rng(1)
    pairs = []
    for _ in range(samples):
        inputs = {name: noise(spec, rng) for name, spec in loaded.signature.inputs.items()}
        pairs.append((dict(loaded.run(inputs)), numpy_onnx.run(content, inputs)))
    return pairs


@pytest.mark.parametrize("convolved", [False, True])
@pytest.mark.parametrize("case", SINGLE)
def test_every_operator_is_written_as_onnx_describes_it(case: str, convolved: bool, tmp_path: Path) -> None:
    path = tmp_path / "single.tflite"
    path.write_bytes(operators([case], convolved=convolved))
    agree(pairs_in_numpy(path, kernels="builtin"), 1e-5)  # the reference kernels have no ELU and no ROUND


@pytest.mark.parametrize("network", NETWORKS)
def test_every_float_network_is_written_as_onnx_describes_it(network: str, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(flatbuffer.pack(signed(NETWORKS[network]())))
    agree(pairs_in_numpy(path), 1e-5)


@pytest.mark.parametrize(("name", "most"), [("kws_ref_model", 16), ("ad01_int8", 1)])
def test_an_int8_file_is_written_with_the_scales_of_each_of_its_tensors(
    name: str, most: int, tmp_path: Path, shared_models: Path
) -> None:
    for wanted, found in pairs_in_numpy(shared_models / "mlperf_tiny" / f"{name}.tflite"):
        for key, values in wanted.items():
            assert found[key].dtype == np.int8
            assert np.abs(found[key].astype(int) - values).max() <= most


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("vww_96_int8", 2), ("kws_ref_model", 16), ("ad01_int8", 1)])
def test_int8_files_of_others_give_the_same_integers_but_for_roundings(
    name: str, most: int, tmp_path: Path, shared_models: Path, onnx_environment: Path
) -> None:
    for wanted, found in both(shared_models / "mlperf_tiny" / f"{name}.tflite", tmp_path, samples=16):
        for key, values in wanted.items():
            assert found[key].dtype == np.int8
            assert np.abs(found[key].astype(int) - values).max() <= most, "a softmax makes more of one step"


@pytest.mark.slow
def test_a_convolution_becomes_an_integer_one_in_form(tmp_path: Path, shared_models: Path) -> None:
    read = onnx_graph.read(export(shared_models / "mlperf_tiny" / "vww_96_int8.tflite"))
    kinds = [one.kind for one in read.nodes]
    assert kinds.count("Conv") == 27
    assert kinds.count("Transpose") == 2, "channels are put first once, and last before the rows"
    made = {output: one for one in read.nodes for output in one.outputs}
    for one in read.nodes:
        if one.kind == "Conv":
            assert {made[name].kind for name in one.inputs[1:]} == {"DequantizeLinear"}


SIX = np.float32(0.02352946)
"""The scale of a convolution of DeepLab of 2018: 255 steps are 6.0000123, and RELU6 ends within the last one."""


def convolution(scale: float, activation: int = 3, dtype: str = "uint8") -> bytes:
    """Give a 2018 convolution of (1, 6, 6, 3) whose fused activation ends in a scale; 3 is RELU6."""
    rng = np.random.default_rng(6)
    options = option("Conv2DOptions", strideH=1, strideW=1, fusedActivationFunction=activation)
    tensors: dict[str, Any] = {"image": (1, 6, 6, 3), "y": (1, 4, 4, 4)}
    tensors |= {"w": np.zeros((4, 3, 3, 3), np.float32), "b": np.zeros(4, np.float32)}
    options[1].padding, options[1].dilationHFactor, options[1].dilationWFactor = 1, 1, 1
    content = assemble(tensors, [Step(TYPES.CONV_2D, ["image", "w", "b"], ["y"], *options)], ["image"], ["y"])
    low = -128 if dtype == "int8" else 0
    levels = rng.integers(0, 256, (4, 3, 3, 3)) + low
    given = {
        "image": Held(dtype, 1 / 128, 128 + low),
        "w": Held(dtype, 0.0773, 0 if low else 117, levels=levels),
    }
    bias = Held("int32", 0.0773 / 128, levels=rng.integers(-999, 999, 4))
    return held(content, {**given, "b": bias, "y": Held(dtype, scale, low)})


@pytest.mark.parametrize(
    ("scale", "activation", "dtype", "written"),
    [
        (SIX, 3, "uint8", None),  # RELU6
        (SIX, 3, "int8", None),
        (6 / 254.4, 3, "uint8", "Clip"),  # 6 is level 254
        (0.05, 3, "uint8", "Clip"),
        (0.01, 3, "uint8", None),
        (0.05, 1, "uint8", None),  # RELU
        (1 / 128, 2, "uint8", "Clip"),  # between -1 and 1, of which the integers hold 0 to 1.99
        (0.05, 0, "uint8", None),
    ],
)
def test_an_activation_is_written_where_the_integers_do_not_end_by_themselves(
    scale: float, activation: int, dtype: str, written: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "convolution.tflite"
    path.write_bytes(convolution(scale, activation, dtype))
    kinds = {one.kind for one in onnx_graph.read(export(path)).nodes}
    assert kinds & {"Clip", "Relu"} == ({written} if written else set())
    for wanted, found in pairs_in_numpy(path):
        assert np.abs(found["y"].astype(int) - wanted["y"]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("scale", [SIX, 0.05])
def test_onnxruntime_takes_a_convolution_that_ends_at_six(
    scale: float, tmp_path: Path, onnx_environment: Path
) -> None:
    path = tmp_path / "convolution.tflite"
    path.write_bytes(convolution(scale))
    for wanted, found in both(path, tmp_path):
        assert np.abs(found["y"].astype(int) - wanted["y"]).max() <= 1


def test_what_has_no_form_in_onnx_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    steps = [Step(TYPES.L2_NORMALIZATION, ["image"], ["scores"], *option("L2NormOptions"))]
    path.write_bytes(assemble({"image": (1, 4), "scores": (1, 4)}, steps, ["image"], ["scores"]))
    with pytest.raises(PassError) as caught:
        export(path)
    assert str(caught.value) == ("the file has operators that are not written as ONNX: 'L2_NORMALIZATION'.")


def test_what_is_written_is_read_as_any_onnx_file(tmp_path: Path) -> None:
    from tflbuild.formats.onnx.model_format import Onnx

    path = tmp_path / "tiny.tflite"
    path.write_bytes(dense_classifier())
    found = Onnx().describe(onnx_files.written(tmp_path, export(path)))
    assert found.signature.inputs["image"].shape == (1, 8, 8, 3)
    assert found.head == {"outputs": {"scores": "scores"}, "scores": "softmax"}
    assert {one.what: one.value for one in found.recognised}["format"] == "ONNX, opset 21"


@pytest.mark.parametrize("kind", sorted(OPERATORS))
def test_integers_are_computed_with_as_floats_where_the_result_is_the_same(kind: str) -> None:
    """By hand: what moves numbers, and what gives a whole number of whole ones; others divide or round."""
    moving = (
        "RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE PAD PADV2 CONCATENATION GATHER SLICE STRIDED_SLICE PACK UNPACK"
    )
    moving += " SPLIT SPLIT_V TILE BROADCAST_TO CAST"
    whole = "ADD SUB MUL MAXIMUM MINIMUM NEG ABS SUM REDUCE_MAX REDUCE_MIN ARG_MAX ARG_MIN"
    graph = SimpleNamespace(kind=lambda operator: kind)
    made: Any = SimpleNamespace(graph=graph, dtype=lambda index: "int32", quantized=lambda index: False)
    if kind in f"{moving} {whole}".split():
        _check_numbers(made, SimpleNamespace(outputs=[0]))
    else:
        with pytest.raises(PassError, match=f"the file has a '{kind}' that gives int32"):
            _check_numbers(made, SimpleNamespace(outputs=[0]))


def test_versions_and_numbers_of_dtypes_are_those_of_onnx() -> None:
    """By onnx.proto (`TensorProto.DataType`), and by its table of versions: ONNX 1.16 has form 10 and opset 21."""
    content = Writer([]).model([], [], "test", {})
    read = Message(content)
    assert (read.number(1), read.inner(8).number(2)) == (10, 21)
    names = {"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9}
    assert {name: Writer([]).number(name) for name in names} == names


def test_every_operator_that_is_written_is_one_of_a_tflite() -> None:
    assert {name for name in OPERATORS if not hasattr(TYPES, name)} == {"TFLite_Detection_PostProcess"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
def test_weights_in_float16_are_written_as_floats_once(tmp_path: Path, onnx_environment: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(operators(["RELU6"], convolved=True))
    half = tmp_path / "half.tflite"
    given = Packed(path.read_bytes())
    made = quantizer.quantize(given, "float16", {}, float_input=True, float_output=True)
    half.write_bytes(made.packed())
    assert "DEQUANTIZE" in flatbuffer.codes_in(half.read_bytes())
    agree(both(half, tmp_path), 1e-3)
    read = onnx_graph.read(export(half))
    assert sum(len(one.span(9)) for one in read.constants.values()) < 2 * path.stat().st_size
    assert {one.kind for one in read.nodes} == {"Transpose", "Conv", "Clip", "Tanh", "Identity"}
