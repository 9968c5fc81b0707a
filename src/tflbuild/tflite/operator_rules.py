"""Limits on a built-in operator's inputs, outputs and options that LiteRT's kernels rely on unchecked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.plain_text import plain
from tflbuild.tflite.tables import Table

MANY = 1 << 20

NAMES: Mapping[int, str] = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


class Arity(NamedTuple):
    """The least and the greatest number of tensors that an operator reads and makes."""

    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)


def _alike(arity: Arity, names: str) -> dict[str, Arity]:
    return dict.fromkeys(names.split(), arity)


ARITIES: Mapping[str, Arity] = {
    **_alike(
        Arity((1, 1)),
        "ABS AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D CAST CEIL COS DEQUANTIZE ELU EXP FLOOR GELU HARD_SWISH "
        "L2_NORMALIZATION LEAKY_RELU LOG LOG_SOFTMAX LOGICAL_NOT LOGISTIC NEG RANK RELU RELU6 RELU_N1_TO_1 "
        "RELU_0_TO_1 ROUND RSQRT SHAPE SIGN SIN SOFTMAX SPACE_TO_DEPTH DEPTH_TO_SPACE SQRT SQUARE SQUEEZE TANH "
        "ZEROS_LIKE QUANTIZE LOCAL_RESPONSE_NORMALIZATION FAKE_QUANT BITCAST WHERE DENSIFY",
    ),
    **_alike(
        Arity((2, 2)),
        "ADD SUB MUL DIV MAXIMUM MINIMUM POW FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE EQUAL NOT_EQUAL GREATER "
        "GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_OR PRELU ARG_MAX ARG_MIN MEAN SUM REDUCE_MAX REDUCE_MIN "
        "REDUCE_PROD REDUCE_ANY REDUCE_ALL PAD MIRROR_PAD TILE EXPAND_DIMS RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR "
        "GATHER GATHER_ND TRANSPOSE BROADCAST_TO FILL REVERSE_V2 EMBEDDING_LOOKUP BATCH_MATMUL CUMSUM ATAN2 "
        "BITWISE_XOR RIGHT_SHIFT MATRIX_SET_DIAG RFFT2D",
    ),
    **_alike(
        Arity((3, 3)),
        "PADV2 SLICE SELECT SELECT_V2 SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND RANGE SCATTER_ND DYNAMIC_UPDATE_SLICE "
        "UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_SUM",
    ),
    **_alike(Arity((2, 3)), "CONV_2D CONV_3D"),
    "DEPTHWISE_CONV_2D": Arity((3, 3)),
    **_alike(Arity((3, 4)), "TRANSPOSE_CONV CONV_3D_TRANSPOSE"),
    **_alike(Arity((4, 5)), "STRIDED_SLICE"),
    **_alike(Arity((4, 4)), "ONE_HOT SPARSE_TO_DENSE"),
    **_alike(Arity((1, MANY)), "CONCATENATION PACK ADD_N"),
    **_alike(Arity((1, 1), (1, MANY)), "UNPACK"),
    **_alike(Arity((2, 2), (1, MANY)), "SPLIT"),
    **_alike(Arity((3, 3), (1, MANY)), "SPLIT_V"),
    **_alike(Arity((2, 2), (2, 2)), "TOPK_V2"),
    "REVERSE_SEQUENCE": Arity((2, 2)),
    "UNIQUE": Arity((1, 1), (2, 2)),
    "RESHAPE": Arity((1, 2)),
    "FULLY_CONNECTED": Arity((2, 3), (1, 2)),
    "SVDF": Arity((5, 5)),
    "RNN": Arity((5, 5)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Arity((5, 5)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Arity((20, 24)),
    "LSTM": Arity((5, 24), (1, 4)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Arity((48, 48), (1, 2)),
    "BIDIRECTIONAL_SEQUENCE_RNN": Arity((12, 12), (1, 2)),
    "NON_MAX_SUPPRESSION_V4": Arity((5, 5), (2, 2)),
    "NON_MAX_SUPPRESSION_V5": Arity((6, 6), (3, 3)),
    "READ_VARIABLE": Arity((1, 1)),
    "ASSIGN_VARIABLE": Arity((2, 2), (0, 0)),
    "VAR_HANDLE": Arity((0, 0)),
    "CALL_ONCE": Arity((0, 0), (0, 0)),
    "HASHTABLE": Arity((0, 0)),
    "HASHTABLE_FIND": Arity((3, 3)),
    "HASHTABLE_IMPORT": Arity((3, 3), (0, 0)),
    "HASHTABLE_SIZE": Arity((1, 1)),
    "IF": Arity((1, MANY), (0, MANY)),
    "WHILE": Arity((1, MANY), (1, MANY)),
}
"""Operators by name; others are not looked at."""

BIASED: Mapping[str, int] = {
    "CONV_2D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "CONV_3D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
    "CONV_3D_TRANSPOSE": 3,
    "SVDF": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
    "LSTM": 1,
    "BIDIRECTIONAL_SEQUENCE_LSTM": 1,
    "BIDIRECTIONAL_SEQUENCE_RNN": 1,
}
"""Operators that can do without some inputs, and the first of these."""

OPTIONS: Mapping[str, int] = {
    name: getattr(schema.BuiltinOptions, options)
    for name, options in {
        "CONV_2D": "Conv2DOptions",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
        "TRANSPOSE_CONV": "TransposeConvOptions",
        "AVERAGE_POOL_2D": "Pool2DOptions",
        "MAX_POOL_2D": "Pool2DOptions",
        "L2_POOL_2D": "Pool2DOptions",
        "SPLIT": "SplitOptions",
        "SPLIT_V": "SplitVOptions",
        "UNPACK": "UnpackOptions",
        "PACK": "PackOptions",
        "CONCATENATION": "ConcatenationOptions",
        "SPACE_TO_DEPTH": "SpaceToDepthOptions",
        "DEPTH_TO_SPACE": "DepthToSpaceOptions",
        "FULLY_CONNECTED": "FullyConnectedOptions",
        "SOFTMAX": "SoftmaxOptions",
        "STRIDED_SLICE": "StridedSliceOptions",
        "IF": "IfOptions",
        "WHILE": "WhileOptions",
        "CALL_ONCE": "CallOnceOptions",
        "VAR_HANDLE": "VarHandleOptions",
        "HASHTABLE": "HashtableOptions",
    }.items()
}
"""Operators that cannot be checked without their options, and the type of these."""

POSITIVE = ("stride_w", "stride_h", "filter_width", "filter_height", "block_size", "dilation_w", "dilation_h")
"""Options that are counts of pixels."""

MOST_PIXELS = 1 << 16


def check_operator(
    kind: int, operator: Table, options: Table | None, inputs: Sequence[Any], outputs: Sequence[Any]
) -> str:
    """Check what a built-in operator reads, makes and is told.

    Args:
        kind: its code.
        operator: itself.
        options: its built-in options.
        inputs: the tensors that it reads, None for one that is left out.
        outputs: the tensors that it makes.

    Returns:
        What is wrong, to complete "it "; "" for nothing.
    """
    name = NAMES.get(kind, "")
    arity = ARITIES.get(name)
    if arity is None:
        return ""
    said = f"has a {name} that "
    for what, found, (least, most) in (
        ("reads", inputs, arity.inputs),
        ("makes", outputs, arity.outputs),
    ):
        if not least <= len(found) <= most:
            return f"{said}{what} {len(found)} tensors"
    if any(one is None for one in inputs[: BIASED.get(name, len(inputs))]):
        return f"{said}lacks an input"
    wanted = OPTIONS.get(name)
    if wanted is not None and (options is None or operator.number("builtin_options_type") != wanted):
        return f"{said}lacks its options"
    return _told(said, options, len(outputs)) if options is not None else ""


def _told(said: str, options: Table, outputs: int) -> str:
    if "count" in options.schema and options.number("count") != outputs:
        return f"{said}makes {outputs} tensors and is told to make {options.number('count')}"
    for option in POSITIVE:
        value = (
            options.number(option, 1 if option.startswith("dilation") else 0)
            if option in options.schema
            else 1
        )
        if not 1 <= value <= MOST_PIXELS:
            return f"{said}has {plain(option)}={value}"
    return ""
