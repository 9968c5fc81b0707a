"""The minimum runtime of a file, held to what TensorFlow's own converter wrote into files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer, runtime_version


def model_of(*codes: tuple[int, int]) -> schema.ModelT:
    """Give a model with one operator of each kind and version."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.operatorCodes, graph.operators = [], []
    for place, (kind, version) in enumerate(codes):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.version, operator.opcodeIndex = kind, version, place
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    model.subgraphs = [graph]
    return model


def test_the_newest_of_all_operators_decides_and_is_named() -> None:
    builtin = schema.BuiltinOperator
    found = runtime_version.needed_by(
        model_of((builtin.CONV_2D, 1), (builtin.FULLY_CONNECTED, 10), (builtin.BATCH_MATMUL, 1))
    )
    assert found == ("2.11.0", "FULLY_CONNECTED version 10", ())  # and not 2.3.0, which is later as text


def test_what_the_table_lacks_is_named_and_no_operator_that_is_not_used_counts() -> None:
    builtin = schema.BuiltinOperator
    model = model_of((builtin.ABS, 1), (builtin.CONV_2D, 99), (builtin.GELU, 1))
    model.subgraphs[0].operators.pop()  # the code of GELU stays
    assert runtime_version.needed_by(model) == ("1.13.0", "ABS version 1", ("CONV_2D version 99",))
    assert runtime_version.first("BROADCAST_TO", 1) == ""


def test_custom_operators_ask_for_no_runtime() -> None:
    model = model_of((schema.BuiltinOperator.CUSTOM, 1))
    model.operatorCodes[0].customCode = b"mine"
    assert runtime_version.needed_by(model) == ("", "", ())


STABLEHLO = (
    "SCATTER RNG_BIT_GENERATOR GATHER ADD MULTIPLY REDUCE_WINDOW MAXIMUM MINIMUM PAD COMPOSITE AND CBRT CASE"
)
"""With SHIFT_LEFT those of `runtime_version.cc` (LiteRT 119ae633), read by eye."""


def test_every_operator_has_a_runtime_but_those_of_no_runtime() -> None:
    every = {name for name in vars(schema.BuiltinOperator) if name.isupper()}
    lacking = {name for name in every if name not in runtime_version.RUNTIMES}
    plain = {name for name in lacking if not name.startswith("STABLEHLO_")}
    assert plain == {"CALL", "CONCAT_EMBEDDINGS", "CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"}
    known = {name for name in every - lacking if name.startswith("STABLEHLO_")}
    assert known == {f"STABLEHLO_{name}" for name in (*STABLEHLO.split(), "SHIFT_LEFT")}
    assert set(runtime_version.RUNTIMES) <= every


@pytest.mark.parametrize(
    ("name", "version", "runtime"),
    [  # rows of `runtime_version.cc`
        ("ABS", 5, "2.12.0"),
        ("BROADCAST_TO", 2, "2.5.0"),
        ("CONV_2D", 8, "2.15.0"),
        ("CONV_2D", 9, ""),
        ("DEQUANTIZE", 1, "1.13.1"),
        ("FULLY_CONNECTED", 5, "2.0.0"),
        ("MUL", 7, "2.13.0"),
        ("TILE", 1, "1.10.1"),
        ("TRANSPOSE", 7, "2.14.4"),
        ("ZEROS_LIKE", 1, "1.12.0"),
        ("ZEROS_LIKE", 0, ""),
        ("ZEROS_LIKE", -1, ""),
        ("NOTHING", 1, ""),
    ],
)
def test_a_version_has_the_runtime_that_litert_says(name: str, version: int, runtime: str) -> None:
    assert runtime_version.first(name, version) == runtime


def test_a_later_version_never_asks_for_an_earlier_runtime() -> None:
    for name, row in runtime_version.RUNTIMES.items():
        found = [runtime_version.numbers(one) for one in row.split() if one != "-"]
        assert found == sorted(found), name
        assert all(len(one) == 3 for one in found), name


@pytest.mark.parametrize(
    "name",
    [
        "coral/deeplabv3_mnv2_dm05_pascal_quant",
        "coral/keras_lstm_mnist_ptq",
        "coral/mobilenet_v1_0.25_128_quant",
    ],
)
def test_it_is_what_the_converter_wrote_into_the_file_itself(shared_models: Path, name: str) -> None:
    model = flatbuffer.load(shared_models / f"{name}.tflite")
    (entry,) = (one for one in model.metadata if one.name == runtime_version.KEY.encode())
    written = bytes(model.buffers[entry.buffer].data).rstrip(b"\0").decode()
    assert runtime_version.needed_by(model).version == written
