"""What operators take and give, held to what LiteRT's own kernels say where they look."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflbuild.tflite import operator_rules
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.model import Model
from tflbuild.tflite.operator_rules import ARITIES, BIASED, MANY, NAMES, OPTIONS, POSITIVE, check_operator
from tflbuild.tflite.tables import Table

CODES = {name: code for code, name in NAMES.items()}
OPTION_NAMES = {
    number: name for name, number in vars(schema.BuiltinOptions).items() if isinstance(number, int)
}

MORE_THAN_COUNTED = {  # kernels that look at something else first, or take what comes
    "ADD_N CONCATENATION IF PACK WHILE": "any number",
    "BROADCAST_TO": "LiteRT has no version 1",
    "CALL_ONCE VAR_HANDLE": "no tensors at all",
    "DYNAMIC_UPDATE_SLICE NON_MAX_SUPPRESSION_V4": "shapes first",
    "LSTM MIRROR_PAD": "options first",
    "PAD": "types first",
}
UNCOUNTED_OUTPUTS = "UNPACK SPLIT SPLIT_V SIGN NON_MAX_SUPPRESSION_V5"  # as many as are told, or any

UNLISTED = """BROADCAST_ARGS BUCKETIZE COMPLEX_ABS DILATE EMBEDDING_LOOKUP_SPARSE HASHTABLE_LOOKUP IMAG LSH_PROJECTION
MATRIX_DIAG MULTINOMIAL RANDOM_STANDARD_NORMAL RANDOM_UNIFORM REAL REDUCE_WINDOW SEGMENT_SUM SKIP_GRAM"""
"""Operators that LiteRT has and nobody's models; their kernels count for themselves."""


def file_of(name: str, reads: int, makes: int, **told: int) -> bytes:
    """Give a file of one operator."""
    given, made = [f"in_{k}" for k in range(reads)], [f"out_{k}" for k in range(makes)]
    tensors: Any = dict.fromkeys([*given, *made, "beside"], (1, 4, 4, 2))
    kind = OPTIONS.get(name, 0)
    options = getattr(schema, f"{OPTION_NAMES[kind]}T")() if kind else None
    for field, value in told.items():
        setattr(options, field, value)
    step = Step(CODES[name], given, made, kind, options)
    return assemble(tensors, [step], given or ["beside"], made or ["beside"])


def complaint(name: str, reads: int, makes: int) -> str:
    """Give what LiteRT says of a file of one operator when it prepares it."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    content = file_of(name, reads, makes)
    try:
        Interpreter(model_content=content, experimental_op_resolver_type=resolver).allocate_tensors()
    except (ValueError, RuntimeError) as error:
        return str(error)
    return ""


def counts(said: str, what: str) -> bool:
    return re.search(what, said, re.IGNORECASE) is not None


TOO_MANY = r"inputs.*was not true|inputs\)? ?!=|inputs->size !=|expects \d+ or \d+ inputs"
COUNTED = sorted(ARITIES.keys() - {name for names in MORE_THAN_COUNTED for name in names.split()})


@pytest.mark.parametrize("name", COUNTED)
def test_litert_refuses_one_tensor_more_than_the_most(name: str) -> None:
    (least, most), (fewest, most_made) = ARITIES[name]
    assert counts(complaint(name, most + 1, fewest), "inputs")
    taken = complaint(name, most, fewest)
    if name != "STRIDED_SLICE":  # a fifth input is refused by LiteRT itself
        assert not counts(taken, TOO_MANY), taken
    if name not in UNCOUNTED_OUTPUTS.split():
        assert counts(complaint(name, least, most_made + 1), "outputs")


@pytest.mark.parametrize("name", COUNTED)
def test_litert_takes_the_fewest(name: str) -> None:
    (fewest, _), (makes, _) = ARITIES[name]
    said = complaint(name, fewest, makes)
    assert not counts(said, TOO_MANY), said
    assert "Invalid tensor index" not in said


def test_no_operator_whose_tensors_litert_counts_is_forgotten() -> None:
    beyond = {"CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"}
    others = {name for name in CODES if name not in beyond and not name.startswith("STABLEHLO")}
    found = {name for name in others - ARITIES.keys() if counts(complaint(name, 30, 1), "inputs")}
    assert found == set(UNLISTED.split())


def test_names_are_those_of_the_schema() -> None:
    assert set(CODES) >= {*ARITIES, *BIASED, *OPTIONS}
    assert NAMES[schema.BuiltinOperator.CONV_2D] == "CONV_2D"


def said_of(content: bytes, missing: int = 99, made: int | None = None) -> str:
    """Check the one operator of a file.

    Args:
        content: the file.
        missing: number of an input that is left out.
        made: how many tensors it makes, if they are others than the file's.
    """
    model = Model(content)
    (operator,) = model.children(model.graphs[0], "operators")
    inputs = [None if k == missing else object() for k in range(len(operator.numbers("inputs")))]
    outputs = [object()] * (len(operator.numbers("outputs")) if made is None else made)
    options: Table | None = model.child(operator, "builtin_options")
    return check_operator(model.kind(operator), operator, options, inputs, outputs)


POOL = {"strideW": 1, "strideH": 1, "filterWidth": 1, "filterHeight": 1}
RIGHT: dict[str, dict[str, int]] = {
    "CONV_2D": {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1},
    "DEPTHWISE_CONV_2D": {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1},
    "TRANSPOSE_CONV": {"strideW": 1, "strideH": 1},
    **{f"{kind}_POOL_2D": POOL for kind in ("MAX", "AVERAGE", "L2")},
    "SPACE_TO_DEPTH": {"blockSize": 2},
    "DEPTH_TO_SPACE": {"blockSize": 2},
    "SPLIT": {"numSplits": 1},
    "SPLIT_V": {"numSplits": 1},
    "UNPACK": {"num": 1},
}
"""Options by the schema's names that an operator cannot be without."""


@pytest.mark.parametrize("name", sorted(ARITIES))
def test_as_many_tensors_as_it_takes_are_right_and_one_more_or_less_is_not(name: str) -> None:
    (least, most), (fewest, most_made) = ARITIES[name]
    told = RIGHT.get(name, {})
    assert said_of(file_of(name, least, fewest, **told)) == ""
    if most < MANY:
        assert said_of(file_of(name, most, fewest, **told)) == ""
        assert (
            said_of(file_of(name, most + 1, fewest, **told)) == f"has a {name} that reads {most + 1} tensors"
        )
    if least:
        assert (
            said_of(file_of(name, least - 1, fewest, **told))
            == f"has a {name} that reads {least - 1} tensors"
        )
    if most_made < MANY:
        too_many = file_of(name, least, most_made + 1, **told)
        assert said_of(too_many) == f"has a {name} that makes {most_made + 1} tensors"


@pytest.mark.parametrize(
    "name", sorted(name for name, arity in ARITIES.items() if 0 < arity.inputs[1] < MANY)
)
def test_only_what_may_be_left_out_may_be(name: str) -> None:
    least, most = ARITIES[name].inputs
    needed = {  # bias: of the input, the weights and it; a transposed one has its shape first
        "CONV_2D": 2,
        "DEPTHWISE_CONV_2D": 2,
        "CONV_3D": 2,
        "FULLY_CONNECTED": 2,
        "TRANSPOSE_CONV": 3,
        "CONV_3D_TRANSPOSE": 3,
        "SVDF": 3,  # input, features and time; bias and state behind them
    }.get(name, 1 if "LSTM" in name or name == "BIDIRECTIONAL_SEQUENCE_RNN" else most)
    for missing in range(most):
        said = said_of(file_of(name, most, ARITIES[name].outputs[0], **RIGHT.get(name, {})), missing)
        assert said == (f"has a {name} that lacks an input" if missing < needed else "")
    assert least >= needed or name in ("RESHAPE", "STRIDED_SLICE")


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_options_of_another_kind_are_none(name: str) -> None:
    reads, makes = ARITIES[name].inputs[0], ARITIES[name].outputs[0]
    model = schema.ModelT.InitFromPackedBuf(file_of(name, reads, makes, **RIGHT.get(name, {})), 0)
    operator = model.subgraphs[0].operators[0]
    for kind, options in ((0, None), (schema.BuiltinOptions.AbsOptions, schema.AbsOptionsT())):
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        assert said_of(packed(model)) == f"has a {name} that lacks its options"


def packed(model: Any) -> bytes:
    from tflbuild.tflite import flatbuffer

    return flatbuffer.pack(model)


OURS = {
    "strideW": "stride_w",
    "strideH": "stride_h",
    "filterWidth": "filter_width",
    "filterHeight": "filter_height",
    "blockSize": "block_size",
    "dilationWFactor": "dilation_w",
    "dilationHFactor": "dilation_h",
}


@pytest.mark.parametrize(
    ("name", "field"), [(n, f) for n, fields in RIGHT.items() for f in fields if f in OURS]
)
def test_counts_of_pixels_are_at_least_one_and_no_more_than_an_image_has(name: str, field: str) -> None:
    reads, makes = ARITIES[name].inputs[0], ARITIES[name].outputs[0]
    for value, right in ((1, True), (65_536, True), (65_537, False), (-1, False), (0, False)):
        said = said_of(file_of(name, reads, makes, **{**RIGHT[name], field: value}))
        assert said == ("" if right else f"has a {name} that has {OURS[field]}={value}")


def test_every_such_option_of_every_table_is_held() -> None:
    assert sorted(OURS.values()) == sorted(POSITIVE)
    assert operator_rules.MOST_PIXELS == 65_536


def test_a_dilation_that_is_not_written_is_one() -> None:
    # the schema's default is 1; a stride's is 0, which no convolution can have
    undilated = {"strideW": 1, "strideH": 1}
    model = schema.ModelT.InitFromPackedBuf(file_of("CONV_2D", 3, 1, **undilated), 0)
    options = model.subgraphs[0].operators[0].builtinOptions
    assert options.dilationWFactor == 1
    assert said_of(file_of("CONV_2D", 3, 1, **undilated)) == ""


@pytest.mark.parametrize(
    ("name", "field"), [("SPLIT", "numSplits"), ("SPLIT_V", "numSplits"), ("UNPACK", "num")]
)
def test_it_makes_as_many_as_it_is_told(name: str, field: str) -> None:
    reads = ARITIES[name].inputs[0]
    assert said_of(file_of(name, reads, 3, **{field: 3})) == ""
    said = said_of(file_of(name, reads, 3, **{field: 2}))
    assert said == f"has a {name} that makes 3 tensors and is told to make 2"
