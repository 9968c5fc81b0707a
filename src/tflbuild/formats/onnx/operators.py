"""Which operators of an ONNX file can be taken in: ONNX's own, that give the same each time."""

from __future__ import annotations

from collections.abc import Iterable

from tflbuild.core.plain_text import plain
from tflbuild.formats.onnx.graph import Node, Read

OPSETS = range(7, 26)
"""Versions of ONNX's operators that are executed and converted."""

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
"""Operators that give other values each time."""

KNOWN = frozenset(
    {
        "Abs",
        "Acos",
        "Acosh",
        "Add",
        "AffineGrid",
        "And",
        "ArgMax",
        "ArgMin",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "Attention",
        "AveragePool",
        "BatchNormalization",
        "Bernoulli",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "BlackmanWindow",
        "Cast",
        "CastLike",
        "Ceil",
        "Celu",
        "CenterCropPad",
        "Clip",
        "Col2Im",
        "Compress",
        "Concat",
        "ConcatFromSequence",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "Cos",
        "Cosh",
        "CumSum",
        "DFT",
        "DeformConv",
        "DepthToSpace",
        "DequantizeLinear",
        "Det",
        "Div",
        "Dropout",
        "DynamicQuantizeLinear",
        "Einsum",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "EyeLike",
        "Flatten",
        "Floor",
        "GRU",
        "Gather",
        "GatherElements",
        "GatherND",
        "Gelu",
        "Gemm",
        "GlobalAveragePool",
        "GlobalLpPool",
        "GlobalMaxPool",
        "Greater",
        "GreaterOrEqual",
        "GridSample",
        "GroupNormalization",
        "HammingWindow",
        "HannWindow",
        "HardSigmoid",
        "HardSwish",
        "Hardmax",
        "Identity",
        "If",
        "ImageDecoder",
        "InstanceNormalization",
        "IsInf",
        "IsNaN",
        "LRN",
        "LSTM",
        "LayerNormalization",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "LogSoftmax",
        "Loop",
        "LpNormalization",
        "LpPool",
        "MatMul",
        "MatMulInteger",
        "Max",
        "MaxPool",
        "MaxRoiPool",
        "MaxUnpool",
        "Mean",
        "MeanVarianceNormalization",
        "MelWeightMatrix",
        "Min",
        "Mish",
        "Mod",
        "Mul",
        "Multinomial",
        "Neg",
        "NegativeLogLikelihoodLoss",
        "NonMaxSuppression",
        "NonZero",
        "Not",
        "OneHot",
        "Optional",
        "OptionalGetElement",
        "OptionalHasElement",
        "Or",
        "PRelu",
        "Pad",
        "Pow",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
        "RMSNormalization",
        "RNN",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Range",
        "Reciprocal",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "RegexFullMatch",
        "Relu",
        "Reshape",
        "Resize",
        "ReverseSequence",
        "RoiAlign",
        "RotaryEmbedding",
        "Round",
        "STFT",
        "Scan",
        "Scatter",
        "ScatterElements",
        "ScatterND",
        "Selu",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceInsert",
        "SequenceLength",
        "SequenceMap",
        "Shape",
        "Shrink",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Size",
        "Slice",
        "Softmax",
        "SoftmaxCrossEntropyLoss",
        "Softplus",
        "Softsign",
        "SpaceToDepth",
        "Split",
        "SplitToSequence",
        "Sqrt",
        "Squeeze",
        "StringConcat",
        "StringNormalizer",
        "StringSplit",
        "Sub",
        "Sum",
        "Swish",
        "Tan",
        "Tanh",
        "TensorScatter",
        "TfIdfVectorizer",
        "ThresholdedRelu",
        "Tile",
        "TopK",
        "Transpose",
        "Trilu",
        "Unique",
        "Unsqueeze",
        "Upsample",
        "Where",
        "Xor",
    }
)
"""Operators of ONNX, up to version 25. Source: the list of operators that ONNX documents."""

QUANTIZED = frozenset(
    {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger",
    }
)
"""Operators of quantized files."""

SHOWN = 4


def refusal(read: Read) -> str:
    """Say why the operators of a file cannot be taken in, as the end of a sentence; "" where they can."""
    if read.opset not in OPSETS:
        said = f"is written in version {read.opset} of ONNX's operators" if read.opset else "names no opset"
        return f"{said}, and versions {OPSETS[0]} to {OPSETS[-1]} are read; export it again with one of these"
    every = [*read.nodes, *read.inner]
    foreign = [one for one in every if one.domain and one.said not in read.functions]
    if foreign:
        return (
            f"has {_names(foreign)}, which ONNX does not define, so the file does not say what "
            f"{_it(foreign)} computes; export the model again with operators of ONNX alone"
        )
    unknown = [one for one in every if one.kind not in KNOWN and one.said not in read.functions]
    if unknown:
        return f"has {_names(unknown)}, which ONNX does not have; export the model again with operators of ONNX alone"
    random = [one for one in every if one.kind in RANDOM]
    if random:
        return f"has {_names(random)}, whose values are random; export the model for inference"
    return ""


def _names(nodes: Iterable[Node]) -> str:
    names = list(dict.fromkeys(plain(one.said, 60) for one in nodes))
    listed = ", ".join(f"'{name}'" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"the operator{'s' if len(names) > 1 else ''} {listed}{more}"


def _it(nodes: Iterable[Node]) -> str:
    return "they" if len({one.said for one in nodes}) > 1 else "it"
