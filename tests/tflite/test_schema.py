"""The tables that are checked, held to the code that flatbuffers' compiler made of TensorFlow Lite's schema."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated

from tflbuild.tflite import model as tflite_model
from tflbuild.tflite import schema as tflite_schema
from tflbuild.tflite.operator_rules import OPTIONS
from tflbuild.tflite.schema import INTEGER_RANGES, ITEM_BITS, SCHEMAS, TYPES, UNIONS

LETTERS = {
    "Bool": "?",
    "Int8": "b",
    "Uint8": "B",
    "Uint16": "H",
    "Int32": "i",
    "Uint32": "I",
    "Float32": "f",
    "Int64": "q",
    "Uint64": "Q",
}
BESIDE = ("AsNumpy", "Length", "IsNone")  # more methods of one field

TABLES = {
    "Model": "Model",
    "OperatorCode": "OperatorCode",
    "SubGraph": "SubGraph",
    "Tensor": "Tensor",
    "Variant": "VariantSubType",
    "Quantization": "QuantizationParameters",
    "Sparsity": "SparsityParameters",
    "Dimension": "DimensionMetadata",
    "Operator": "Operator",
    "Buffer": "Buffer",
    "Metadata": "Metadata",
    "SignatureDef": "SignatureDef",
    "TensorMap": "TensorMap",
}
UNION_TYPES = {
    "details_type": generated.QuantizationDetails,
    "array_segments_type": generated.SparseIndexVector,
    "array_indices_type": generated.SparseIndexVector,
    "builtin_options_type": generated.BuiltinOptions,
    "builtin_options_2_type": generated.BuiltinOptions2,
}
WORDS = {  # names of ours for the schema's own
    "count": ("numsplits", "num"),
    "then": ("thensubgraphindex",),
    "else": ("elsesubgraphindex",),
    "condition": ("condsubgraphindex",),
    "body": ("bodysubgraphindex",),
    "initialization": ("initsubgraphindex",),
    "decomposition": ("decompositionsubgraphindex",),
}


@cache
def sources() -> dict[str, dict[str, str]]:
    """Give the code of each method of every generated class."""
    found: dict[str, dict[str, str]] = {}
    for text in re.split(r"^class ", inspect.getsource(generated), flags=re.MULTILINE)[1:]:
        methods = re.split(r"^    def ", text, flags=re.MULTILINE)[1:]
        found[text.partition("(")[0]] = {method.partition("(")[0]: method for method in methods}
    return found


@cache
def fields(table: str) -> dict[int, tuple[str, str]]:
    """Give name and kind of each field of a generated table by its slot."""
    found: dict[int, tuple[str, str]] = {}
    for name, source in sources()[table].items():
        place = re.search(r"_tab\.Offset\((\d+)\)", source)
        if place is None or name.endswith(BESIDE):
            continue
        number = re.search(r"_tab\.Get\(flatbuffers\.number_types\.(\w+)Flags", source)
        if "_tab.Union(" in source or "Indirect" in source:
            kind = "[table]" if "_tab.Vector(" in source else "table"
        elif "_tab.String(" in source:
            kind = "[text]" if "_tab.Vector(" in source else "text"
        else:
            assert number is not None, f"{table}.{name}"
            letter = LETTERS[number[1]]
            kind = f"[{letter}]" if "_tab.Vector(" in source else letter
        found[(int(place[1]) - 4) // 2] = (name, kind)
    return found


def members(union: Any) -> dict[int, str]:
    """Name the tables of a union by their number."""
    return {number: name for name, number in vars(union).items() if isinstance(number, int) and number}


def points(kind: str) -> bool:
    """Say whether a field holds an offset, which somebody follows."""
    return kind.startswith("[") or kind in ("text", "table")


CASES = [*TABLES.items()] + [
    (UNIONS[field][1].get(number, "Plain"), name)
    for field, union in UNION_TYPES.items()
    for number, name in members(union).items()
]


@pytest.mark.parametrize(("ours", "theirs"), CASES, ids=[f"{ours}-{theirs}" for ours, theirs in CASES])
def test_a_table_has_the_fields_that_the_schema_says(ours: str, theirs: str) -> None:
    known = fields(theirs)
    for name, slot in SCHEMAS[ours].items():
        their_name, their_kind = known[slot.number]
        assert slot.kind == their_kind, f"{name} is {their_name}"
        if not points(slot.kind):
            plain = name.replace("_", "")
            assert their_name.lower().startswith(WORDS.get(name, (plain,))), f"{name} is {their_name}"
    pointing = {number for number, (_, kind) in known.items() if points(kind)}
    assert pointing <= {slot.number for slot in SCHEMAS[ours].values()}, "every offset is followed"


@pytest.mark.parametrize(("ours", "theirs"), TABLES.items())
def test_every_name_of_a_table_is_the_schemas_own(ours: str, theirs: str) -> None:
    for name, slot in SCHEMAS[ours].items():
        assert name.replace("_", "").startswith(fields(theirs)[slot.number][0].lower()[:6])


@pytest.mark.parametrize("ours", TABLES)
def test_tables_of_a_table_are_those_that_the_schema_names(ours: str) -> None:
    names = {
        **{theirs: ours for ours, theirs in TABLES.items()},
        **dict.fromkeys(("BufferGroup", "ExternalBuffer"), "Plain"),
    }
    for name, slot in SCHEMAS[ours].items():
        if "table" not in slot.kind:
            continue
        source = sources()[TABLES[ours]][fields(TABLES[ours])[slot.number][0]]
        made = re.search(r"obj = (\w+)\(", source)
        assert made is not None
        if made[1] == "Table":  # a union
            assert slot.schema == f"{name}_type"
        else:
            assert slot.schema == names.get(made[1], "Plain" if made[1].startswith("External") else made[1])


@pytest.mark.parametrize("field", UNION_TYPES)
def test_unions_have_as_many_kinds_as_the_schema(field: str) -> None:
    assert UNIONS[field][0] == max(members(UNION_TYPES[field]))


def test_every_type_of_a_tensor_has_its_size() -> None:
    types = {name: n for name, n in vars(generated.TensorType).items() if isinstance(n, int)}
    assert max(types.values()) == TYPES
    bits = {
        "BOOL": 8,
        "INT2": 2,
        "INT4": 4,
        "UINT4": 4,
        "BFLOAT16": 16,
        "COMPLEX64": 64,
        "COMPLEX128": 128,
        "FLOAT8_E4M3FN": 8,
        "FLOAT8_E5M2": 8,
    }
    for name, number in types.items():
        if name in ("STRING", "RESOURCE", "VARIANT"):
            assert number not in ITEM_BITS
        else:
            known = bits.get(name)
            assert ITEM_BITS[number] == (known or np.dtype(name.lower()).itemsize * 8), name


def test_zero_points_lie_in_the_range_of_their_integer() -> None:
    types = generated.TensorType
    for number, dtype in ((types.UINT8, "u1"), (types.INT8, "i1"), (types.INT16, "i2"), (types.INT32, "i4")):
        assert INTEGER_RANGES[number] == (np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert INTEGER_RANGES[types.INT4] == (-8, 7)


def test_codes_of_operators_end_where_the_schema_does() -> None:
    codes = [n for n in vars(generated.BuiltinOperator).values() if isinstance(n, int)]
    assert max(codes) == tflite_model.OPERATORS
    assert generated.BuiltinOperator.CUSTOM == tflite_model.CUSTOM
    assert tflite_schema.UNIONS.keys() == UNION_TYPES.keys()


@pytest.mark.parametrize("operator", sorted(OPTIONS))
def test_counts_of_pixels_and_tensors_are_read_of_every_operator_that_has_them(operator: str) -> None:
    words = {
        "StrideW": "stride_w",
        "StrideH": "stride_h",
        "FilterWidth": "filter_width",
        "FilterHeight": "filter_height",
        "BlockSize": "block_size",
        "DilationWFactor": "dilation_w",
        "DilationHFactor": "dilation_h",
        "NumSplits": "count",
        "Num": "count",
    }
    kind = OPTIONS[operator]
    theirs = {name for name, _ in fields(members(generated.BuiltinOptions)[kind]).values()}
    ours = SCHEMAS[UNIONS["builtin_options_type"][1].get(kind, "Plain")]
    assert {words[name] for name in theirs & set(words)} == set(ours) & set(words.values())
