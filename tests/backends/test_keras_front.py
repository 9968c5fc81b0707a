"""What a model does to its pixels, and what is otherwise when it is taken in: read without TensorFlow."""

from __future__ import annotations

from typing import Any

import pytest
from keras_configs import called, functional, image, layer, operation, sequential

from tflbuild.backends.keras_front import changes_of, front_of

RESCALING = layer("Rescaling", "rescaling", "image", scale=1 / 255, offset=0.0)
NORMALIZATION = layer("Normalization", "norm", "image", mean=None, variance=None)


def conv(source: str) -> dict[str, Any]:
    return layer("Conv2D", "conv", source, activation="relu")


def through_nested() -> dict[str, Any]:
    inner = functional(
        image("in"), layer("Rescaling", "scale", "in", scale=1 / 127.5, offset=-1.0), name="pre"
    )
    last = {**conv("pre"), "inbound_nodes": [[["pre", 1, 0, {}]]]}
    return functional(image(), called(inner, "image"), last)


MODELS: dict[str, tuple[dict[str, Any], str, str]] = {
    "Rescaling": (
        functional(image(), RESCALING, conv("rescaling")),
        "raw",
        "layer 'rescaling' divides by 255",
    ),
    "Rescaling behind augmentation": (
        sequential(image(), sequential(layer("RandomFlip", "flip"), name="augment"), RESCALING, conv("")),
        "raw",
        "layer 'rescaling' divides by 255",
    ),
    "in a nested model": (through_nested(), "raw", "layer 'scale' divides by 127.5 and subtracts 1"),
    "Normalization whose means are weights": (
        functional(image(), NORMALIZATION, conv("norm")),
        "raw",
        "layer 'norm' subtracts means",
    ),
    "Normalization of bytes": (
        functional(
            image(), layer("Normalization", "norm", "image", mean=[120.0], variance=[3000.0]), conv("norm")
        ),
        "raw",
        "layer 'norm'",
    ),
    "Normalization of 0..1": (
        functional(
            image(), layer("Normalization", "norm", "image", mean=[0.45], variance=[0.05]), conv("norm")
        ),
        "unit",
        "layer 'norm'",
    ),
    "operations": (
        functional(
            image(),
            operation("math.truediv", "div", "image", y=127.5),
            operation("math.subtract", "sub", "div", y=1.0),
            conv("sub"),
        ),
        "raw",
        "operation 'div' divides by 127.5 and operation 'sub' subtracts 1",
    ),
    "means alone, channels in another order": (
        functional(
            image(),
            operation("__operators__.getitem", "bgr", "image"),
            operation("nn.bias_add", "bias", "bgr", bias=[-103.9, -116.8, -123.7]),
            conv("bias"),
        ),
        "raw",
        "operation 'bias' subtracts 103.9",
    ),
    "0..1 to -1..1": (
        functional(
            image(), layer("Rescaling", "rescaling", "image", scale=2.0, offset=-1.0), conv("rescaling")
        ),
        "unit",
        "multiplies by 2 and subtracts 1",
    ),
    "nothing": (functional(image(), conv("image")), "", ""),
    "a Rescaling that changes nothing": (
        functional(
            image(), layer("Rescaling", "rescaling", "image", scale=1.0, offset=0.0), conv("rescaling")
        ),
        "",
        "",
    ),
    "a Rescaling further in": (
        functional(image(), conv("image"), layer("Rescaling", "rescaling", "conv", scale=1 / 255)),
        "",
        "",
    ),
    "a Rescaling on one of two ways": (
        functional(image(), RESCALING, layer("Concatenate", "both", "rescaling", "image")),
        "",
        "",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_does_to_its_pixels_is_found_at_its_input(name: str) -> None:
    config, takes, evidence = MODELS[name]
    front = front_of(config)
    assert front.takes == takes
    assert evidence in front.evidence


def test_raw_pixels_and_pixels_in_0_to_1_have_their_scales() -> None:
    assert front_of(MODELS["Rescaling"][0]).preprocess() == {"scale": 1.0, "offset": 0.0}
    assert front_of(MODELS["0..1 to -1..1"][0]).preprocess() == {"scale": 1 / 255, "offset": 0.0}
    assert front_of(MODELS["nothing"][0]).preprocess() is None


def test_what_changes_when_a_model_is_taken_in_is_counted_and_named() -> None:
    half = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    frozen = layer("Conv2D", "conv", dtype=half, trainable=False, kernel_initializer={})
    config = sequential(image(), sequential(layer("RandomFlip", "flip"), name="augment"), frozen)
    assert [what for what, _ in changes_of(config)] == [
        "1 augmentation layer left out",
        "1 nested model flattened",
        "loaded as float32",
        "1 frozen layer thawed for passes that train",
    ]
    assert changes_of(functional(image(), conv("image"))) == []
