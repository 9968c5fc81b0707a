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
