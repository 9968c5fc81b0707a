"""Rules of delegates, operator by operator: conditions read in LiteRT's source, each with what keeps it and breaks it.

Of the GPU's, TensorFlow 2.15.1's analyzer (`tf.lite.experimental.Analyzer`, gpu_compatibility=True) was asked about the
same files: what is marked `analyzer` it refuses, too, and it takes those that fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from one_operator import of, whole, zeros
from quantized_files import Held
from tflbuild.core.target import TARGETS
from tflbuild.placement import by_rules, facts, rule_file
from tflbuild.tflite import flatbuffer

IMAGE, ROW = (1, 4, 4, 8), (1, 8)
INT8, INT16 = Held("int8", 0.5), Held("int16", 0.5)
INTEGERS = {"i0": INT8, "o0": INT8}
TANH, SIGN_BIT, RELU6 = 4, 5, 3
PADS = whole([0, 0], [1, 1], [1, 1], [0, 0])


class Case(NamedTuple):
    """A file, and part of the reason why a device does not run its operator; "" where it does."""

    content: bytes
    reason: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def conv(weights: Any = None, bias: Any = None, **more: Any) -> bytes:
    given = [IMAGE, zeros(8, 3, 3, 8) if weights is None else weights, zeros(8) if bias is None else bias]
    return of("CONV_2D", given, more.pop("output", IMAGE), **more)


def dense(*, types: Any = None, row: Any = ROW, **more: Any) -> bytes:
    return of("FULLY_CONNECTED", [row, zeros(4, 8), zeros(4)], (1, 4), types=types, **more)


QUANTIZED = {**INTEGERS, "i1": Held("int8", 0.1), "i2": Held("int32", 0.05)}

GPU = {
    "conv": Case(conv()),
    "conv in int8": Case(conv(types=QUANTIZED, version=3)),
    "conv in int16": Case(conv(types={**QUANTIZED, "i0": INT16, "o0": INT16}, version=4), "reads int16"),
    "conv of version 7": Case(conv(version=7), "is version 7 of the operator; the GPU has up to 6"),
    "conv with sign bit": Case(conv(fusedActivationFunction=SIGN_BIT), "activation SIGN_BIT"),  # analyzer
    "conv of five axes": Case(conv(output=(1, 1, 4, 4, 8)), "5 axes; the GPU takes up to 4"),
    "depthwise": Case(of("DEPTHWISE_CONV_2D", [IMAGE, zeros(1, 3, 3, 8), zeros(8)], IMAGE)),
    "depthwise that multiplies wrongly": Case(
        of("DEPTHWISE_CONV_2D", [IMAGE, zeros(1, 3, 3, 8), zeros(8)], IMAGE, depthMultiplier=2),
        "makes 8 channels of 8 with multiplier 2",  # analyzer
    ),
    "depthwise with a short bias": Case(
        of("DEPTHWISE_CONV_2D", [IMAGE, zeros(1, 3, 3, 8), zeros(4)], IMAGE),
        "bias has 4 values for 8",  # analyzer
    ),
    "softmax": Case(of("SOFTMAX", [ROW], ROW)),
    "softmax with beta": Case(of("SOFTMAX", [ROW], ROW, beta=2.0), "beta is 2; the GPU has 1"),  # analyzer
    "add of a row and a picture": Case(of("ADD", [IMAGE, (1, 8)], IMAGE)),
    "add of another row": Case(of("ADD", [IMAGE, (3, 8)], IMAGE), "joins shapes 1x4x4x8 and 3x8"),
    "add of a constant": Case(of("ADD", [IMAGE, zeros(8)], IMAGE)),
    "slice": Case(
        of("STRIDED_SLICE", [IMAGE, whole(0, 0, 0, 0), whole(1, 2, 2, 8), whole(1, 1, 1, 1)], (1, 2, 2, 8))
    ),
    "slice that drops an axis": Case(
        of(
            "STRIDED_SLICE",
            [IMAGE, whole(0, 0, 0, 0), whole(1, 2, 2, 8), whole(1, 1, 1, 1)],
            (2, 2, 8),
            shrinkAxisMask=1,
        ),
        "dropped axes are 0, 0 and 1",  # analyzer
    ),
    "slice of a row": Case(
        of("STRIDED_SLICE", [ROW, whole(0, 0), whole(1, 4), whole(1, 1)], (1, 4)),
        "cuts a tensor of 2 axes; the GPU takes 3 or 4",  # analyzer
    ),
    "mean": Case(of("MEAN", [IMAGE, whole(1, 2)], ROW)),
    "mean over computed axes": Case(of("MEAN", [IMAGE, (2,)], ROW), "axes are computed"),  # analyzer
    "pad": Case(of("PAD", [IMAGE, PADS], (1, 6, 6, 8))),
    "pad of a row": Case(
        of("PAD", [ROW, whole([0, 0], [1, 1])], (1, 10)), "pads 2 axes; the GPU pads tensors of 3 or 4"
    ),  # analyzer
    "mirror": Case(of("MIRROR_PAD", [IMAGE, PADS], (1, 6, 6, 8), mode=0)),
    "mirror with the edge": Case(
        of("MIRROR_PAD", [IMAGE, PADS], (1, 6, 6, 8), mode=1),
        "mode SYMMETRIC; the GPU has REFLECT",  # analyzer
    ),
    "resize with both": Case(
        of(
            "RESIZE_BILINEAR",
            [IMAGE, whole(8, 8)],
            (1, 8, 8, 8),
            alignCorners=True,
            halfPixelCenters=True,
        ),
        "both align_corners and half_pixel_centers",  # analyzer
    ),
    "blocks of one": Case(of("DEPTH_TO_SPACE", [IMAGE], IMAGE, blockSize=1), "block is 1"),  # analyzer
    "gather of a table": Case(
        of("GATHER", [IMAGE, whole([0, 1], [1, 0])], (2, 2, 4, 4, 8)), "5 axes"
    ),  # analyzer: 1D indices
    "gather at two axes": Case(
        of("GATHER", [ROW, whole([0, 1], [1, 0])], (2, 2, 8)), "places have 2 axes; the GPU takes 1"
    ),  # analyzer
    "dense that keeps axes": Case(
        dense(row=(1, 1, 8), keepNumDims=True), "its input has 3, its output 2"
    ),  # analyzer
    "argmax": Case(of("ARG_MAX", [ROW, whole(1)], (1,)), "is no operator of the GPU delegate"),  # analyzer
    "custom": Case(of("Mystery", [ROW], ROW), "is no custom operator of the GPU delegate"),  # analyzer
}

COREML = {
    "conv": Case(conv()),
    "conv in int8": Case(conv(types=QUANTIZED), "reads int8; the delegate takes float32"),
    "conv of version 2": Case(conv(version=2), "is version 2 of the operator; the delegate has 1"),
    "conv with computed weights": Case(conv(weights=(8, 3, 3, 8)), "weights are computed"),
    "conv without bias": Case(
        of("CONV_2D", [IMAGE, zeros(8, 3, 3, 8)], IMAGE), "bias is computed or left out"
    ),
    "depthwise of version 2": Case(
        of("DEPTHWISE_CONV_2D", [IMAGE, zeros(1, 3, 3, 8), zeros(8)], IMAGE, version=2)
    ),
    "dense": Case(dense()),
    "dense of two rows": Case(dense(row=(2, 8)), "has the shape 2x8; the delegate takes one row"),
    "dense with int8 weights": Case(dense(types={"i1": Held("int8", 0.1)}), "weights are int8"),
    "reshape": Case(
        of("RESHAPE", [IMAGE, whole(1, 128)], (1, 128)), "left out by the delegate for Core ML 3"
    ),
    "reshape for Core ML 2": Case(
        of("RESHAPE", [IMAGE, whole(1, 2, 8, 8)], (1, 2, 8, 8)), options={"coreml_version": 2}
    ),
    "reshape to a row": Case(
        of("RESHAPE", [IMAGE, whole(1, 128)], (1, 128)),
        "shape has 2 axes; Core ML 2 takes 3 or 4",
        {"coreml_version": 2},
    ),
    "joined channels": Case(of("CONCATENATION", [IMAGE, IMAGE], (1, 4, 4, 16), axis=3)),
    "joined rows": Case(of("CONCATENATION", [IMAGE, IMAGE], (1, 8, 4, 8), axis=1), "joins axis 1 of 4"),
    "mean": Case(of("MEAN", [IMAGE, whole(1, 2)], (1, 1, 1, 8), keepDims=True)),
    "mean that drops axes": Case(of("MEAN", [IMAGE, whole(1, 2)], ROW), "drops the axes that it averages"),
    "mean of channels": Case(
        of("MEAN", [IMAGE, whole(3)], (1, 4, 4, 1), keepDims=True), "averages axes 3; the delegate averages"
    ),
    "added channels": Case(of("ADD", [IMAGE, zeros(8)], IMAGE)),
    "added column": Case(of("ADD", [IMAGE, (1, 4, 1, 8)], IMAGE), "spreads both sides of a picture or none"),
    "padded channels": Case(
        of("PAD", [IMAGE, whole([0, 0], [0, 0], [0, 0], [0, 2])], (1, 4, 4, 10)), "pads channels, by 0 and 2"
    ),
    "pool with activation": Case(
        of("MAX_POOL_2D", [IMAGE], (1, 2, 2, 8), fusedActivationFunction=RELU6), "activation RELU6"
    ),
}

HEXAGON = {
    "conv": Case(conv(types=QUANTIZED, version=3)),
    "conv in floats": Case(conv(), "takes input and weights in 8 bits"),
    "conv with dilation": Case(
        conv(types=QUANTIZED, dilationWFactor=2, dilationHFactor=2), "dilations are 2 and 2; the DSP has 1"
    ),
    "conv with a long stride": Case(
        conv(types=QUANTIZED, strideH=4), "strides are 4 and 1; the DSP has up to 3"
    ),
    "flat depthwise": Case(
        of("DEPTHWISE_CONV_2D", [IMAGE, zeros(1, 1, 3, 8), zeros(8)], IMAGE, types=QUANTIZED),
        "kernel is 1 high; the DSP takes 2",
    ),
    "dense": Case(dense(types=QUANTIZED)),
    "dense with a scale a channel": Case(
        dense(types={**QUANTIZED, "i1": Held("int8", [0.1, 0.2, 0.3, 0.4], [0] * 4)}),
        "weights have 4 scales; the DSP takes one",
    ),
    "dense of version 5": Case(dense(types=QUANTIZED, version=5), "is version 5 of the operator"),
    "add": Case(of("ADD", [IMAGE, IMAGE], IMAGE, types={**INTEGERS, "i1": INT8})),
    "add with tanh": Case(
        of("ADD", [IMAGE, IMAGE], IMAGE, types={**INTEGERS, "i1": INT8}, fusedActivationFunction=TANH),
        "activation TANH",
    ),
    "relu of version 1": Case(of("RELU", [IMAGE], IMAGE, types=INTEGERS), "is version 1 of the operator"),
    "relu of version 2": Case(of("RELU", [IMAGE], IMAGE, types=INTEGERS, version=2)),
    "large window": Case(
        of("MAX_POOL_2D", [IMAGE], IMAGE, types=INTEGERS, filterHeight=13, padding=0),
        "13 x 2 with padding SAME",
    ),
    "large window without padding": Case(
        of("MAX_POOL_2D", [IMAGE], IMAGE, types=INTEGERS, filterHeight=13, padding=1)
    ),
    "sum": Case(
        of("SUM", [IMAGE, whole(1, 2)], ROW, types=INTEGERS), "is no operator of the Hexagon delegate"
    ),
}

NNAPI = {
    "conv": Case(conv(types=QUANTIZED, version=3)),
    "conv without bias": Case(
        of("CONV_2D", [IMAGE, zeros(8, 3, 3, 8)], IMAGE), "has 2 inputs; NNAPI takes a bias, too"
    ),
    "conv in int8 on Android 9": Case(
        conv(types=QUANTIZED), "reads int8; NNAPI takes float32 and uint8 before", {"api_level": 28}
    ),
    "tanh in int8": Case(of("TANH", [ROW], ROW, types=INTEGERS)),
    "tanh in int8 on Android 9": Case(
        of("TANH", [ROW], ROW, types=INTEGERS), "int8 and uint8 from API level 29 on", {"api_level": 28}
    ),
    "relu in int16": Case(of("RELU", [ROW], ROW, types={"i0": INT16, "o0": INT16}), "reads int16"),
    "abs": Case(of("ABS", [ROW], ROW), options={"api_level": 29}),
    "abs on Android 9": Case(
        of("ABS", [ROW], ROW), "from Android 10 (API level 29) on; this is 28", {"api_level": 28}
    ),
    "joined along the last axis": Case(
        of("PACK", [ROW, ROW], (1, 8, 2), axis=2), "joins along a new last axis", {"api_level": 31}
    ),
    "joined along the last axis later": Case(
        of("PACK", [ROW, ROW], (1, 8, 2), axis=2), options={"api_level": 32}
    ),
    "matrices": Case(of("BATCH_MATMUL", [(1, 4, 8), (1, 8, 2)], (1, 4, 2)), options={"api_level": 33}),
    "matrices on Android 12": Case(
        of("BATCH_MATMUL", [(1, 4, 8), (1, 8, 2)], (1, 4, 2)), "from feature level 6", {"api_level": 31}
    ),
    "mean to a number": Case(of("MEAN", [IMAGE, whole(0, 1, 2, 3)], ()), "gives a single number"),
    "argmax of int32": Case(of("ARG_MAX", [ROW, whole(1)], (1,), types={"o0": Held("int32")})),
    "argmax of int64": Case(
        of("ARG_MAX", [ROW, whole(1)], (1,), types={"o0": Held("int64")}), "gives int64; NNAPI gives int32"
    ),
    "scores in int16": Case(
        of("SOFTMAX", [ROW], ROW, types={"i0": INT8, "o0": INT16}), "gives int16; NNAPI gives float32"
    ),
    "cumsum": Case(of("CUMSUM", [ROW, whole(1)], ROW), "is no operator of the NNAPI delegate"),
}

QNN = {
    "conv": Case(conv(types=QUANTIZED)),
    "conv in int16": Case(conv(types={**QUANTIZED, "i0": INT16, "o0": INT16})),
    "conv in floats": Case(conv()),
    "conv of floats by int8": Case(conv(types={"i1": Held("int8", 0.1)}), "multiplies float32 by int8"),
    "conv in odd groups": Case(conv(weights=zeros(8, 3, 3, 3)), "8 channels are no multiple of the 3"),
    "conv with sign bit": Case(conv(fusedActivationFunction=SIGN_BIT), "activation SIGN_BIT"),
    "mean over computed axes": Case(of("MEAN", [IMAGE, (2,)], ROW), "axes are computed"),
    "gather by batches": Case(of("GATHER", [ROW, whole(0)], ROW, batchDims=1), "1 axes of batches"),
    "mirror": Case(of("MIRROR_PAD", [IMAGE, PADS], (1, 6, 6, 8), mode=1)),
    "mirror by computed numbers": Case(
        of("MIRROR_PAD", [IMAGE, (4, 2)], (1, 6, 6, 8), mode=1), "second tensor is computed"
    ),
    "squeeze": Case(of("SQUEEZE", [IMAGE], (4, 4, 8)), "is no operator of the Qualcomm NPU"),
}

DEVICES = {"gpu": GPU, "coreml": COREML, "hexagon": HEXAGON, "nnapi": NNAPI, "qnn": QNN}


def reason(device: str, case: Case) -> str:
    """Give why a device does not run a file's one operator by its rules; its place in the graph left aside."""
    target = TARGETS.get(device)(**case.options)
    table = target.rule_table()
    assert table is not None
    options = {"api_level": 31, "coreml_version": 3} | case.options | {"partitions": 0, "smallest": 1}
    model = facts.facts_of(flatbuffer.unpack(case.content))
    (placed,) = by_rules.predict(model, rule_file.read(table), device, options).operators
    assert placed.on is (placed.reason == "")
    return placed.reason


@pytest.mark.parametrize(
    ("device", "name"), [(device, name) for device, cases in DEVICES.items() for name in cases]
)
def test_a_condition_is_that_of_the_source(device: str, name: str) -> None:
    case = DEVICES[device][name]
    found = reason(device, case)
    assert bool(found) is bool(case.reason), found
    assert case.reason in found
    assert not found.startswith(("it ", "its ", "the ")), f"it {found}"


@pytest.mark.parametrize("device", DEVICES)
def test_a_table_says_that_it_predicts_and_where_it_is_from(device: str) -> None:
    table = TARGETS.get(device)().rule_table()
    assert table is not None
    found = rule_file.read(table)
    assert found.remarks[0] == "A prediction from published tables; it was not run on such a device by us."
    assert found.date >= "2026-07-01"
    assert "github.com/google-ai-edge/LiteRT at f6745779" in found.source
    deprecated = any("deprecated" in one for one in found.remarks)
    assert deprecated is (device in ("nnapi", "hexagon"))


def test_every_override_of_a_cure_is_one_that_a_recipe_takes(tmp_path: Path) -> None:
    from tflbuild.commands.describe import describe

    cures = set()
    for device in DEVICES:
        table = TARGETS.get(device)().rule_table()
        assert table is not None
        for line in table.read_text().splitlines():
            _, found, cure = line.partition("cure: ")
            cures |= {cure.strip("} ").partition("=")[0]} if found else set()
    assert cures >= {"quantize.scheme", "target.nnapi.api_level", "target.coreml.coreml_version"}
    for key in sorted(cures):
        assert describe([key]) == 0, key
