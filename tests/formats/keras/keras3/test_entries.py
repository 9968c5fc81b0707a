"""One layer's entry: which options are taken over, which change nothing, and which nobody may drop in silence."""

from __future__ import annotations

from typing import Any

import pytest

from keras3_files import image, layer, operation, policy, tensor
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.keras3.entries import entry_of, is_operation, name_of
from tflbuild.formats.keras.keras3.refusal import NoEqual


def config(kind: str, **options: Any) -> dict[str, Any]:
    """Give the options in tf_keras."""
    made, _ = entry_of(layer(kind, "a", **options))
    assert made is not None
    assert (made["name"], made["inbound_nodes"]) == ("a", [])
    found: dict[str, Any] = made["config"]
    return found


def lack(kind: str, **options: Any) -> str:
    """Say why tf_keras has no equal of a layer, which Keras 3 itself then computes."""
    with pytest.raises(NoEqual) as raised:
        entry_of(layer(kind, "a", **options))
    return str(raised.value)


def test_an_input_has_its_shape_and_its_numbers() -> None:
    made, steps = entry_of(image("x", (5, 6, 1)))
    assert steps == ()
    assert made == {
        "class_name": "InputLayer",
        "name": "x",
        "config": {
            "name": "x",
            "batch_input_shape": [None, 5, 6, 1],
            "dtype": "float32",
            "sparse": False,
            "ragged": False,
        },
        "inbound_nodes": [],
    }
    old = layer("InputLayer", "x", batch_input_shape=[None, 4], dtype="uint8")
    made, _ = entry_of(old)
    assert made is not None
    assert (made["config"]["batch_input_shape"], made["config"]["dtype"]) == ([None, 4], "uint8")


@pytest.mark.parametrize("option", ["sparse", "ragged", "optional"])
def test_an_input_that_may_be_missing_or_is_no_array_is_refused(option: str) -> None:
    with pytest.raises(
        Unwanted, match=r"^layer 'a' is an input that may be sparse, ragged or missing; export it in"
    ):
        entry_of(layer("InputLayer", "a", batch_shape=[None, 4], **{option: True}))


def test_a_layer_that_is_not_trained_stays_so() -> None:
    assert config("Flatten", trainable=False)["trainable"] is False
    assert config("Flatten", trainable=None)["trainable"] is True
    assert config("Flatten")["trainable"] is True


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (policy("float16"), "float16"),
        (policy("mixed_bfloat16"), {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}),
        ("mixed_float16", {"class_name": "Policy", "config": {"name": "mixed_float16"}}),
        ("float64", "float64"),
        (None, "float32"),
    ],
)
def test_a_number_format_is_written_as_tf_keras_does(given: Any, wanted: Any) -> None:
    assert config("Flatten", dtype=given)["dtype"] == wanted


def test_a_weight_begins_at_zero_and_keeps_what_training_is_to_hold() -> None:
    zeros = {"class_name": "Zeros", "config": {}}
    for kind in ("L1", "L2", "L1L2", "OrthogonalRegularizer"):
        part = {"class_name": kind, "config": {"x": 0.5}, "module": "keras.regularizers"}
        found = config("Dense", units=2, kernel_initializer="ones", kernel_regularizer=part)
        assert found["kernel_initializer"] == zeros
        assert found["kernel_regularizer"] == {"class_name": kind, "config": {"x": 0.5}}
    found = config("Dense", units=2, bias_constraint={"class_name": "NonNeg"}, bias_regularizer=None)
    assert "bias_constraint" not in found
    assert "bias_regularizer" not in found
    assert lack("Dense", units=2, bias_regularizer="mine") == (
        "layer 'a' has the bias_regularizer 'mine', which tf_keras does not have"
    )


def test_an_array_is_its_numbers_and_another_object_is_none() -> None:
    array = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0]}}
    assert config("Normalization", axis=-1, mean=array, variance=array)["mean"] == [1.0, 2.0]
    assert lack("Dense", units={"class_name": "Mine", "config": {}}) == (
        "layer 'a' has the units 'Mine', which tf_keras does not take by name"
    )


@pytest.mark.parametrize("value", [None, False, 0])
def test_an_option_that_is_not_known_changes_nothing_where_it_is_off(value: Any) -> None:
    assert "new" not in config("Dense", units=2, new=value)


@pytest.mark.parametrize("value", [True, 1, "", "x", [1]])
def test_an_option_that_is_not_known_is_never_dropped_where_it_is_on(value: Any) -> None:
    assert lack("Dense", units=2, new=value).startswith("layer 'a' is a Dense with new='")


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("LSTM", {"units": 2, "stateful": True}, "LSTM with stateful='True', which tf_keras cannot compute"),
        ("LSTM", {"units": 2, "return_state": True}, "LSTM with return_state='True'"),
        ("GRU", {"units": 2, "zero_output_for_mask": True}, "GRU with zero_output_for_mask='True'"),
        ("Embedding", {"input_dim": 3, "mask_zero": True}, "Embedding with mask_zero='True'"),
        ("Resizing", {"height": 2, "pad_to_aspect_ratio": True}, "Resizing with pad_to_aspect_ratio='True'"),
        ("Resizing", {"height": 2, "antialias": True}, "Resizing with antialias='True'"),
        ("Conv2D", {"filters": 2, "data_format": "channels_first"}, "data_format='channels_first'"),
    ],
)
def test_what_tf_keras_cannot_compute_has_no_equal(kind: str, options: dict[str, Any], said: str) -> None:
    assert said in lack(kind, **options)
    harmless = {key: False if value is True else None for key, value in options.items() if key != "units"}
    config(kind, **harmless)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_both_activations_of_a_loop_are_held_to_those_of_tf_keras(kind: str) -> None:
    found = config(kind, units=2, activation="silu", recurrent_activation="sigmoid")
    assert (found["activation"], found["recurrent_activation"]) == ("swish", "sigmoid")
    for option in ("activation", "recurrent_activation"):
        assert "has the activation 'hard_sigmoid'" in lack(kind, units=2, **{option: "hard_sigmoid"})


def test_an_activation_alone_is_its_steps() -> None:
    made, steps = entry_of(layer("Activation", "a", activation="hard_tanh"))
    assert made is None
    # Keras: x where -1 <= x <= 1, -1 below and 1 above
    assert [step.arguments for step in steps] == [
        {"clip_value_min": -1.0, "clip_value_max": 1.0, "name": None}
    ]
    made, steps = entry_of(layer("Dense", "a", units=2, activation="leaky_relu"))
    assert made is not None
    assert made["config"]["activation"] == "linear"
    assert [(step.kind, step.options) for step in steps] == [("LeakyReLU", {"alpha": 0.2})]
    made, steps = entry_of(layer("Dense", "a", units=2, activation=None))
    assert steps == ()


def test_classes_of_others_are_told_from_those_of_keras() -> None:
    mine = {**layer("Dense", "a", units=2), "module": "mine.layers"}
    with pytest.raises(Unwanted, match="is a 'Dense', a class of its author's own"):
        entry_of(mine)
    for entry in (
        layer("Mine>Dense", "a", module=None),
        layer("Mine", "a", module=None),
        layer("Mine>Dense", "a") | {"registered_name": None},
        layer("Fancy", "a"),
        layer("LayerScale", "a", module="keras.src.applications.others"),
    ):
        said = f"^layer 'a' is a '{entry['class_name']}', which is not a layer of Keras 3 that tflbuild knows; export"
        with pytest.raises(Unwanted, match=said):
            entry_of(entry)


@pytest.mark.parametrize(
    "entry",
    [
        layer("RMSNormalization", "a"),
        layer("RMSNormalization", "a", module=None),  # of a .h5, which names no modules
        layer("LayerScale", "a", module="keras.src.applications.convnext"),
    ],
)
def test_a_layer_that_keras_3_alone_has_is_no_refusal(entry: dict[str, Any]) -> None:
    kind = entry["class_name"]
    said = f"^layer 'a' is the layer {kind} of Keras 3, which has no known equivalent in tf_keras$"
    with pytest.raises(NoEqual, match=said):
        entry_of(entry)


def test_an_operation_is_told_by_its_module() -> None:
    assert is_operation(operation("Add", "a", tensor("x")))
    assert not is_operation(layer("Add", "a"))
    assert not is_operation(layer("Add", "a", module=None))  # of a .h5, with a number format
    assert not is_operation({"class_name": "Sequential", "config": {"name": "s", "layers": []}})
    with pytest.raises(
        Unwanted, match=r"^layer 'a' is the operation Add of Keras 3, which a \.h5 does not tell"
    ):
        is_operation({"class_name": "Add", "name": "a", "config": {"name": "a"}})
    assert name_of({"config": {"name": "inner"}}) == "inner"
    assert name_of({"name": "outer", "config": {"name": "inner"}}) == "outer"
