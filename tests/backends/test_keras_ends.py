"""What outputs are, read off a model's configuration: through nesting, operations and wrappers."""

from __future__ import annotations

from typing import Any

import pytest
from keras_configs import called, functional, image, layer, operation, sequential

from tflbuild.backends.keras_config import MALFORMED, outputs_of
from tflbuild.backends.keras_ends import ends_of, rank_of


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
