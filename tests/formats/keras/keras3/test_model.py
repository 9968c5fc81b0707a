"""What tf_keras is given for a layer of Keras 3, read off both sources; `tests/backends` holds what they compute."""

from __future__ import annotations

from typing import Any

import pytest

from keras3_files import dense, functional, image, layer, operation, policy, tensor
from tflbuild.formats.keras.config import TOLD
from tflbuild.formats.keras.graph import checked
from tflbuild.formats.keras.inert import Unwanted, check_inert
from tflbuild.formats.keras.keras3.model import translated


def made(*layers: dict[str, Any]) -> list[dict[str, Any]]:
    """Translate layers behind an image; gives those of tf_keras."""
    config, lacking = translated(functional(image(), *layers))
    assert lacking == ()
    check_inert(checked(config))
    found: list[dict[str, Any]] = config["config"]["layers"][1:]
    return found


def short(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give a layer's class and the options that say what it computes."""
    general = ("name", "trainable", "dtype")
    return entry["class_name"], {key: value for key, value in entry["config"].items() if key not in general}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (layer("LeakyReLU", "a", "image", negative_slope=0.3), ("LeakyReLU", {"alpha": 0.3})),
        (layer("ReLU", "a", "image", max_value=6.0, negative_slope=0.0), None),
        (layer("Activation", "a", "image", activation="silu"), ("Activation", {"activation": "swish"})),
        (layer("Activation", "a", "image", activation="relu6"), ("ReLU", {"max_value": 6.0})),
        (layer("Activation", "a", "image", activation="leaky_relu"), ("LeakyReLU", {"alpha": 0.2})),
        (
            layer("RandomErasing", "a", "image", factor=0.5, scale=[0.1, 0.3]),
            ("RandomFlip", {"mode": "horizontal"}),
        ),
        (
            layer("Resizing", "a", "image", height=4, width=5, antialias=False, fill_value=0.5),
            ("Resizing", {"height": 4, "width": 5}),
        ),
        (
            layer("BatchNormalization", "a", "image", axis=-1, epsilon=0.25, renorm=False, synchronized=True),
            ("BatchNormalization", {"axis": -1, "epsilon": 0.25}),
        ),
        (
            layer("Dense", "a", "image", units=2, quantization_config=None, kernel_regularizer=None),
            ("Dense", {"units": 2}),
        ),
        (
            layer(
                "Dense", "a", "image", units=2, kernel_regularizer={"class_name": "L2", "config": {"l2": 0.5}}
            ),
            ("Dense", {"units": 2, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.5}}}),
        ),
        (layer("Dense", "a", "image", units=2, bias_initializer={"class_name": "Ones", "config": {}}), None),
    ],
)
def test_a_layer_is_written_as_tf_keras_does(given: dict[str, Any], wanted: Any) -> None:
    (found,) = made(given)
    assert found["name"] == "a"
    assert found["inbound_nodes"] == [[["image", 0, 0, {}]]]
    if wanted is not None:
        assert short(found) == wanted


def test_weights_begin_as_zeros_and_an_input_has_the_shape_of_its_batch() -> None:
    config = translated(dense(kernel_initializer={"class_name": "GlorotUniform", "config": {}})).config
    found = config["config"]["layers"]
    assert found[0]["config"]["batch_input_shape"] == [None, 8, 8, 3]
    assert found[2]["config"]["kernel_initializer"] == {"class_name": "Zeros", "config": {}}


def test_half_precision_is_the_policy_of_tf_keras() -> None:
    (found,) = made(layer("Flatten", "a", "image", dtype=policy("mixed_float16")))
    assert found["config"]["dtype"] == {"class_name": "Policy", "config": {"name": "mixed_float16"}}


def test_an_activation_that_tf_keras_computes_otherwise_is_written_out_behind_its_layer() -> None:
    """hard_silu(x) = x relu6(x + 3) / 6; the layer is called twice, and so is each of the four behind it."""
    conv = layer("Conv2D", "c", "image", "image", filters=3, kernel_size=[1, 1], activation="hard_silu")
    first, *steps, last = made(conv, layer("Add", "sum", [tensor("c"), tensor("c", call=1)]))
    assert short(first) == ("Conv2D", {"filters": 3, "kernel_size": [1, 1], "activation": "linear"})
    add, six, sixth, product = steps
    assert [one["class_name"] for one in steps] == ["TFOpLambda", "ReLU", "TFOpLambda", "Multiply"]
    assert add["inbound_nodes"] == [["c", call, 0, {"y": 3.0, "name": None}] for call in (0, 1)]
    assert six["config"]["max_value"] == 6.0
    assert sixth["inbound_nodes"][1] == [six["name"], 1, 0, {"y": 1 / 6, "name": None}]
    assert product["inbound_nodes"][1] == [[sixth["name"], 1, 0, {}], ["c", 1, 0, {}]]
    assert last["inbound_nodes"] == [[[product["name"], 0, 0, {}], [product["name"], 1, 0, {}]]]


def test_calls_of_a_nested_model_are_counted_from_one() -> None:
    inner = functional(image("in"), layer("Flatten", "flat", "in"), name="inner", given=("image", "image"))
    found = made(
        inner, layer("Add", "sum", [tensor("inner", shape=(192,)), tensor("inner", call=1, shape=(192,))])
    )
    assert found[1]["inbound_nodes"] == [[["inner", 1, 0, {}], ["inner", 2, 0, {}]]]
    assert [one["name"] for one in found[0]["config"]["layers"]] == ["in", "flat"]


def test_a_sequential_model_becomes_a_functional_one() -> None:
    entries = [
        image(),
        layer("Flatten", "flat"),
        layer("Dense", "scores", units=2, activation="hard_sigmoid"),
    ]
    config, _ = translated(
        {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": entries}}
    )
    assert config["class_name"] == "Functional"
    assert config["config"]["layers"][2]["inbound_nodes"] == [[["flat", 0, 0, {}]]]
    assert config["config"]["output_layers"] == [[config["config"]["layers"][-1]["name"], 0, 0]]


IMAGE = tensor("image")


@pytest.mark.parametrize(
    ("given", "wanted", "node"),
    [
        (operation("Add", "a", IMAGE, IMAGE), ("Add", {}), [["image", 0, 0, {}], ["image", 0, 0, {}]]),
        (
            operation("Subtract", "a", IMAGE, [1.0, 2.0, 3.0]),
            ("TFOpLambda", {"function": "math.subtract"}),
            ["image", 0, 0, {"y": [1.0, 2.0, 3.0], "name": None}],
        ),
        (
            operation("Subtract", "a", 1.0, IMAGE),
            ("TFOpLambda", {"function": "math.subtract"}),
            ["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0], "name": None}],
        ),
        (
            operation("Multiply", "a", IMAGE, tensor("image", shape=(3,))),
            ("TFOpLambda", {"function": "math.multiply"}),
            ["image", 0, 0, {"y": ["image", 0, 0], "name": None}],
        ),
        (operation("Relu", "a", IMAGE, module="nn"), ("ReLU", {}), [["image", 0, 0, {}]]),
        (
            operation("Mean", "a", IMAGE, axis=[1, 2], keepdims=False),
            ("GlobalAveragePooling2D", {"keepdims": False}),
            [["image", 0, 0, {}]],
        ),
        (
            operation("Mean", "a", IMAGE, axis=[-1], keepdims=True),
            ("TFOpLambda", {"function": "math.reduce_mean"}),
            ["image", 0, 0, {"axis": [3], "keepdims": True, "name": None}],
        ),
        (
            operation("Reshape", "a", IMAGE, newshape=[-1, 192]),
            ("Reshape", {"target_shape": [192]}),
            [["image", 0, 0, {}]],
        ),
        (
            operation("Transpose", "a", IMAGE, axes=[0, 2, 1, 3]),
            ("Permute", {"dims": [2, 1, 3]}),
            [["image", 0, 0, {}]],
        ),
        (
            operation(
                "GetItem",
                "a",
                IMAGE,
                [
                    {"class_name": "__ellipsis__", "config": {}},
                    {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": -1}},
                ],
            ),
            ("SlicingOpLambda", {"function": "__operators__.getitem"}),
            [
                "image",
                0,
                0,
                {
                    "slice_spec": [
                        *[{"start": None, "stop": None, "step": None}] * 3,
                        {"start": None, "stop": None, "step": -1},
                    ],
                },
            ],
        ),
    ],
)
def test_an_operation_is_a_layer_or_an_operation_of_tensorflow(given: Any, wanted: Any, node: Any) -> None:
    (found,) = made(given)
    assert short(found) == wanted
    assert found["inbound_nodes"] == [node]


REFUSED = {
    "code": (layer("Lambda", "a", "image"), "is a Lambda, Python code in a file"),
    "other place": (layer("TFSMLayer", "a", "image", filepath="/x"), "is a TFSMLayer"),
    "own class": (
        layer("Mine", "a", "image", module="mine.layers"),
        "is a 'Mine', a class of its author's own",
    ),
    "of no class": (layer("Mine", "a", "image"), "is a 'Mine', which is not a layer of Keras 3"),
    "of an application": (
        layer("LayerScale", "a", "image"),
        "is a 'LayerScale', which is not a layer of Keras 3",
    ),
    "registered": (
        {**layer("Dense", "a", "image"), "registered_name": "mine>Dense"},
        "is a 'mine>Dense', a class of its author's own",
    ),
    "format": (
        layer("Flatten", "a", "image", dtype={"class_name": "QuantizedDTypePolicy", "config": {}}),
        "computes with numbers of the format 'QuantizedDTypePolicy'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_code_or_is_not_known_is_refused_by_its_layer(case: str) -> None:
    given, said = REFUSED[case]
    with pytest.raises(Unwanted, match=r"^layer 'a' ") as raised:
        made(given)
    assert said in str(raised.value)
    assert str(raised.value).endswith("in Keras 3 with model.export('FOLDER'), and set model.path=FOLDER.")


LACKING = {
    "layer": (
        layer("RMSNormalization", "a", "image"),
        "is the layer RMSNormalization of Keras 3, which has no known equivalent",
    ),
    "option": (layer("Dense", "a", "image", units=2, lora_rank=4), "is a Dense with lora_rank='4'"),
    "fixed option": (layer("LayerNormalization", "a", "image", rms_scaling=True), "with rms_scaling='True'"),
    "channels": (
        layer("Flatten", "a", "image", data_format="channels_first"),
        "data_format='channels_first'",
    ),
    "activation": (
        layer("Activation", "a", "image", activation="celu"),
        "has the activation 'celu' of Keras 3",
    ),
    "in a loop": (layer("GRU", "a", "image", units=2, activation="relu6"), "has the activation 'relu6'"),
    "operation": (operation("Matmul", "a", IMAGE, IMAGE), "is the operation Matmul of Keras 3"),
    "samples": (operation("Mean", "a", IMAGE, axis=[0]), "over the samples of a batch"),
    "mixing": (operation("Reshape", "a", IMAGE, newshape=[-1, 24]), "which may mix samples"),
    "of a batch": (operation("Concatenate", "a", [IMAGE, IMAGE], axis=-4), "along axis -4"),
    "other option": (operation("Clip", "a", IMAGE, x_min=0, x_max=1, rounded="up"), "with rounded=up"),
    "regularizer": (
        layer("Dense", "a", "image", units=2, bias_regularizer={"class_name": "Mine", "config": {}}),
        "has the bias_regularizer 'Mine'",
    ),
}


@pytest.mark.parametrize("case", LACKING)
def test_a_layer_that_tf_keras_does_not_have_is_named_and_stays(case: str) -> None:
    given, said = LACKING[case]
    config, lacking = translated(
        functional(image(), given, layer("Flatten", "flat", tensor("a", shape=(5, 7))))
    )
    (clause,) = lacking
    assert clause.startswith("layer 'a' ")
    assert said in clause
    _, kept, flat = checked(config)["config"]["layers"]
    operation_of = f"keras.ops.{given['class_name']}" if "ops" in given["module"] else None
    assert kept["config"].get("function") == operation_of
    assert kept["class_name"] == ("TFOpLambda" if operation_of else given["class_name"])
    assert kept["inbound_nodes"][0][0] == ["image", 0, 0, {}]
    assert kept["config"][TOLD] == [None, 5, 7], "as its reader says"
    assert flat["inbound_nodes"] == [[["a", 0, 0, {}]]]


def test_an_argument_that_no_layer_takes_is_said_and_what_it_holds_is_read() -> None:
    strange = {"mask": tensor("image"), "deep": [{"class_name": "__typespec__"}]}
    given = layer("Flatten", "a", "image")
    given["inbound_nodes"][0]["kwargs"]["more"] = strange
    config, lacking = translated(functional(image(), given))
    assert lacking == ("layer 'a' is called with an argument that is neither a tensor nor a number",)
    assert config["config"]["layers"][1]["inbound_nodes"] == [[["image", 0, 0, {}], ["image", 0, 0, {}]]]


def test_a_nested_model_that_is_called_by_names_is_said() -> None:
    """Its inputs have an order of their own, which is not that of the names in the call."""
    inner = functional(image("one"), image("two"), layer("Subtract", "less", [tensor("one"), tensor("two")]))
    inner["config"]["input_layers"] = {"a": ["one", 0, 0], "b": ["two", 0, 0]}
    inner |= {"name": "inner", "inbound_nodes": [{"args": [], "kwargs": {}}]}
    inner["config"]["name"] = "inner"
    ends = image("x"), image("y")
    inner["inbound_nodes"][0]["args"] = [{"b": tensor("x"), "a": tensor("y")}]
    _, lacking = translated(functional(*ends, inner))
    assert lacking == ("layer 'inner' is called with an argument that is neither a tensor nor a number",)
    inner["inbound_nodes"][0]["args"] = [[tensor("y"), tensor("x")]]
    assert translated(functional(*ends, inner)).lacking == ()


def test_a_layer_without_an_equal_in_a_nested_model_is_found() -> None:
    inner = functional(image("in"), layer("RMSNormalization", "deep", "in"), name="inner", given=("image",))
    _, lacking = translated(functional(image(), inner))
    assert [one.partition(" is ")[0] for one in lacking] == ["layer 'deep'"]


def test_an_operation_in_a_h5_is_told_from_no_layer() -> None:
    with pytest.raises(Unwanted, match=r"'a' is the operation Add .* save the model as \.keras\.$"):
        made({"class_name": "Add", "name": "a", "config": {"name": "a"}, "inbound_nodes": []})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inbound_nodes": [[["image", 0, 0, {}]]]}, "whose calls are not those of Keras 3"),
        (
            {"inbound_nodes": [{"args": [tensor("nobody")], "kwargs": {}}]},
            "reads 'nobody', which is not there",
        ),
        ({"inbound_nodes": [{"args": []}]}, "not one of Keras 3"),
        ({"config": []}, "not one of Keras 3"),
    ],
)
def test_what_keras_3_does_not_write_is_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        made({**layer("Flatten", "a", "image"), **change})
    assert not isinstance(raised.value, Unwanted)


@pytest.mark.parametrize("entries", [[], [layer("Flatten", "flat"), layer("Dense", "scores", units=2)]])
def test_a_sequential_model_without_an_input_is_refused(entries: Any) -> None:
    with pytest.raises(
        Unwanted, match=r"^the sequential model does not say its input shape; start it with keras\.Input\.$"
    ):
        translated({"class_name": "Sequential", "config": {"name": "s", "layers": entries}})


@pytest.mark.parametrize("form", ["list of lists", "mapping", "nested"])
def test_ends_of_a_model_may_be_listed_or_named(form: str) -> None:
    given = functional(image("one"), image("two"), layer("Add", "sum", [tensor("one"), tensor("two")]))
    ends = [["one", 0, 0], ["two", 0, 0]]
    given["config"]["input_layers"] = {
        "list of lists": ends,
        "mapping": {"a": ends[0], "b": ends[1]},
        "nested": [ends[0], [ends[1]]],
    }[form]
    found = translated(given).config["config"]
    assert found["input_layers"] == ends
    assert found["output_layers"] == [["sum", 0, 0]]
