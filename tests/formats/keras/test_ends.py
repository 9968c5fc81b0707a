"""What outputs are, read off a model's configuration: through nesting, operations and wrappers."""

from __future__ import annotations

from typing import Any

import pytest

from keras_configs import called, functional, image, layer, operation, sequential
from tflbuild.formats.keras.config import MALFORMED, outputs_of
from tflbuild.formats.keras.ends import PASSING, PASSING_OPERATIONS, ends_of, rank_of


def dense(name: str, source: str, activation: Any = "linear", call: int = 0) -> dict[str, Any]:
    return layer("Dense", name, source, call=call, units=3, activation=activation)


def head(*layers: dict[str, Any]) -> dict[str, Any]:
    """Nest a head in a model, behind a trunk."""
    inner = functional(image("features", (8,)), *layers, name="head")
    return functional(image(), layer("Flatten", "flat", "image"), called(inner, "flat"), ends=["head"]) | {}


def nested(*layers: dict[str, Any]) -> dict[str, Any]:
    config = head(*layers)
    config["config"]["output_layers"] = [["head", 1, 0]]
    return config


WRAPPED = {
    "class_name": "QuantizeWrapperV2",
    "name": "quant_scores",
    "config": {
        "name": "quant_scores",
        "layer": {
            "class_name": "Dense",
            "config": {
                "name": "scores",
                "activation": {"class_name": "QuantizeAwareActivation", "config": {"activation": "softmax"}},
            },
        },
    },
    "inbound_nodes": [[["image", 0, 0, {}]]],
}

MODELS: dict[str, tuple[dict[str, Any], str, str]] = {
    "activation of the last layer": (
        functional(image(), dense("s", "image", "softmax")),
        "softmax",
        "layer 's' ends",
    ),
    "no activation": (functional(image(), dense("s", "image")), "logits", "layer 's' has no activation"),
    "softmax as an operation": (
        functional(image(), dense("d", "image"), operation("nn.softmax", "tf.nn.softmax", "d")),
        "softmax",
        "operation 'tf.nn.softmax'",
    ),
    "sigmoid as an operation": (
        functional(image(), dense("d", "image"), operation("math.sigmoid", "op", "d")),
        "sigmoid",
        "operation 'op' is a sigmoid",
    ),
    "Softmax layer, then a reshape": (
        functional(
            image(),
            layer("Softmax", "soft", "image", axis=-1),
            layer("Reshape", "shape", "soft", target_shape=[3]),
        ),
        "softmax",
        "layer 'soft'",
    ),
    "softmax over another axis": (
        functional(image(), layer("Softmax", "soft", "image", axis=1)),
        "unknown",
        "layer 'soft'",
    ),
    "nested head": (
        nested(dense("d", "features"), layer("Activation", "a", "d", activation="sigmoid")),
        "sigmoid",
        "'a'",
    ),
    "nested head that ends in nothing": (nested(dense("d", "features")), "logits", "'d'"),
    "nested model that passes on": (
        functional(
            image(),
            dense("d", "image", "softmax"),
            called(functional(image("in", (3,)), layer("Dropout", "drop", "in"), name="inner"), "d"),
            ends=["inner"],
        ),
        "softmax",
        "'d'",
    ),
    "sequential in sequential": (
        sequential(
            image(), sequential(dense("d", ""), layer("Activation", "a", activation="softmax"), name="inner")
        ),
        "softmax",
        "'a'",
    ),
    "tfmot's wrapper": (functional(image(), WRAPPED), "softmax", "'quant_scores'"),
    "cast behind it": (
        functional(
            image(), dense("s", "image", "softmax"), operation("cast", "tf.cast", "s", dtype="float32")
        ),
        "softmax",
        "'s'",
    ),
    "sigmoids side by side": (
        functional(
            image(),
            dense("a", "image", "sigmoid"),
            dense("b", "image", "sigmoid"),
            layer("Concatenate", "c", "a", "b"),
        ),
        "sigmoid",
        "'a'",
    ),
    "softmaxes side by side": (
        functional(
            image(),
            dense("a", "image", "softmax"),
            dense("b", "image", "softmax"),
            layer("Concatenate", "c", "a", "b"),
        ),
        "unknown",
        "joins 2 softmaxes",
    ),
    "a softmax and logits": (
        functional(
            image(), dense("a", "image", "softmax"), dense("b", "image"), layer("Average", "c", "a", "b")
        ),
        "unknown",
        "joins logits and softmax",
    ),
    "the mean of softmaxes": (
        functional(
            image(),
            dense("a", "image", "softmax"),
            dense("b", "image", "softmax"),
            layer("Average", "c", "a", "b"),
        ),
        "softmax",
        "'a'",
    ),
    "an operation that does anything": (
        functional(image(), dense("a", "image"), operation("math.exp", "op", "a")),
        "unknown",
        "operation 'op'",
    ),
    "another activation": (functional(image(), dense("s", "image", "tanh")), "logits", "ends in tanh"),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_an_output_is_is_read_off_the_graph(name: str) -> None:
    config, kind, evidence = MODELS[name]
    if name == "nested model that passes on":
        config["config"]["output_layers"] = [["inner", 1, 0]]
    (end,) = ends_of(config)
    assert end.kind == kind
    assert evidence in end.evidence


def test_every_output_is_read_for_itself() -> None:
    boxes = layer("Reshape", "boxes", "image", target_shape=[12, 4])
    logits = layer("Reshape", "raw", "image", target_shape=[12, 2])
    config = functional(
        image(),
        boxes,
        logits,
        layer("Activation", "scores", "raw", activation="sigmoid"),
        ends=["boxes", "scores"],
    )
    assert [end.kind for end in ends_of(config)] == ["unknown", "sigmoid"]
    assert [rank_of(place) for place in outputs_of(config)] == [3, 3]


def test_outputs_by_name_come_in_the_order_of_their_names() -> None:
    # as tf.nest.flatten, and so `model.outputs`, has them
    config = functional(image(), dense("p", "image", "softmax"), dense("q", "image", "sigmoid"))
    config["config"]["output_layers"] = {"z": ["p", 0, 0], "a": ["q", 0, 0]}
    assert [end.kind for end in ends_of(config)] == ["sigmoid", "softmax"]


def test_a_vector_is_told_from_a_map() -> None:
    config = functional(
        image(),
        layer("Conv2D", "conv", "image"),
        layer("GlobalAveragePooling2D", "pool", "conv"),
        dense("a", "pool", "softmax"),
        ends=["a", "conv"],
    )
    assert [rank_of(place) for place in outputs_of(config)] == [2, 4]


def test_a_graph_that_bites_its_tail_ends_as_malformed() -> None:
    config = functional(image(), layer("Dropout", "a", "b"), layer("Dropout", "b", "a"))
    with pytest.raises(MALFORMED):
        ends_of(config)


def test_a_graph_of_many_ways_is_walked_once() -> None:
    layers, last = [image(), dense("d0", "image", "sigmoid")], "d0"
    for number in range(60):  # two ways at each, which are 2 ** 60 in all
        layers.append(layer("Concatenate", f"c{number}", last, last))
        last = f"c{number}"
    assert ends_of(functional(*layers))[0].kind == "sigmoid"


@pytest.mark.parametrize("kind", PASSING)
def test_a_probability_passes_through(kind: str) -> None:
    config = functional(image(), dense("d", "image", "sigmoid"), layer(kind, "last", "d"))
    assert ends_of(config)[0] == ("sigmoid", "layer 'd' ends in sigmoid")


def test_layers_that_change_nothing_are_those_of_the_field() -> None:
    # each gives what it is given when the model is used, in another shape or beside others
    assert set(PASSING) == {
        *("Reshape", "Flatten", "Permute", "Identity", "Concatenate", "QuantizeLayer"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout"),
        *("GaussianDropout", "GaussianNoise", "ActivityRegularization"),
    }
    assert set(PASSING_OPERATIONS) == {
        *("cast", "reshape", "identity", "squeeze", "expand_dims", "stop_gradient", "transpose", "concat"),
    }


@pytest.mark.parametrize("word", PASSING_OPERATIONS)
def test_a_probability_passes_through_operations(word: str) -> None:
    config = functional(image(), dense("d", "image", "softmax"), operation(f"tf.{word}", "op", "d"))
    kind = "unknown" if word == "concat" else "softmax"  # softmaxes beside one another add up to more
    assert ends_of(config)[0].kind == kind


@pytest.mark.parametrize(
    "kind",
    [
        "Average",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "AveragePooling1D",
        "AveragePooling2D",
    ],
)
def test_means_of_probabilities_are_probabilities(kind: str) -> None:
    config = functional(image(), dense("d", "image", "softmax"), layer(kind, "mean", "d"))
    assert ends_of(config)[0].kind == "softmax"


LINEAR = """Dense Conv1D Conv2D DepthwiseConv2D SeparableConv2D EinsumDense BatchNormalization Add Subtract ReLU
LeakyReLU PReLU ELU MaxPooling2D GlobalMaxPooling2D LayerNormalization"""


@pytest.mark.parametrize("kind", LINEAR.split())
def test_layers_that_give_any_number_give_logits(kind: str) -> None:
    (end,) = ends_of(functional(image(), layer(kind, "last", "image")))
    assert end == ("logits", "layer 'last' has no activation")


CHOOSING = "Add Subtract ReLU LeakyReLU PReLU ELU MaxPooling2D GlobalMaxPooling2D Activation"


@pytest.mark.parametrize("kind", CHOOSING.split())
@pytest.mark.parametrize("word", ["softmax", "sigmoid"])
def test_what_is_picked_or_summed_of_probabilities_is_not_taken_for_logits(kind: str, word: str) -> None:
    options = {"activation": "relu"} if kind == "Activation" else {}
    (end,) = ends_of(functional(image(), dense("p", "image", word), layer(kind, "last", "p", **options)))
    assert end == ("unknown", f"layer 'last' ({kind}) reads the probabilities of a {word}")
    (logits,) = ends_of(functional(image(), dense("d", "image"), layer(kind, "last", "d", **options)))
    assert logits.kind == "logits"


def test_a_layer_that_nobody_knows_gives_nothing_known() -> None:
    (end,) = ends_of(functional(image(), layer("Multiply", "last", "image")))
    assert end == ("unknown", "layer 'last' (Multiply) gives it")
    (input_itself,) = ends_of(functional(image()))
    assert input_itself == ("unknown", "layer 'image' (InputLayer) gives it")


@pytest.mark.parametrize(
    ("activation", "kind", "evidence"),
    [
        ("softmax", "softmax", "layer 's' ends in softmax"),
        ("sigmoid", "sigmoid", "layer 's' ends in sigmoid"),
        ("hard_sigmoid", "sigmoid", "layer 's' ends in hard_sigmoid"),
        ("tanh", "logits", "layer 's' ends in tanh"),
        ("linear", "logits", "layer 's' has no activation"),
    ],
)
def test_an_activation_is_read_alone_or_in_a_layer(activation: str, kind: str, evidence: str) -> None:
    alone = functional(image(), dense("d", "image"), layer("Activation", "s", "d", activation=activation))
    if activation == "linear":
        assert ends_of(alone)[0] == ("logits", "layer 'd' has no activation")
    else:
        assert ends_of(alone)[0] == (kind, evidence)
    assert ends_of(functional(image(), dense("s", "image", activation)))[0] == (kind, evidence)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tflbuild_outputs_are_logits", "logits"),
        ("tflbuild_outputs_are_softmax", "softmax"),
        ("tflbuild_outputs_are_sigmoid", "sigmoid"),
        ("tflbuild_outputs_are_odd", "unknown"),
    ],
)
def test_a_layer_that_states_it_is_believed(name: str, kind: str) -> None:
    config = functional(image(), dense("d", "image"), layer("Activation", name, "d", activation="linear"))
    assert ends_of(config)[0] == (kind, "model.outputs says so")


@pytest.mark.parametrize(
    ("axis", "kind"),
    [(1, "softmax"), (0, "softmax"), (-2, "softmax"), (2, "unknown"), (-1, "unknown"), (None, "unknown")],
)
@pytest.mark.parametrize("how", ["layer", "operation"])
def test_softmaxes_below_one_another_stay_softmaxes(axis: int | None, kind: str, how: str) -> None:
    rows = [layer("Reshape", f"{name}_rows", name, target_shape=[1, 3]) for name in ("a", "b")]
    given = {} if axis is None else {"axis": axis}
    joined = layer("Concatenate", "both", "a_rows", "b_rows", **given)
    if how == "operation":
        joined = operation("tf.concat", "both", "a_rows", **given)
    config = functional(
        image(), dense("a", "image", "softmax"), dense("b", "image", "softmax"), *rows, joined
    )
    assert ends_of(config)[0].kind == kind


def test_what_is_joined_is_named_in_order() -> None:
    config = functional(
        image(), dense("a", "image", "softmax"), dense("b", "image"), layer("Concatenate", "c", "a", "b")
    )
    assert ends_of(config)[0].evidence == "layer 'c' joins logits and softmax"


@pytest.mark.parametrize(
    ("last", "rank"),
    [
        (layer("Reshape", "x", "image", target_shape=[4, 5, 6]), 4),
        (layer("Flatten", "x", "image"), 2),
        (layer("GlobalMaxPooling2D", "x", "image"), 2),
        (layer("GlobalAveragePooling2D", "x", "image", keepdims=True), 4),
        (layer("DepthwiseConv2D", "x", "image"), 4),
        (layer("MaxPooling2D", "x", "image"), 4),
        (layer("Dense", "x", "image"), 4),
        (operation("tf.nn.softmax", "x", "image"), 4),
        (operation("tf.math.sigmoid", "x", "image"), 4),
        (operation("tf.cast", "x", "image"), 4),
        (operation("tf.identity", "x", "image"), 4),
        (operation("tf.concat", "x", "image"), 4),
        (operation("tf.squeeze", "x", "image"), None),
    ],
)
def test_the_number_of_axes(last: dict[str, Any], rank: int | None) -> None:
    assert rank_of(outputs_of(functional(image(), last))[0]) == rank


def test_axes_of_an_input_are_those_of_its_shape() -> None:
    assert rank_of(outputs_of(functional(image(shape=(8,))))[0]) == 2
    for entry, rank in (({"batch_shape": [None, 8, 8]}, 3), ({}, None)):
        given = layer("InputLayer", "x", **entry)
        assert rank_of(outputs_of(functional(given))[0]) == rank


@pytest.mark.parametrize("kind", ["Conv2D", "SeparableConv2D", "AveragePooling2D", "MaxPooling2D"])
def test_what_works_on_maps_gives_maps_whatever_it_reads(kind: str) -> None:
    config = functional(image(), operation("tf.squeeze", "odd", "image"), layer(kind, "x", "odd"))
    assert rank_of(outputs_of(config)[0]) == 4


def test_only_a_softmax_layer_has_an_axis_of_its_softmax() -> None:
    config = functional(image(), {**dense("s", "image", "softmax")})
    config["config"]["layers"][1]["config"]["axis"] = 1
    assert ends_of(config)[0].kind == "softmax"
