"""The rules of the Edge TPU, one file of one operator for each that holds and each that is broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgetpu_files import alone, chain, first, operator, predicted
from tflite_files import Typed, network

IMAGE = (1, 8, 8, 4)


def kernel(*shape: int) -> Any:
    return np.ones(shape, np.int8)


def numbers(*values: int) -> Any:
    return np.array(values, np.int32)


def conv(kind: str = "CONV_2D", weights: Any = None, made: tuple[int, ...] = IMAGE, **fields: Any) -> bytes:
    options = "DepthwiseConv2DOptions" if kind.startswith("DEPTH") else "Conv2DOptions"
    given = {"image": IMAGE, "kernel": kernel(4, 3, 3, 4) if weights is None else weights}
    return alone(kind, given, made, options, **fields)


def mean(shape: tuple[int, ...], axes: Any, made: tuple[int, ...], kind: str = "MEAN") -> bytes:
    return alone(kind, {"image": shape, "axes": axes}, made, "ReducerOptions", keepDims=True)


def resized(kind: str, given: tuple[int, int], made: tuple[int, int]) -> bytes:
    size = {"image": (1, *given, 4), "size": numbers(*made)}
    return alone(
        kind,
        size,
        (1, *made, 4),
        f"{'ResizeBilinear' if 'LINEAR' in kind else 'ResizeNearestNeighbor'}Options",
    )


def sliced(strides: Any, **fields: Any) -> bytes:
    given = {"image": IMAGE, "begin": numbers(0, 0, 0, 0), "end": numbers(1, 8, 8, 4), "strides": strides}
    return alone("STRIDED_SLICE", given, IMAGE, "StridedSliceOptions", **fields)


def split(axis: int, parts: int, batch: int = 1) -> bytes:
    return alone(
        "SPLIT",
        {"axis": numbers(axis), "image": (batch, 8, 8, 4)},
        (1, 8, 8, 4),
        "SplitOptions",
        numSplits=parts,
    )


def padded(*sides: tuple[int, int]) -> bytes:
    made = tuple(side + sum(more) for side, more in zip(IMAGE, sides, strict=True))
    return alone("PAD", {"image": IMAGE, "paddings": np.array(sides, np.int32)}, made)


def joined(*given: Any, activation: int = 0) -> bytes:
    tensors = {f"part{place}": one for place, one in enumerate(given)}
    return alone(
        "CONCATENATION",
        tensors,
        (1, 8, 8, 8),
        "ConcatenationOptions",
        axis=3,
        fusedActivationFunction=activation,
    )


def dense(made: tuple[int, ...] = (1, 5), rows: int = 1, dtypes: dict[str, str] | None = None) -> bytes:
    given = {"row": (rows, 4), "weights": kernel(5, 4)}
    return alone("FULLY_CONNECTED", given, made, "FullyConnectedOptions", dtypes=dtypes)


HELD = {
    "a convolution": conv(),
    "a depthwise one with equal dilations": conv(
        "DEPTHWISE_CONV_2D", kernel(1, 3, 3, 4), dilationWFactor=2, dilationHFactor=2
    ),
    "other dilations of a kernel that is 1 wide": conv(weights=kernel(4, 3, 1, 4), dilationHFactor=4),
    "a dense layer": dense(),
    "an average pooling": alone("AVERAGE_POOL_2D", {"image": IMAGE}, IMAGE, "Pool2DOptions"),
    "a join": joined(IMAGE, IMAGE),
    "a join with zeros": joined(IMAGE, np.zeros(IMAGE, np.int8)),
    "a mean over the places": mean(IMAGE, numbers(1, 2), (1, 1, 1, 4)),
    "a mean over channels, of which there are 4": mean(IMAGE, numbers(-1), (1, 8, 8, 1)),
    "a mean over 64 x 128": mean((1, 64, 128, 4), numbers(1, 2), (1, 1, 1, 4)),
    "a maximum over the places": mean(IMAGE, numbers(1, 2), (1, 1, 1, 4), "REDUCE_MAX"),
    "a padding of height, width and channels": padded((0, 0), (1, 1), (1, 1), (0, 4)),
    "uint8 to int8": alone("QUANTIZE", {"image": IMAGE}, IMAGE, dtypes={"image": "uint8"}),
    "twice as large": resized("RESIZE_BILINEAR", (24, 24), (48, 48)),
    "as large": resized("RESIZE_BILINEAR", (33, 33), (33, 33)),
    "twice as large, to the nearest": resized("RESIZE_NEAREST_NEIGHBOR", (20, 20), (40, 40)),
    "a slice": sliced(numbers(1, 1, 1, 1)),
    "every second place": sliced(numbers(1, 2, 2, 1)),
    "a split of the channels": split(3, 4),
    "a split of the batch into one part": split(0, 1),
    "a pack along the channels": alone(
        "PACK", {"a": (1, 8), "b": (1, 8)}, (1, 8, 2), "PackOptions", axis=2, valuesCount=2
    ),
    "slopes of channels": alone("PRELU", {"image": IMAGE, "slopes": kernel(1, 1, 4)}, IMAGE),
    "a softmax": alone("SOFTMAX", {"row": (1, 16384)}, (1, 16384), "SoftmaxOptions", beta=1.0),
    "a transposition": alone("TRANSPOSE", {"image": IMAGE, "order": numbers(0, 3, 1, 2)}, (1, 4, 8, 8)),
    "a reshape": alone("RESHAPE", {"image": IMAGE, "shape": numbers(1, 256)}, (1, 256)),
    "an addition of a constant": alone("ADD", {"image": IMAGE, "more": kernel(4)}, IMAGE, "AddOptions"),
    "a tile": alone("TILE", {"image": (1, 1, 1, 4), "times": numbers(1, 8, 8, 1)}, IMAGE),
}

BROKEN = {
    "floats": (
        dense(dtypes={"row": "float32", "made": "float32"}),
        "computes in float32; the Edge TPU",
        "quantize.scheme=int8",
    ),
    "int16 scores": (dense(dtypes={"made": "int16"}), "computes scores in int16", "quantize.scores=int8"),
    "int16 behind int16 layers": (
        conv(dtypes={"image": "int16", "made": "int16"}),
        "computes in int16",
        "quantize.scheme=int8",
    ),
    "indices": (
        alone(
            "ADD",
            {"a": (1, 8), "b": (1, 8)},
            (1, 8),
            "AddOptions",
            dtypes=dict.fromkeys(("a", "b", "made"), "int32"),
        ),
        "computes in whole numbers (int32 to int32)",
        "compute indices in the app, behind the outputs of the model",
    ),
    "a batch of 2": (
        alone("LOGISTIC", {"image": (2, 8, 8, 4)}, (2, 8, 8, 4)),
        "reads a tensor of shape 2x8x8x4; the Edge TPU takes three axes and a batch of 1",
        "a batch of 1, and at most three more axes in the model",
    ),
    "five axes": (
        alone("RESHAPE", {"image": IMAGE, "shape": numbers(1, 2, 4, 8, 4)}, (1, 2, 4, 8, 4)),
        "gives a tensor of shape 1x2x4x8x4",
        "a batch of 1, and at most three more axes in the model",
    ),
    "weights that are computed": (
        conv(weights=(1, 3, 3, 4), made=(1, 8, 8, 1)),
        "its weights are computed",
        "",
    ),
    "float weights": (conv(dtypes={"kernel": "float32"}), "its weights are float32", "quantize.scheme=int8"),
    "two dilations": (
        conv("DEPTHWISE_CONV_2D", kernel(1, 3, 3, 4), dilationWFactor=2),
        "its dilations are 1 and 2, and have to be equal",
        "one dilation for height and width in the model",
    ),
    "dense rows": (dense((3, 5), 3), "its output 3x5 has more than one axis that is longer than 1", ""),
    "a pooling with an activation": (
        alone("MAX_POOL_2D", {"image": IMAGE}, IMAGE, "Pool2DOptions", fusedActivationFunction=3),
        "has RELU6 fused into it",
        "",
    ),
    "a join with an activation": (joined(IMAGE, IMAGE, activation=1), "has RELU fused into it", ""),
    "a join of a constant and two more": (
        joined(IMAGE, IMAGE, np.zeros(IMAGE, np.int8)),
        "joins 3 tensors",
        "",
    ),
    "a join with ones": (joined(IMAGE, np.ones(IMAGE, np.int8)), "joins a constant that is not zero", ""),
    "a mean over the batch": (mean(IMAGE, numbers(0), IMAGE), "works along the batch", ""),
    "a mean over 3 channels": (
        mean((1, 8, 8, 3), numbers(3), (1, 8, 8, 1)),
        "takes the mean over 3 channels",
        "",
    ),
    "a mean over 256 x 128": (
        mean((1, 256, 128, 4), numbers(1, 2), (1, 1, 1, 4)),
        "takes the mean over 32768 values, more than 128 x 128",
        "",
    ),
    "a sum over the batch": (mean(IMAGE, numbers(-4), IMAGE, "SUM"), "works along the batch", ""),
    "a padded batch": (padded((0, 1), (0, 0), (0, 0), (0, 0)), "takes three axes and a batch of 1", ""),
    "floats to int8": (
        alone("QUANTIZE", {"image": IMAGE}, IMAGE, dtypes={"image": "float32"}),
        "reads float32; the Edge TPU computes in int8 and uint8",
        "quantize.input_dtype=uint8",
    ),
    "int8 to int16": (
        alone("QUANTIZE", {"image": IMAGE}, IMAGE, dtypes={"made": "int16"}),
        "gives int16",
        "quantize.scores=int8",
    ),
    "int8 to floats": (
        alone("DEQUANTIZE", {"image": IMAGE}, IMAGE, dtypes={"made": "float32"}),
        "gives float32; the Edge TPU computes in int8 and uint8",
        "quantize.output_dtype=uint8 for a classifier; elsewhere it costs little at the end",
    ),
    "33 times as large": (
        resized("RESIZE_BILINEAR", (1, 1), (33, 33)),
        "enlarges 1x1x1x4 to 1x33x33x4, more than 4 times",
        "",
    ),
    "8 times as high": (resized("RESIZE_BILINEAR", (16, 16), (128, 16)), "more than 4 times", ""),
    "a mean over 6 channels": (
        mean((1, 8, 8, 6), numbers(3), (1, 8, 8, 1)),
        "takes the mean over 6 channels",
        "a number of channels that is a multiple of 4",
    ),
    "shuffled weights": (
        alone(
            "FULLY_CONNECTED",
            {"row": (1, 4), "weights": kernel(5, 4)},
            (1, 5),
            "FullyConnectedOptions",
            weightsFormat=1,
        ),
        "its weights are stored as SHUFFLED4x16INT8",
        "convert the model without that format of weights",
    ),
    "8 times as wide": (resized("RESIZE_BILINEAR", (16, 16), (16, 128)), "more than 4 times", ""),
    "to 512 x 512": (resized("RESIZE_BILINEAR", (256, 256), (512, 512)), "more than 128 x 128 places", ""),
    "to 256 x 256, to the nearest": (
        resized("RESIZE_NEAREST_NEIGHBOR", (128, 128), (256, 256)),
        "more than 128 x 128 places",
        "a smaller input, or enlarge the output in the app",
    ),
    "a reversed axis": (
        sliced(numbers(1, -1, 1, 1)),
        "its strides are 1x-1x1x1, and have to be positive",
        "",
    ),
    "a new axis": (sliced(numbers(1, 1, 1, 1), newAxisMask=2), "has an ellipsis or a new axis", ""),
    "an ellipsis": (sliced(numbers(1, 1, 1, 1), ellipsisMask=1), "has an ellipsis or a new axis", ""),
    "a split of the batch": (split(0, 2, 2), "takes three axes and a batch of 1", ""),
    "slopes of places": (
        alone("PRELU", {"image": IMAGE, "slopes": kernel(8, 8, 4)}, IMAGE),
        "its slopes have the shape 8x8x4",
        "PReLU(shared_axes=[1, 2]) in the model",
    ),
    "a hard swish": (
        alone("HARD_SWISH", {"image": IMAGE}, IMAGE),
        "is no operator of the Edge TPU",
        "relu6 in its place, as MobileNetV2 and the minimalistic MobileNetV3 have",
    ),
    "the largest": (
        alone("ARG_MAX", {"image": IMAGE, "axis": numbers(3)}, (1, 8, 8), "ArgMaxOptions"),
        "is no operator of the Edge TPU",
        "end the model with the scores, and take the largest in the app",
    ),
    "an operator that is not listed": (
        alone("DEPTH_TO_SPACE", {"image": IMAGE}, (1, 16, 16, 1)),
        "is no operator of the Edge TPU",
        "",
    ),
}


@pytest.mark.parametrize("content", HELD.values(), ids=HELD)
def test_an_operator_that_keeps_the_rules_is_the_edge_tpus(content: bytes) -> None:
    found = first(content)
    assert (found.on, found.reason) == (True, "")


@pytest.mark.parametrize(("content", "reason", "cure"), BROKEN.values(), ids=BROKEN)
def test_an_operator_that_breaks_a_rule_stays_and_says_why(content: bytes, reason: str, cure: str) -> None:
    found = first(content)
    assert not found.on
    assert reason in found.reason
    if cure:
        assert found.cure == cure


def test_a_new_activation_stops_the_compiler_for_the_whole_file() -> None:
    steps = [
        operator("LOGISTIC", ["image"], ["seen"]),
        operator("GELU", ["seen"], ["made"]),
    ]
    typed = {name: Typed("int8", 0.5) for name in ("image", "seen", "made")}
    placed = predicted(network(dict.fromkeys(typed, IMAGE), steps, ["image"], ["made"], typed)).operators
    assert [one.on for one in placed] == [False, False]
    assert "after compiler 16, of 2021" in placed[0].reason


def test_a_new_version_of_an_operator_stops_the_compiler_for_the_whole_file() -> None:
    def newer(model: Any) -> None:
        model.operatorCodes[0].version = 6

    content = network(
        {"image": IMAGE, "kernel": kernel(4, 3, 3, 4), "made": IMAGE},
        [operator("CONV_2D", ["image", "kernel"], ["made"], "Conv2DOptions")],
        ["image"],
        ["made"],
        {name: Typed("int8", 0.5) for name in ("image", "kernel", "made")},
        newer,
    )
    assert "asks for a version of an operator" in first(content).reason


def test_a_custom_operator_that_is_not_corals_stops_the_compiler() -> None:
    assert "custom operator Atan" in first(alone("Atan", {"image": IMAGE}, IMAGE)).reason
    decoder = first(alone("PosenetDecoderOp", {"image": IMAGE}, IMAGE, dtypes={"made": "float32"})).reason
    assert decoder == "is no custom operator of the Edge TPU"
    suppression = first(
        alone("TFLite_Detection_PostProcess", {"image": IMAGE}, IMAGE, dtypes={"made": "float32"})
    )
    assert suppression.cure.startswith("leave it")


def test_a_shape_that_is_computed_stops_the_compiler() -> None:
    content = alone("RESHAPE", {"image": IMAGE, "shape": (2,)}, (1, 256), dtypes={"shape": "int32"})
    assert "computes a shape while it runs" in first(content).reason


def test_what_comes_after_an_operator_that_stays_stays_and_a_branch_beside_it_does_not() -> None:
    placed = predicted(chain()).operators
    assert [one.on for one in placed] == [True, False, False, True]
    assert placed[2].reason == "comes after operator 1 (HARD_SWISH)"
    assert placed[2].fits


def test_a_tensor_that_ends_the_part_keeps_what_reads_it_on_the_processor() -> None:
    placed = predicted(chain(), intermediate_tensors=("image",)).operators
    assert [one.on for one in placed] == [True, False, False, True]  # an input ends nothing
    whole = predicted(chain().replace(b"swished", b"altered"), intermediate_tensors=("seen",)).operators
    assert whole[1].reason == "is no operator of the Edge TPU"


def test_what_comes_after_a_tensor_that_ends_the_part_says_so() -> None:
    steps = [operator("LOGISTIC", ["image"], ["seen"]), operator("LOGISTIC", ["seen"], ["made"])]
    typed = {name: Typed("int8", 0.5) for name in ("image", "seen", "made")}
    content = network(dict.fromkeys(typed, IMAGE), steps, ["image"], ["made"], typed)
    assert [one.on for one in predicted(content).operators] == [True, True]
    cut = predicted(content, intermediate_tensors=("seen",)).operators
    assert [one.on for one in cut] == [True, False]
    assert cut[1].reason == "comes after the tensor seen, which ends the part"
