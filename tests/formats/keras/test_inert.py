"""What a Keras file would run when it is loaded is found at any depth, in every spelling that tf_keras knows."""

from __future__ import annotations

import json
import marshal
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

import keras_files
from keras_files import functional, layer
from tflbuild.core.errors import RecipeError
from tflbuild.formats.keras import header as keras_header
from tflbuild.formats.keras.inert import Unwanted, check_inert, is_quantized
from tflbuild.formats.keras.inert_names import CLASSES

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
    "activation without a name": functional(
        layer(
            "Dense",
            "scores",
            "image",
            activation={**IMPORT, "config": "relu", "module": None, "registered_name": ""},
        )
    ),
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
    "name that is not text": functional({"class_name": ["Dense"], "name": "x", "config": {"name": "x"}}),
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

    from tflbuild.formats.keras.inert_names import LAYERS, OPERATIONS

    serialization.populate_deserializable_objects()
    known = serialization.LOCAL.ALL_OBJECTS
    assert sorted(LAYERS - set(known)) == []
    assert all(known[name].__module__.startswith("tf_keras.src.") for name in LAYERS)
    found = {
        name for name in OPERATIONS if get_symbol_from_name(name) or get_symbol_from_name(f"compat.v1.{name}")
    }
    assert sorted(OPERATIONS - found) == []


def test_every_layer_of_keras_that_people_use_is_inert() -> None:
    # the list of layers in the documentation of Keras 2, but for those that hold code, paths or vocabularies
    documented = """Activation Dense Embedding Masking Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D
    DepthwiseConv2D Conv1DTranspose Conv2DTranspose Conv3DTranspose MaxPooling1D MaxPooling2D MaxPooling3D
    AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D LSTM GRU SimpleRNN TimeDistributed
    Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D RNN LSTMCell GRUCell SimpleRNNCell StackedRNNCells
    Normalization Discretization CategoryEncoding Resizing Rescaling CenterCrop RandomCrop RandomFlip
    RandomTranslation RandomRotation RandomZoom RandomHeight RandomWidth RandomContrast RandomBrightness
    BatchNormalization LayerNormalization UnitNormalization GroupNormalization Dropout SpatialDropout1D
    SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization
    MultiHeadAttention Attention AdditiveAttention Reshape Flatten RepeatVector Permute Cropping1D Cropping2D
    Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Concatenate
    Average Maximum Minimum Add Subtract Multiply Dot LocallyConnected1D LocallyConnected2D ReLU Softmax
    LeakyReLU PReLU ELU ThresholdedReLU Identity EinsumDense InputLayer Functional Sequential Model TFOpLambda
    SlicingOpLambda"""
    assert set(documented.split()) - CLASSES == set()
    others = {
        "Lambda",
        "StringLookup",
        "TextVectorization",
        "IntegerLookup",
        "Hashing",
        "HashedCrossing",
        "TFSMLayer",
    }
    assert others.isdisjoint(CLASSES)


def test_parts_of_layers_are_inert_by_both_their_names() -> None:
    initializers = """Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotNormal
    GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal Identity"""
    others = "L1 L2 L1L2 OrthogonalRegularizer MaxNorm NonNeg UnitNorm MinMaxNorm RadialConstraint Policy"
    for name in (*initializers.split(), *others.split()):
        check_inert(
            functional(layer("Dense", "d", "image", kernel_initializer={"class_name": name, "config": {}}))
        )
    for name in initializers.split():
        word = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        check_inert(functional(layer("Dense", "d", "image", kernel_initializer=word)))
    for key, word in (
        ("kernel_regularizer", "l2"),
        ("kernel_constraint", "non_neg"),
        ("bias_constraint", "max_norm"),
    ):
        check_inert(functional(layer("Dense", "d", "image", **{key: word})))
        with pytest.raises(
            Unwanted,
            match=f"layer 'd' has the {key.replace('_', ' ')} 'theirs', which tf_keras does not have",
        ):
            check_inert(functional(layer("Dense", "d", "image", **{key: "theirs"})))


DOCUMENTED_ACTIVATIONS = """linear softmax elu selu softplus softsign swish silu relu relu6 gelu tanh sigmoid
exponential hard_sigmoid mish leaky_relu log_softmax"""


@pytest.mark.parametrize("activation", DOCUMENTED_ACTIVATIONS.split())
def test_activations_of_keras_are_inert(activation: str) -> None:
    check_inert(keras_files.dense(activation))
    check_inert(keras_files.dense({"class_name": "function", "config": activation, "module": "builtins"}))
    check_inert(functional(layer("LSTM", "l", "image", recurrent_activation=activation)))


@pytest.mark.parametrize(
    ("module", "right"),
    [
        ("keras.layers", True),
        ("tf_keras.src.layers.core.dense", True),
        ("keras.src.engine.functional", True),
        ("tf_keras", True),
        ("builtins", True),
        ("tensorflow.python.ops.init_ops_v2", True),
        ("tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper", True),
        ("keras.layers.core.dense_test", False),
        ("keras.utils", False),
        ("keras_cv.layers", False),
        ("tf_keras.saving", False),
        ("os", False),
        ("tensorflow_model_optimization.python.core.quantization.keras.testing", False),
        (5, False),
    ],
)
def test_modules_are_those_of_layers_and_their_parts(module: Any, right: bool) -> None:
    model = functional({**DENSE, "module": module})
    if right:
        check_inert(model)
    else:
        said = (
            rf"layer 'scores' claims to come from '{str(module)[:40]}.*', which is not a module of tf_keras"
        )
        with pytest.raises(Unwanted, match=said):
            check_inert(model)


@pytest.mark.parametrize(
    "dtype", ["bool", "float16", "bfloat16", "float32", "float64", "int8", "uint8", "int64", "uint64"]
)
def test_constants_are_plain_numbers(dtype: str) -> None:
    for kind in ("__numpy__", "__tensor__"):
        constant = {"class_name": kind, "config": {"dtype": dtype, "value": [1]}}
        check_inert(functional(layer("Normalization", "n", "image", mean=constant)))
        wrong = {"class_name": kind, "config": {"dtype": "object", "value": [1]}}
        with pytest.raises(Unwanted, match="layer 'n' holds a constant that is not a plain number"):
            check_inert(functional(layer("Normalization", "n", "image", mean=wrong)))


@pytest.mark.parametrize(
    "attribute", ["kernel", "depthwise_kernel", "pointwise_kernel", "activation", "gamma"]
)
def test_attributes_that_tfmot_quantizes_are_known(attribute: str) -> None:
    def quantized(name: str) -> dict[str, Any]:
        config = {"weight_attrs": [name], "activation_attrs": ["activation"], "quantize_output": False}
        config = {"class_name": "Default8BitQuantizeConfig", "config": config}
        return functional(layer("QuantizeWrapperV2", "q", "image", layer=DENSE, quantize_config=config))

    check_inert(quantized(attribute))
    with pytest.raises(
        Unwanted, match=r"names '__init__' in weight_attrs, which is not a weight or activation"
    ):
        check_inert(quantized("__init__"))
    assert is_quantized(quantized(attribute))


def test_the_model_itself_is_named_where_no_layer_is() -> None:
    with pytest.raises(Unwanted, match=r"^the model is a 'Mine', which is not a layer"):
        check_inert({"class_name": "Mine", "config": {}})
    with pytest.raises(
        Unwanted, match=r"^layer 'd' is registered as 'Theirs>X', a class of its author's own"
    ):
        check_inert(functional({**layer("Dense", "d", "image"), "registered_name": "Theirs>X"}))
    with pytest.raises(Unwanted, match=r"^layer 'd' uses the function 'evil', which tf_keras does not have"):
        check_inert(
            functional(layer("Dense", "d", "image", activation={"class_name": "function", "config": "evil"}))
        )
    with pytest.raises(Unwanted, match=r"^layer 'd' has the activation 'evil', which tf_keras does not have"):
        check_inert(functional(layer("Dense", "d", "image", activation="evil")))


def test_advice_is_given_for_what_people_have() -> None:
    for kind, advice in (
        ("PruneLowMagnitude", "strip_pruning"),
        ("ClusterWeights", "strip_clustering"),
        ("TensorFlowOpLayer", "rebuild it with layers of tf_keras"),
        ("Lambda", "data.preprocess"),
    ):
        with pytest.raises(Unwanted, match=rf"layer 'x' is a .*{advice}"):
            check_inert(functional(layer(kind, "x", "image")))
