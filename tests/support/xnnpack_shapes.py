"""Files of one operator on axes and shapes, each of which keeps or breaks one condition of XNNPACK."""

from __future__ import annotations

from placement_files import Cases, Told, constant, filled, one, told

IMAGE = (1, 8, 8, 4)
POOL = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
CASES = Cases()

# Reductions.


def reduced(
    kind: str, data: str, axes: Told, out: tuple[int, ...], *, keep: bool = True, scale: float = 0.02
) -> bytes:
    """Give a reduction."""
    return one(kind, [told(IMAGE, data), axes], [told(out, data, scale)], "ReducerOptions", keepDims=keep)


_SPACE = constant([1, 2], "int32")
for _kind in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
    for _type in ("float32", "int8", "uint8"):
        CASES.add(f"{_kind} {_type}", reduced, _kind, _type, _SPACE, (1, 1, 1, 4))
    CASES.add(f"{_kind} float, axes not kept", reduced, _kind, "float32", _SPACE, (1, 4), keep=False)
    CASES.add(f"{_kind} float of one axis", reduced, _kind, "float32", constant([-1], "int32"), (1, 8, 8, 1))
CASES.add("MEAN int8, other scale", reduced, "MEAN", "int8", _SPACE, (1, 1, 1, 4), scale=0.5)
CASES.add("REDUCE_MAX int8, other scale", reduced, "REDUCE_MAX", "int8", _SPACE, (1, 1, 1, 4), scale=0.5)
CASES.add("MEAN int16", reduced, "MEAN", "int16", _SPACE, (1, 1, 1, 4))
CASES.add("MEAN of axes computed", reduced, "MEAN", "float32", told((2,), "int32"), (1, 1, 1, 4))
CASES.add("MEAN of all axes", reduced, "MEAN", "float32", constant([0, 1, 2, 3], "int32"), (1, 1, 1, 1))
CASES.add("REDUCE_PROD float", reduced, "REDUCE_PROD", "float32", _SPACE, (1, 1, 1, 4))
CASES.add(
    "ARG_MAX float",
    one,
    "ARG_MAX",
    [told(IMAGE), constant(3, "int32")],
    [told((1, 8, 8), "int32")],
    "ArgMaxOptions",
    outputType=2,
)

# Shapes.

for _type in ("float32", "int8", "uint8", "int16", "int32"):
    CASES.add(
        f"RESHAPE {_type}",
        one,
        "RESHAPE",
        [told(IMAGE, _type), constant([1, 256], "int32")],
        [told((1, 256), _type)],
        "ReshapeOptions",
        newShape=[1, 256],
    )
    CASES.add(
        f"TRANSPOSE {_type}",
        one,
        "TRANSPOSE",
        [told(IMAGE, _type), constant([0, 3, 1, 2], "int32")],
        [told((1, 4, 8, 8), _type)],
    )
    CASES.add(
        f"PAD {_type}",
        one,
        "PAD",
        [told(IMAGE, _type), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32")],
        [told((1, 10, 10, 4), _type)],
    )
    CASES.add(
        f"SLICE {_type}",
        one,
        "SLICE",
        [told(IMAGE, _type), constant([0, 1, 1, 0], "int32"), constant([1, 4, 4, 4], "int32")],
        [told((1, 4, 4, 4), _type)],
    )
    CASES.add(
        f"CONCATENATION {_type}",
        one,
        "CONCATENATION",
        [told(IMAGE, _type)] * 2,
        [told((1, 8, 8, 8), _type)],
        "ConcatenationOptions",
        axis=3,
    )
    CASES.add(
        f"SPLIT {_type}",
        one,
        "SPLIT",
        [constant(3, "int32"), told(IMAGE, _type)],
        [told((1, 8, 8, 2), _type)] * 2,
        "SplitOptions",
        numSplits=2,
    )
    CASES.add(
        f"STRIDED_SLICE {_type}",
        one,
        "STRIDED_SLICE",
        [told(IMAGE, _type), *(constant(v, "int32") for v in ([0, 1, 1, 0], [1, 4, 4, 4], [1] * 4))],
        [told((1, 3, 3, 4), _type)],
        "StridedSliceOptions",
    )
    if _type != "int16":
        CASES.add(
            f"DEPTH_TO_SPACE {_type}",
            one,
            "DEPTH_TO_SPACE",
            [told(IMAGE, _type)],
            [told((1, 16, 16, 1), _type)],
            "DepthToSpaceOptions",
            blockSize=2,
        )
        CASES.add(
            f"SPACE_TO_DEPTH {_type}",
            one,
            "SPACE_TO_DEPTH",
            [told(IMAGE, _type)],
            [told((1, 4, 4, 16), _type)],
            "SpaceToDepthOptions",
            blockSize=2,
        )
    if _type != "int32":
        for _kind, _table in (
            ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
            ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
        ):
            CASES.add(
                f"{_kind} {_type}",
                one,
                _kind,
                [told(IMAGE, _type), constant([16, 16], "int32")],
                [told((1, 16, 16, 4), _type)],
                _table,
            )
        CASES.add(
            f"SOFTMAX {_type}",
            one,
            "SOFTMAX",
            [told((1, 8), _type)],
            [
                told(
                    (1, 8),
                    _type,
                    **(
                        {"scales": 1 / 256, "points": -128}
                        if _type == "int8"
                        else {"scales": 1 / 256, "points": 0}
                        if _type == "uint8"
                        else {"scales": 1 / 32768}
                        if _type == "int16"
                        else {}
                    ),
                )
            ],
            "SoftmaxOptions",
            beta=1.0,
        )
CASES.add("SOFTMAX float, beta 2", one, "SOFTMAX", [told((1, 8))], [told((1, 8))], "SoftmaxOptions", beta=2.0)
CASES.add("LOG_SOFTMAX float", one, "LOG_SOFTMAX", [told((1, 8))], [told((1, 8))])
CASES.add(
    "RESIZE_BILINEAR to a size computed",
    one,
    "RESIZE_BILINEAR",
    [told(IMAGE), told((2,), "int32")],
    [told((1, 16, 16, 4))],
    "ResizeBilinearOptions",
)
CASES.add(
    "RESIZE_BILINEAR int8, other scale",
    one,
    "RESIZE_BILINEAR",
    [told(IMAGE, "int8"), constant([16, 16], "int32")],
    [told((1, 16, 16, 4), "int8", 0.5)],
    "ResizeBilinearOptions",
)
CASES.add(
    "RESHAPE by its options",
    one,
    "RESHAPE",
    [told(IMAGE)],
    [told((1, 256))],
    "ReshapeOptions",
    newShape=[1, 256],
)
CASES.add("RESHAPE to a shape computed", one, "RESHAPE", [told(IMAGE), told((2,), "int32")], [told((1, 256))])
CASES.add(
    "RESHAPE to an open shape", one, "RESHAPE", [told(IMAGE), constant([-1, 64], "int32")], [told((4, 64))]
)
CASES.add("RESHAPE to one open axis", one, "RESHAPE", [told(IMAGE), constant([-1], "int32")], [told((256,))])
CASES.add(
    "RESHAPE int8, other scale",
    one,
    "RESHAPE",
    [told(IMAGE, "int8"), constant([1, 256], "int32")],
    [told((1, 256), "int8", 0.5)],
)
CASES.add(
    "RESHAPE int8, other zero point",
    one,
    "RESHAPE",
    [told(IMAGE, "int8"), constant([1, 256], "int32")],
    [told((1, 256), "int8", points=9)],
)
CASES.add(
    "RESHAPE to seven axes",
    one,
    "RESHAPE",
    [told(IMAGE), constant([1, 4, 2, 2, 2, 2, 4], "int32")],
    [told((1, 4, 2, 2, 2, 2, 4))],
)
CASES.add(
    "RESHAPE, shape of two axes",
    one,
    "RESHAPE",
    [told(IMAGE), constant([[1, 256]], "int32")],
    [told((1, 256))],
)
CASES.add(
    "TRANSPOSE by axes computed", one, "TRANSPOSE", [told(IMAGE), told((4,), "int32")], [told((1, 4, 8, 8))]
)
CASES.add(
    "TRANSPOSE int8, other scale",
    one,
    "TRANSPOSE",
    [told(IMAGE, "int8"), constant([0, 3, 1, 2], "int32")],
    [told((1, 4, 8, 8), "int8", 0.5)],
)
CASES.add(
    "PAD by paddings computed", one, "PAD", [told(IMAGE), told((4, 2), "int32")], [told((1, 10, 10, 4))]
)
CASES.add(
    "PAD of int64",
    one,
    "PAD",
    [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int64")],
    [told((1, 10, 10, 4))],
)
CASES.add(
    "PADV2 float",
    one,
    "PADV2",
    [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32"), constant(1.0)],
    [told((1, 10, 10, 4))],
)
CASES.add(
    "MIRROR_PAD float",
    one,
    "MIRROR_PAD",
    [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32")],
    [told((1, 10, 10, 4))],
    "MirrorPadOptions",
)
CASES.add(
    "SLICE to the end",
    one,
    "SLICE",
    [told(IMAGE), constant([0, 1, 1, 0], "int32"), constant([1, -1, -1, -1], "int32")],
    [told((1, 7, 7, 4))],
)
CASES.add(
    "SLICE from a place computed",
    one,
    "SLICE",
    [told(IMAGE), told((4,), "int32"), constant([1, 4, 4, 4], "int32")],
    [told((1, 4, 4, 4))],
)
CASES.add(
    "SLICE of int64",
    one,
    "SLICE",
    [told(IMAGE), constant([0, 1, 1, 0], "int64"), constant([1, 4, 4, 4], "int64")],
    [told((1, 4, 4, 4))],
)
CASES.add(
    "SLICE int8, other scale",
    one,
    "SLICE",
    [told(IMAGE, "int8"), constant([0, 1, 1, 0], "int32"), constant([1, 4, 4, 4], "int32")],
    [told((1, 4, 4, 4), "int8", 0.5)],
)
for _name, _inputs, _scales in (
    ("one input", 1, (0.02,)),
    ("five inputs", 5, (0.02,) * 5),
    ("six inputs", 6, (0.02,) * 6),
):
    CASES.add(
        f"CONCATENATION of {_name}",
        one,
        "CONCATENATION",
        [told((1, 4))] * _inputs,
        [told((1, 4 * _inputs))],
        "ConcatenationOptions",
        axis=1,
    )
CASES.add(
    "CONCATENATION int8, other scale",
    one,
    "CONCATENATION",
    [told((1, 4), "int8"), told((1, 4), "int8", 0.5)],
    [told((1, 8), "int8")],
    "ConcatenationOptions",
    axis=1,
)
CASES.add(
    "CONCATENATION uint8, other scale",
    one,
    "CONCATENATION",
    [told((1, 4), "uint8"), told((1, 4), "uint8", 0.5)],
    [told((1, 8), "uint8")],
    "ConcatenationOptions",
    axis=1,
)
CASES.add(
    "CONCATENATION of the last axis, -1",
    one,
    "CONCATENATION",
    [told((1, 4))] * 2,
    [told((1, 8))],
    "ConcatenationOptions",
    axis=-1,
)
CASES.add(
    "CONCATENATION with a constant",
    one,
    "CONCATENATION",
    [told((1, 4)), filled((1, 4))],
    [told((1, 8))],
    "ConcatenationOptions",
    axis=1,
)
for _parts in (1, 3, 4, 5):
    CASES.add(
        f"SPLIT into {_parts}",
        one,
        "SPLIT",
        [constant(1, "int32"), told((1, 4 * _parts))],
        [told((1, 4))] * _parts,
        "SplitOptions",
        numSplits=_parts,
    )
CASES.add(
    "SPLIT int8, other scale",
    one,
    "SPLIT",
    [constant(1, "int32"), told((1, 8), "int8")],
    [told((1, 4), "int8"), told((1, 4), "int8", 0.5)],
    "SplitOptions",
    numSplits=2,
)
CASES.add(
    "SPLIT of an axis computed",
    one,
    "SPLIT",
    [told((1,), "int32"), told((1, 8))],
    [told((1, 4))] * 2,
    "SplitOptions",
    numSplits=2,
)
CASES.add(
    "SPLIT of axis -1",
    one,
    "SPLIT",
    [constant(-1, "int32"), told((1, 8))],
    [told((1, 4))] * 2,
    "SplitOptions",
    numSplits=2,
)
CASES.add(
    "SPLIT_V float",
    one,
    "SPLIT_V",
    [told((1, 8)), constant([2, 6], "int32"), constant(1, "int32")],
    [told((1, 2)), told((1, 6))],
    "SplitVOptions",
    numSplits=2,
)
for _name, _words in (
    ("of stride 2", {"strides": [1, 2, 2, 1], "end": [1, 8, 8, 4], "out": (1, 4, 4, 4)}),
    (
        "that drops an axis",
        {"shrinkAxisMask": 1, "begin": [0, 0, 0, 0], "end": [1, 8, 8, 4], "out": (8, 8, 4)},
    ),
    (
        "with a new axis",
        {"newAxisMask": 1, "begin": [0, 0, 0, 0], "end": [0, 1, 8, 8], "out": (1, 1, 8, 8, 4)},
    ),
    (
        "by an ellipsis",
        {"ellipsisMask": 2, "begin": [0, 0, 0], "end": [1, 0, 4], "strides": [1] * 3, "out": (1, 8, 8, 4)},
    ),
    (
        "with masks",
        {"beginMask": 2, "endMask": 4, "begin": [0, 5, 1, 0], "end": [1, 6, 1, 4], "out": (1, 6, 7, 4)},
    ),
    ("from behind", {"begin": [0, -4, -4, 0], "end": [1, -1, -1, 4], "out": (1, 3, 3, 4)}),
    (
        "of three of four axes",
        {"begin": [0, 1, 1], "end": [1, 4, 4], "strides": [1] * 3, "out": (1, 3, 3, 4)},
    ),
):
    _w = {"begin": [0, 0, 0, 0], "strides": [1] * 4, **_words}
    _masks = {k: v for k, v in _w.items() if k.endswith("Mask")}
    CASES.add(
        f"STRIDED_SLICE {_name}",
        one,
        "STRIDED_SLICE",
        [told(IMAGE), *(constant(_w[k], "int32") for k in ("begin", "end", "strides"))],
        [told(_w["out"])],
        "StridedSliceOptions",
        **_masks,
    )
CASES.add(
    "DEPTH_TO_SPACE int8, other scale",
    one,
    "DEPTH_TO_SPACE",
    [told(IMAGE, "int8")],
    [told((1, 16, 16, 1), "int8", 0.5)],
    "DepthToSpaceOptions",
    blockSize=2,
)
CASES.add(
    "MAX_POOL_2D int8, other scale",
    one,
    "MAX_POOL_2D",
    [told(IMAGE, "int8")],
    [told((1, 4, 4, 4), "int8", 0.5)],
    "Pool2DOptions",
    **POOL,
)
for _kind, _table in (("SQUEEZE", "SqueezeOptions"), ("CAST", "CastOptions"), ("SHAPE", "ShapeOptions")):
    CASES.add(
        f"{_kind} float",
        one,
        _kind,
        [told((1, 4))],
        [told((4,)) if _kind == "SQUEEZE" else told((1, 4)) if _kind == "CAST" else told((2,), "int32")],
        _table,
        **({"outType": 2} if _kind == "SHAPE" else {}),
    )
CASES.add("EXPAND_DIMS float", one, "EXPAND_DIMS", [told((1, 4)), constant(1, "int32")], [told((1, 1, 4))])
CASES.add(
    "PACK float", one, "PACK", [told((1, 4))] * 2, [told((1, 2, 4))], "PackOptions", axis=1, valuesCount=2
)
CASES.add(
    "GATHER float",
    one,
    "GATHER",
    [told((1, 4)), constant([0, 2], "int32")],
    [told((1, 2))],
    "GatherOptions",
    axis=1,
)

for _name, _scales in (("without a scale", ()), ("by channel", [0.02] * 4)):
    CASES.add(
        f"RESHAPE int8 {_name}",
        one,
        "RESHAPE",
        [Told(IMAGE, "int8", _scales, 0, 3), constant([1, 256], "int32")],
        [Told((1, 256), "int8", 0.02 if _scales else ())],
        "ReshapeOptions",
        newShape=[1, 256],
    )
    CASES.add(
        f"SPLIT int8 {_name}",
        one,
        "SPLIT",
        [constant(3, "int32"), Told(IMAGE, "int8", _scales, 0, 3)],
        [Told((1, 8, 8, 2), "int8", 0.02 if _scales else ())] * 2,
        "SplitOptions",
        numSplits=2,
    )
CASES.add("MEAN of a scalar", one, "MEAN", [told(()), constant([0], "int32")], [told(())], "ReducerOptions")
CASES.add(
    "RESHAPE of nothing",
    one,
    "RESHAPE",
    [told((0, 4)), constant([0, 4], "int32")],
    [told((0, 4))],
    "ReshapeOptions",
    newShape=[0, 4],
)
CASES.add(
    "RESHAPE by a column",
    one,
    "RESHAPE",
    [told(IMAGE), constant([[1], [256]], "int32")],
    [told((1, 256))],
    "ReshapeOptions",
    newShape=[1, 256],
)
CASES.add("TRANSPOSE of nothing", one, "TRANSPOSE", [told((0, 4)), constant([1, 0], "int32")], [told((4, 0))])
CASES.add("PAD of nothing", one, "PAD", [told((0, 4)), constant([[0, 0], [0, 0]], "int32")], [told((0, 4))])
CASES.add(
    "STRIDED_SLICE from a place computed",
    one,
    "STRIDED_SLICE",
    [told(IMAGE), told((4,), "int32"), constant([1, 8, 8, 4], "int32"), constant([1] * 4, "int32")],
    [told(IMAGE)],
    "StridedSliceOptions",
)
for _kind, _table in (("DEPTH_TO_SPACE", "DepthToSpaceOptions"), ("SPACE_TO_DEPTH", "SpaceToDepthOptions")):
    CASES.add(f"{_kind} of blocks of 1", one, _kind, [told(IMAGE)], [told(IMAGE)], _table, blockSize=1)

# More axes than XNNPACK has.

ROW7, WIDE7 = (1, 2, 1, 2, 1, 2, 4), (1, 2, 1, 2, 1, 2, 8)
for _kind, _inputs, _outputs, _table, _values in (
    ("SOFTMAX", [told(ROW7)], [told(ROW7)], "SoftmaxOptions", {"beta": 1.0}),
    ("CONCATENATION", [told(ROW7)] * 2, [told(WIDE7)], "ConcatenationOptions", {"axis": 6}),
    ("SPLIT", [constant(6, "int32"), told(WIDE7)], [told(ROW7)] * 2, "SplitOptions", {"numSplits": 2}),
    (
        "MEAN",
        [told(ROW7), constant([6], "int32")],
        [told((*ROW7[:6], 1))],
        "ReducerOptions",
        {"keepDims": True},
    ),
    ("MEAN", [told((1,) * 7), constant([*range(7)], "int32")], [told(())], "ReducerOptions", {}),
    ("TRANSPOSE", [told((1,) * 7), constant([*range(7)], "int32")], [told((1,) * 7)], "", {}),
    ("SLICE", [told(ROW7), constant([0] * 7, "int32"), constant(ROW7, "int32")], [told(ROW7)], "", {}),
    (
        "BATCH_MATMUL",
        [told(ROW7), told((1, 2, 1, 2, 1, 4, 2))],
        [told((1, 2, 1, 2, 1, 2, 2))],
        "BatchMatMulOptions",
        {},
    ),
    (
        "FULLY_CONNECTED",
        [told(ROW7), filled((3, 4)), filled((3,))],
        [told((8, 3))],
        "FullyConnectedOptions",
        {},
    ),
    ("QUANTIZE", [told(ROW7)], [told(ROW7, "int8")], "", {}),
    ("TANH", [told(ROW7)], [told(ROW7)], "", {}),
):
    CASES.add(f"{_kind} of seven axes, {len(CASES)}", one, _kind, _inputs, _outputs, _table, 1, **_values)
CASES.add(
    "SLICE of nothing",
    one,
    "SLICE",
    [told((0, 4)), constant([0, 0], "int32"), constant([0, 4], "int32")],
    [told((0, 4))],
)
CASES.add(
    "CONCATENATION int8, one scale along axis 1",
    one,
    "CONCATENATION",
    [told((1, 4), "int8"), Told((1, 4), "int8", [0.02], 0, 1)],
    [told((1, 8), "int8")],
    "ConcatenationOptions",
    axis=1,
)
