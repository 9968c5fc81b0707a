"""Every fault of a scale or a zero point, made on purpose in a real quantized file, is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_network import constants, quantized, spoilt, tensor
from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph
from tflbuild.backends.quantization.observation import Executable
from tflbuild.backends.quantization.scales import beyond_xnnpack, check_scales
from tflbuild.core.errors import BrokenPromise, PassError

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
