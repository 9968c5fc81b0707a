"""What a Keras file would run when it is loaded is found at any depth, in every spelling that tf_keras knows."""

from __future__ import annotations

import json
import marshal
from base64 import b64encode
from pathlib import Path
from typing import Any

import keras_files
import pytest
from keras_files import functional, layer

from tflbuild.backends import keras_header
from tflbuild.backends.inert import Unwanted, check_inert, is_quantized
from tflbuild.core.errors import RecipeError

LAMBDA = {"class_name": "Lambda", "config": {"name": "evil", "function": ["4wEAAA==", None, None]}}
PYTHON = {"class_name": "__lambda__", "config": {"value": ["4wEAAA==", None, None]}}
DENSE = layer("Dense", "scores", "image", units=2)
IMPORT = {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}


def operation(function: Any, kind: str = "TFOpLambda") -> dict[str, Any]:
    return layer(kind, "op", "image", function=function)


UNWANTED = {
    "lambda": functional(layer("Lambda", "evil", "image")),
    "lambda in a wrapper": functional(layer("TimeDistributed", "outer", "image", layer=LAMBDA)),
    "lambda both ways": functional(
        layer("Bidirectional", "outer", "image", layer=DENSE, backward_layer=LAMBDA)
    ),
    "lambda in a nested model": functional(
        {"class_name": "Functional", "name": "inner", "config": {"name": "inner", "layers": [LAMBDA]}}
    ),
    "lambda in a sequential": functional(layer("Sequential", "inner", "image", layers=[LAMBDA])),
    "lambda as a cell": functional(layer("RNN", "rnn", "image", cell=LAMBDA)),
    "lambda among cells": functional(
        layer("RNN", "rnn", "image", cell={"class_name": "StackedRNNCells", "config": {"cells": [LAMBDA]}})
    ),
    "lambda under tfmot": functional(layer("QuantizeWrapperV2", "quant", "image", layer=LAMBDA)),
    "lambda as activation": functional(layer("Dense", "scores", "image", units=2, activation=PYTHON)),
    "lambda as initializer": functional(layer("Dense", "scores", "image", kernel_initializer=PYTHON)),
    "import as activation": functional(layer("Dense", "scores", "image", activation=IMPORT)),
    "import as regularizer": functional(layer("Dense", "scores", "image", kernel_regularizer=IMPORT)),
    "function of keras as activation": functional(
        layer("Dense", "scores", "image", activation="deserialize")
    ),
    "function of keras as regularizer": functional(
        layer(
            "Dense",
            "scores",
            "image",
            kernel_regularizer={
                "class_name": "deserialize_keras_object",
                "config": {"config": PYTHON, "safe_mode": False},
            },
        )
    ),
    "constraint by name": functional(layer("Dense", "scores", "image", kernel_constraint="serialize")),
    "class of a module": functional({**DENSE, "module": "subprocess", "registered_name": "Popen"}),
    "class in a module of tests": functional({**DENSE, "module": "tf_keras.src.layers.core.core_test"}),
    "registered class": functional({**DENSE, "registered_name": "Theirs>Dense"}),
    "their own layer": functional(layer("TheirAttention", "theirs", "image")),
    "name that is no text": functional({"class_name": ["Dense"], "name": "x", "config": {"name": "x"}}),
    "writes a file": functional(operation("io.write_file")),
    "reads a file": functional(operation("io.read_file")),
    "reads a file by an old name": functional(operation("compat.v1.read_file")),
    "writes a file as a slice": functional(operation("io.write_file", "SlicingOpLambda")),
    "python in a graph": functional(operation("py_function")),
    "numpy in a graph": functional(operation("numpy_function")),
    "raw operation": functional(operation("raw_ops.WriteFile")),
    "library": functional(operation("load_op_library")),
    "prints": functional(operation("print")),
    "prints while it checks": functional(operation("debugging.assert_equal")),
    "summary": functional(operation("summary.write")),
    "no operation": functional(operation(None)),
    "node of a graph": functional(layer("TensorFlowOpLayer", "op", "image", node_def="")),
    "method of a class": functional(layer("ClassMethod", "op", "image", cls_ref="x", method_name="y")),
    "attribute of a tensor": functional(layer("InstanceProperty", "op", "image", attr_name="y")),
    "vocabulary of a path": functional(layer("StringLookup", "op", "image", vocabulary="/etc/hostname")),
    "type by its name": functional(
        layer("InputLayer", "x", type_spec={"class_name": "TypeSpec", "type_spec": "tf.VariableSpec"})
    ),
    "constant as text": functional(
        {**DENSE, "inbound_nodes": [[["_CONSTANT_VALUE", -1, ["_COMPOSITE_TYPE", "{}"], {}]]]}
    ),
    "object array": functional(
        layer("Normalization", "n", "image", mean={"class_name": "__numpy__", "config": {"dtype": "O"}})
    ),
    "attribute for tfmot": functional(
        layer(
            "QuantizeWrapperV2",
            "quant",
            "image",
            layer=DENSE,
            quantize_config={
                "class_name": "Default8BitQuantizeConfig",
                "config": {"weight_attrs": ["__class__"], "activation_attrs": [], "quantize_output": False},
            },
        )
    ),
    "compiled inside": functional({**DENSE, "compile_config": {"optimizer": IMPORT}}),
}


@pytest.mark.parametrize("case", UNWANTED)
def test_code_in_a_configuration_is_found(case: str) -> None:
    with pytest.raises(Unwanted) as caught:
        check_inert(UNWANTED[case])
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("case", UNWANTED)
def test_a_plan_refuses_it_with_its_key(case: str, tmp_path: Path) -> None:
    path = keras_files.h5(tmp_path / "my.h5", UNWANTED[case])
    with pytest.raises(RecipeError, match=r"^model\.path: "):
        keras_header.check(keras_header.read(path), path)


def test_what_it_is_and_where_is_said() -> None:
    with pytest.raises(Unwanted, match=r"layer 'evil' is a Lambda, Python code in a file"):
        check_inert(UNWANTED["lambda in a wrapper"])
    with pytest.raises(Unwanted, match=r"layer 'op' is the operation tf\.io\.write_file"):
        check_inert(UNWANTED["writes a file"])
    with pytest.raises(Unwanted, match=r"layer 'theirs' is a 'TheirAttention'.* built-in layers"):
        check_inert(UNWANTED["their own layer"])


@pytest.mark.parametrize(
    "activation", ["relu", "softmax", None, {"class_name": "ReLU", "config": {"name": "r"}}]
)
def test_built_in_parts_are_inert(activation: Any) -> None:
    check_inert(keras_files.dense(activation, kernel_initializer={"class_name": "HeNormal", "config": {}}))


@pytest.mark.parametrize(
    "function", ["nn.softmax", "math.reduce_mean", "__operators__.add", "compat.v1.floor_div"]
)
def test_mathematics_are_inert(function: str) -> None:
    check_inert(functional(operation(function)))


def test_layers_of_tfmot_are_told_by_their_class_and_not_by_a_word() -> None:
    assert is_quantized(functional(layer("QuantizeLayer", "q", "image")))
    assert not is_quantized(functional(layer("Dense", "quantize_me", "image")))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("place", ["wrapper", "nested", "activation", "operation"])
def test_loading_runs_nothing_of_a_file(suffix: str, place: str, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    mark = tmp_path / "was_run"
    code = compile(f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]", "x", "eval").co_consts[0]
    packed = b64encode(marshal.dumps(code)).decode()
    lambda_layer = {
        "class_name": "Lambda",
        "config": {"name": "evil", "function": [packed, None, None], "function_type": "lambda"},
    }
    written = layer("TFOpLambda", "op", function="io.write_file")
    written["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(mark), {"contents": "x"}]]
    config = {
        "wrapper": functional(layer("TimeDistributed", "outer", "image", layer=lambda_layer)),
        "nested": functional(layer("Sequential", "inner", "image", layers=[lambda_layer])),
        "activation": functional(
            layer(
                "Activation", "a", "image", activation={**PYTHON, "config": {"value": [packed, None, None]}}
            )
        ),
        "operation": functional(written),
    }[place]
    path = getattr(keras_files, suffix)(tmp_path / f"my.{suffix}", json.loads(json.dumps(config)))
    with pytest.raises(RecipeError, match="layer '"):
        keras.load(path)
    assert not mark.exists()


@pytest.mark.slow
def test_every_name_that_is_allowed_is_one_of_tf_keras_or_tensorflow() -> None:
    from tensorflow.python.util.tf_export import get_symbol_from_name
    from tf_keras.src.layers import serialization

    from tflbuild.backends.inert_names import LAYERS, OPERATIONS

    serialization.populate_deserializable_objects()
    known = serialization.LOCAL.ALL_OBJECTS
    assert sorted(LAYERS - set(known)) == []
    assert all(known[name].__module__.startswith("tf_keras.src.") for name in LAYERS)
    found = {
        name for name in OPERATIONS if get_symbol_from_name(name) or get_symbol_from_name(f"compat.v1.{name}")
    }
    assert sorted(OPERATIONS - found) == []
