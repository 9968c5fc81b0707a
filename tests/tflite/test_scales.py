"""Every fault of a scale or a zero point, made on purpose in a real quantized file, is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from small_network import constants, quantized, spoilt, tensor
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.quantization.observation import Executable
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import (
    beyond_xnnpack,
    channel_axis,
    check_scales,
    check_unpacked,
    faults,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return quantized(tmp_path)


def scale(name: str, value: Any, channel: Any = slice(None)) -> Callable[[Graph], None]:
    """Give an edit that sets a tensor's scale, of all channels or of one."""

    def change(graph: Graph) -> None:
        quantization = tensor(graph, name).quantization
        quantization.scale = np.array(quantization.scale, np.float32)
        quantization.scale[channel] = value

    return change


def zero_point(name: str, value: int) -> Callable[[Graph], None]:
    """Give an edit that sets a tensor's zero points."""

    def change(graph: Graph) -> None:
        quantization = tensor(graph, name).quantization
        quantization.zeroPoint = np.full(len(quantization.scale), value, np.int64)

    return change


def axis(name: str, value: int) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        tensor(graph, name).quantization.quantizedDimension = value

    return change


def without_scale(name: str) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        tensor(graph, name).quantization = None

    return change


def fewer_scales(name: str) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        quantization = tensor(graph, name).quantization
        quantization.scale = np.array(quantization.scale[:3], np.float32)
        quantization.zeroPoint = np.zeros(3, np.int64)

    return change


def saturated_bias(graph: Graph) -> None:
    buffer = graph.model.buffers[tensor(graph, "stem/bias").buffer]
    values = np.frombuffer(bytes(buffer.data), np.int32).copy()
    values[1] = 2**31 - 1
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)


PRODUCT = 4 / 255 * np.abs(constants()["middle/depthwise"][..., 3]).max() / 127
"""Scale of the bias of channel 3: of inputs in 0..4 on 255 steps, times that of symmetric weights."""

FAULTS: list[tuple[Callable[[Graph], None], str]] = [
    (scale("pool", np.nan), "tensor 'pool' has a degenerate scale: it is not finite"),
    (scale("stem/Conv2D", np.inf, 2), "tensor 'stem/Conv2D' has a degenerate scale: it is not finite"),
    (
        scale("stem/Conv2D", 0.0, 2),
        "tensor 'stem/Conv2D' has a degenerate scale 0: it is not a positive normal",
    ),
    (
        scale("stem/Conv2D", 1e-40, 2),
        "tensor 'stem/Conv2D' has a degenerate scale 1e-40: it is not a positive",
    ),
    (
        scale("head/BiasAdd", -0.1),
        "tensor 'head/BiasAdd' has a degenerate scale -0.1: it is not a positive normal",
    ),
    (
        scale("head/BiasAdd", 1e-9),
        "tensor 'head/BiasAdd' has a degenerate scale 1e-09: its range was never measured",
    ),
    (scale("head/BiasAdd", 1e9), "tensor 'head/BiasAdd' has a degenerate scale 1e.09: its values ran away"),
    # (-128 - -200) * 20/127 = 11.3 and (127 - -200) * 20/127 = 51.5: LiteRT Quantizer takes 2 * 20 / 255
    (
        zero_point("head/BiasAdd", -200),
        "tensor 'head/BiasAdd' has the range 11.2941 to 51.2941, which does not include zero: its zero point -200 is",
    ),
    (without_scale("head/BiasAdd"), "tensor 'head/BiasAdd' is int8 but has no scale"),
    (fewer_scales("stem/Conv2D"), "tensor 'stem/Conv2D' has 3 scales for 4 channels along axis 0"),
    (zero_point("stem/Conv2D", 5), "the weights 'stem/Conv2D' have a zero point other than 0"),
    (
        axis("middle/depthwise", 1),
        "the weights 'middle/depthwise' have their scales along axis 1, but DEPTHWISE_CONV_2D has its channels along 3",
    ),
    (scale("middle/bias", 0.5, 3), f"the bias 'middle/bias' has the scale 0.5, not {PRODUCT:.5g}"),
    (saturated_bias, "the bias 'stem/bias' does not hold its values"),
    (
        scale("flat", 0.1),
        "RESHAPE 'flat' copies values of scale 0.0235294 and zero point -128 to scale 0.1 and zero point -128",
    ),
    (
        zero_point("pool", 0),
        "MAX_POOL_2D 'pool' copies values of scale 0.0235294 and zero point -128 to scale",
    ),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_a_fault_is_named(whole: Path, change: Callable[[Graph], None], message: str) -> None:
    check_scales(whole)
    with pytest.raises(BrokenPromise, match=message):
        check_scales(spoilt(whole, change))


def test_int16_activations_lie_around_zero(tmp_path: Path) -> None:
    whole = quantized(tmp_path, "int16x8")
    check_scales(whole)
    with pytest.raises(BrokenPromise, match="'pool' has the zero point 7, but int16 is symmetric"):
        check_scales(spoilt(whole, zero_point("pool", 7)))


def test_many_faults_are_counted(whole: Path) -> None:
    def change(graph: Graph) -> None:
        for name in ("image", "stem/Relu", "middle/Relu6", "pool", "flat"):
            scale(name, np.nan)(graph)

    with pytest.raises(BrokenPromise, match=r"'image' .*; tensor '.*; tensor '.*; and \d+ more\.$"):
        check_scales(spoilt(whole, change))


def test_a_bias_of_zeros_may_have_any_scale(tmp_path: Path) -> None:
    whole = quantized(tmp_path, changed={"middle/bias": np.zeros(4, np.float32)})
    check_scales(spoilt(whole, scale("middle/bias", 0.5)))


def test_a_layer_that_xnnpack_refuses_is_named_by_its_ratio(whole: Path) -> None:
    """LiteRT's own words are "failed to create XNNPACK runtime", and name no layer."""
    assert list(beyond_xnnpack(flatbuffer.load(whole))) == []

    def coarse(graph: Graph) -> None:
        weights, bias = (tensor(graph, name).quantization for name in ("stem/Conv2D", "stem/bias"))
        weights.scale, bias.scale = np.asarray(weights.scale) * 1e6, np.asarray(bias.scale) * 1e6

    refused = spoilt(whole, coarse)
    (found,) = beyond_xnnpack(flatbuffer.load(refused))
    assert found.startswith("CONV_2D 'stem/Relu' has scales of input and weights that are")
    with pytest.raises(PassError, match="LiteRT cannot execute it: CONV_2D 'stem/Relu' has scales"):
        Executable(refused.read_bytes())


def test_the_rest_of_many_faults_is_counted_exactly(whole: Path) -> None:
    def change(graph: Graph) -> None:
        for name in ("image", "stem/Relu", "middle/Relu6", "pool", "flat"):
            scale(name, np.nan)(graph)

    spoilt_file = flatbuffer.load(spoilt(whole, change))
    count = len(list(faults(spoilt_file)))
    assert count > 4
    with pytest.raises(BrokenPromise, match=rf"; and {count - 3} more\.$"):
        check_unpacked(spoilt_file)


def test_three_faults_are_all_told(whole: Path) -> None:
    def change(graph: Graph) -> None:
        for name in ("stem/Conv2D", "middle/depthwise", "head/MatMul"):
            zero_point(name, 5)(graph)

    with pytest.raises(BrokenPromise) as caught:
        check_scales(spoilt(whole, change))
    assert str(caught.value).count("zero point other than 0") == 3
    assert "more" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        # 255 steps: a range of 2e-6 and of 1e9 are the ends
        (1.99e-6 / 255, "its range was never measured"),
        (2.01e-6 / 255, ""),
        (0.99e9 / 255, ""),
        (1.01e9 / 255, "its values ran away"),
    ],
)
def test_a_range_is_wide_enough_and_not_too_wide(whole: Path, value: float, fault: str) -> None:
    found = [
        text
        for text in faults(flatbuffer.load(spoilt(whole, scale("scores", value))))
        if "degenerate" in text
    ]
    assert bool(found) == bool(fault)
    assert all(fault in text for text in found)


@pytest.mark.parametrize(("factor", "wrong"), [(1.0009, False), (1.0011, True), (0.9985, True)])
def test_a_bias_has_the_scale_of_the_product_to_a_thousandth(whole: Path, factor: float, wrong: bool) -> None:
    found = list(faults(flatbuffer.load(spoilt(whole, scale("middle/bias", PRODUCT * factor, 3)))))
    assert bool(found) == wrong


@pytest.mark.parametrize(("ratio", "refused"), [(255.9, False), (256.1, True)])
def test_xnnpack_takes_a_ratio_of_less_than_256_of_any_channel(
    whole: Path, ratio: float, refused: bool
) -> None:
    """Scales of input and weights over that of the output: here the largest of the four channels'."""
    graph = Graph(flatbuffer.load(whole))
    output, entry = (float(tensor(graph, name).quantization.scale[0]) for name in ("stem/Relu", "image"))
    change = scale("stem/Conv2D", ratio * output / entry, 2)
    found = list(beyond_xnnpack(flatbuffer.load(spoilt(whole, change))))
    assert bool(found) == refused
    if refused:
        assert found[0].endswith("are 256 times that of its output, and XNNPACK takes less than 256")


INT8, INT16, INT32 = 9, 7, 2  # by schema.fbs


class Tensor(NamedTuple):
    """A tensor of a graph that is only looked at."""

    type: int
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    shape: tuple[int, ...] = (1, 2, 2, 3)
    constant: Any = None
    axis: int = 0


def looked_at(operator: str, inputs: dict[str, Tensor], output: Tensor) -> list[str]:
    """Say what is wrong with one operator."""
    every = {**inputs, "out": output}
    model = flatbuffer.unpack(
        assemble(
            {
                name: np.zeros(t.shape, np.int32) if t.constant is not None else t.shape
                for name, t in every.items()
            },
            [Step(getattr(schema.BuiltinOperator, operator), list(inputs), ["out"])],
            [name for name, t in inputs.items() if t.constant is None],
            ["out"],
        )
    )
    for made, wanted in zip(model.subgraphs[0].tensors, every.values(), strict=True):
        made.type = wanted.type
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = np.array(wanted.scales, np.float32)
        made.quantization.zeroPoint = np.array(wanted.zero_points or [0] * len(wanted.scales), np.int64)
        made.quantization.quantizedDimension = wanted.axis
        if wanted.constant is not None:
            model.buffers[made.buffer].data = np.frombuffer(np.asarray(wanted.constant).tobytes(), np.uint8)
    return list(faults(model))


def transposed(bias: list[float], axis: int = 0) -> list[str]:
    """Look at a TRANSPOSE_CONV: the output's shape, weights, the input and the bias."""
    return looked_at(
        "TRANSPOSE_CONV",
        {
            "shape": Tensor(INT32, shape=(4,), constant=np.array([1, 2, 2, 2], np.int32)),
            "weights": Tensor(
                INT8, [0.5, 0.25], shape=(2, 1, 1, 3), constant=np.ones((2, 1, 1, 3), np.int8), axis=axis
            ),
            "image": Tensor(INT8, [0.125]),
            "bias": Tensor(INT32, bias, shape=(2,), constant=np.array([7, 8], np.int32)),
        },
        Tensor(INT8, [0.5], shape=(1, 2, 2, 2)),
    )


def test_a_transposed_convolution_has_its_input_third_and_its_bias_fourth() -> None:
    assert transposed([0.0625, 0.03125]) == []  # 0.125 * 0.5 and 0.125 * 0.25
    assert transposed([0.0625, 0.0625]) == [
        "the bias 'bias' has the scale 0.0625, not 0.03125, that of its input times that of its weights"
    ]
    assert transposed([0.0625, 0.03125, 0.5])[0].startswith("tensor 'bias' has 3 scales for 2 channels")


@pytest.mark.parametrize("dtype", [INT8, INT16])
def test_integers_that_are_computed_have_a_scale_unless_they_were_cast(dtype: int) -> None:
    made = "int8" if dtype == INT8 else "int16"
    plain = {"image": Tensor(dtype, [0.5])}
    assert looked_at("RELU", plain, Tensor(dtype)) == [f"tensor 'out' is {made} but has no scale"]
    assert looked_at("CAST", plain, Tensor(dtype)) == []


@pytest.mark.parametrize(
    ("scales", "zero_points", "wrong"),
    [([0.5], [3], False), ([0.5], [4], True), ([0.25], [3], True), ([0.5 * (1 + 2e-6)], [3], False)],
)
def test_what_only_moves_values_keeps_their_scale_and_zero_point(
    scales: list[float], zero_points: list[int], wrong: bool
) -> None:
    given, made = Tensor(INT8, [0.5], [3]), Tensor(INT8, scales, zero_points)
    assert bool(looked_at("RESHAPE", {"image": given}, made)) == wrong
    assert looked_at("CONCATENATION", {"image": given}, made) == [], "which rescales"


@pytest.mark.parametrize(
    ("dtype", "zero_point", "wrong"),
    [(INT8, -128, False), (INT8, 127, False), (INT8, -129, True), (INT8, 128, True)],
)
def test_a_zero_point_is_a_value_of_its_dtype(dtype: int, zero_point: int, wrong: bool) -> None:
    same = Tensor(dtype, [0.5], [zero_point])
    found = looked_at("RELU", {"image": same}, same)
    assert bool(found) == wrong
    assert all("does not include zero" in text for text in found)


def test_every_scale_has_a_zero_point_or_all_have_one() -> None:
    weights = Tensor(INT8, [0.5, 0.5], [0, 0, 0], shape=(2, 1, 1, 3), constant=np.ones((2, 1, 1, 3), np.int8))
    image = Tensor(INT8, [0.5])
    found = looked_at(
        "CONV_2D", {"image": image, "weights": weights}, Tensor(INT8, [0.5], shape=(1, 2, 2, 2))
    )
    assert found == ["tensor 'weights' has 3 zero points for 2 scales"]
    whole = weights._replace(zero_points=[0])
    assert (
        looked_at("CONV_2D", {"image": image, "weights": whole}, Tensor(INT8, [0.5], shape=(1, 2, 2, 2)))
        == []
    )


def test_the_axis_of_channels_is_the_last_of_a_depthwise_convolution_alone() -> None:
    kinds = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "DEPTHWISE_CONV_2D")
    assert [channel_axis(kind) for kind in kinds] == [0, 0, 0, 3]
