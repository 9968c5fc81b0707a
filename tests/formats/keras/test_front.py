"""What a model does to its pixels, and what is otherwise when it is taken in: read without TensorFlow."""

from __future__ import annotations

from typing import Any

import pytest

from keras_configs import called, functional, image, layer, operation, sequential
from tflbuild.formats.keras.front import Front, changes_of, front_of

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
        "1 frozen layer unfrozen for passes that train",
    ]
    assert changes_of(functional(image(), conv("image"))) == []


def scaled(**options: Any) -> dict[str, Any]:
    return functional(image(), layer("Rescaling", "s", "image", **options), conv("s"))


@pytest.mark.parametrize(
    ("scale", "offset", "takes"),
    [
        (1.2, 0.0, ""),
        (1.21, 0.0, "unit"),
        (-1.21, 0.0, "unit"),
        (0.5, 0.0, ""),
        (0.49, 0.0, "raw"),
        (-0.49, 0.0, "raw"),
        (1.0, 3.0, ""),
        (1.0, 3.1, "raw"),
        (1.0, -3.1, "raw"),
    ],
)
def test_where_bytes_end_and_shares_begin(scale: float, offset: float, takes: str) -> None:
    assert front_of(scaled(scale=scale, offset=offset)).takes == takes


@pytest.mark.parametrize(
    ("scale", "offset", "words"),
    [
        (1 / 255, 0.0, "divides by 255"),
        (0.25, 0.5, "divides by 4 and adds 0.5"),
        (2.0, -1.0, "multiplies by 2 and subtracts 1"),
        (1.0, -100.0, "subtracts 100"),
        (-0.25, 0.0, "divides by -4"),
        (0.0, 0.0, "multiplies by 0"),
    ],
)
def test_words_for_a_scaling(scale: float, offset: float, words: str) -> None:
    assert front_of(scaled(scale=scale, offset=offset)).evidence == f"layer 's' {words}"


def test_what_changes_nothing_is_said_so() -> None:
    config = functional(
        image(),
        layer("Rescaling", "one", "image", scale=1.0, offset=0.0),
        layer("Rescaling", "two", "one", scale=0.25, offset=0.0),
        conv("two"),
    )
    assert front_of(config).evidence == "layer 'one' changes nothing and layer 'two' divides by 4"


def test_scalings_are_put_together() -> None:
    # (x - 2) * 2 has the offset -4, beyond what shares of 1 need; 2 x - 2 has not
    minus, times = {"scale": 1.0, "offset": -2.0}, {"scale": 1.1, "offset": 0.0}
    for first, second, takes in ((minus, {"scale": 1.1, "offset": -1.0}, "raw"), (times, minus, "")):
        config = functional(
            image(),
            layer("Rescaling", "one", "image", **first),
            layer("Rescaling", "two", "one", **second),
            conv("two"),
        )
        assert front_of(config).takes == takes


@pytest.mark.parametrize(
    ("function", "given", "takes", "words"),
    [
        ("math.truediv", {"y": 255.0}, "raw", "divides by 255"),
        ("math.divide", {"y": 255.0}, "raw", "divides by 255"),
        ("math.multiply", {"y": 0.25}, "raw", "divides by 4"),
        ("math.multiply", {"y": 4}, "unit", "multiplies by 4"),
        ("math.subtract", {"y": 100.0}, "raw", "subtracts 100"),
        ("math.add", {"y": 100.0}, "raw", "adds 100"),
        ("nn.bias_add", {"bias": [[-90.0, -91.0]]}, "raw", "subtracts 90"),
        ("math.add", {"value": 4.0}, "raw", "adds 4"),
        ("math.truediv", {"y": 0}, "raw", "changes the pixels"),
        ("math.multiply", {"y": ["other", 0, 0]}, "raw", "changes the pixels"),
        ("math.multiply", {"y": True}, "raw", "changes the pixels"),
        ("math.add", {"y": {"class_name": "__numpy__", "config": {"value": [5.0]}}}, "raw", "adds 5"),
    ],
)
def test_operations_by_their_numbers(function: str, given: dict[str, Any], takes: str, words: str) -> None:
    front = front_of(functional(image(), operation(function, "op", "image", **given), conv("op")))
    assert (front.takes, front.evidence) == (takes, f"operation 'op' {words}")


def test_channels_in_another_order_alone_scale_nothing() -> None:
    config = functional(image(), operation("__operators__.getitem", "bgr", "image"), conv("bgr"))
    assert front_of(config).takes == ""


@pytest.mark.parametrize(
    ("options", "takes"),
    [
        ({"mean": [100.0], "variance": [4.0]}, "raw"),  # (x - 100) / 2
        ({"mean": [0.5], "variance": [0.25]}, "unit"),  # 2 x - 1
        ({"mean": [2.0], "variance": [1.0]}, ""),
        ({"mean": [4.0], "variance": [1.0]}, "raw"),
        ({"mean": [1.0], "variance": [0.0]}, "raw"),
        ({"mean": [0.5], "variance": [0.25], "invert": True}, "raw"),
        ({"mean": [0.5], "variance": None}, "raw"),
        ({"mean": None, "variance": [0.25]}, "raw"),
        ({"mean": [], "variance": [0.25]}, "raw"),
    ],
)
def test_normalizations_by_their_numbers(options: dict[str, Any], takes: str) -> None:
    config = functional(image(), layer("Normalization", "n", "image", **options), conv("n"))
    words = "layer 'n' subtracts means and divides by deviations" if takes else ""
    assert front_of(config) == Front(takes, words)  # type: ignore[arg-type]


IDLE = """RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness RandomCrop RandomHeight
RandomWidth GaussianNoise GaussianDropout AlphaDropout Dropout SpatialDropout2D Identity ActivityRegularization
QuantizeLayer"""


@pytest.mark.parametrize("kind", IDLE.split())
def test_what_is_idle_in_use_stands_in_no_ones_way(kind: str) -> None:
    rescaling = layer("Rescaling", "s", "idle", scale=1 / 255, offset=0.0)
    assert front_of(functional(image(), layer(kind, "idle", "image"), rescaling, conv("s"))).takes == "raw"


@pytest.mark.parametrize("word", ["cast", "identity", "convert_to_tensor"])
def test_operations_that_are_idle_stand_in_no_ones_way(word: str) -> None:
    rescaling = layer("Rescaling", "s", "idle", scale=1 / 255, offset=0.0)
    assert (
        front_of(functional(image(), operation(word, "idle", "image"), rescaling, conv("s"))).takes == "raw"
    )


def test_layers_of_a_sequential_model_without_an_input_begin_with_the_first() -> None:
    config = sequential(layer("Rescaling", "s", scale=1 / 255, offset=0.0), conv(""))
    assert front_of(config).takes == "raw"


def changes(*layers: dict[str, Any]) -> list[tuple[str, str]]:
    return changes_of(sequential(image(), *layers))


def test_what_is_left_out_is_counted_by_its_kind_and_four_are_named() -> None:
    flips = [layer("RandomFlip", f"f{number}") for number in range(6)]
    assert changes(*flips[:2]) == [
        ("2 augmentation layers left out", "'f0', 'f1': no effect when the model is used")
    ]
    assert changes(*flips[:4])[0][1] == "'f0', 'f1', 'f2', 'f3': no effect when the model is used"
    assert changes(*flips)[0][1] == "'f0', 'f1', 'f2', 'f3' and 2 more: no effect when the model is used"
    noise = layer("GaussianNoise", "n")
    assert changes(noise) == [("1 training-only layer left out", "'n': no effect when the model is used")]
    assert changes(flips[0], noise)[0][0] == "2 training-only layers left out"
    assert changes(layer("Dropout", "d")) == []


def test_nested_models_precision_and_frozen_layers_are_told() -> None:
    policy = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}
    nested = [sequential(layer("Dense", f"d{k}"), name=f"m{k}") for k in range(2)]
    assert changes(*nested) == [("2 nested models flattened", "'m0', 'm1'")]
    found = changes(layer("Dense", "a", dtype=policy), layer("Dense", "b", dtype="float16"))
    assert found == [("loaded as float32", "the file's policy is float16, mixed_bfloat16")]
    assert changes(layer("Dense", "a", dtype="float32"), layer("Embedding", "b", dtype="int32")) == []
    frozen = layer("Dense", "a", trainable=False, kernel_initializer={})
    assert changes(frozen) == [("1 frozen layer unfrozen for passes that train", "'a'")]
    assert changes({**frozen, "name": "a_of_pixels"}) == []
    assert changes(layer("Dense", "a", trainable=True, kernel_initializer={})) == []
    assert changes(layer("ReLU", "a", trainable=False)) == []


def test_pixels_in_0_to_1_are_a_255th_of_bytes() -> None:
    assert Front("unit", "").preprocess() == {"scale": 1 / 255, "offset": 0.0}
    assert Front("raw", "").preprocess() == {"scale": 1.0, "offset": 0.0}
    assert Front().preprocess() is None


def test_a_model_in_a_wrapper_is_not_flattened_and_not_said_so() -> None:
    head = sequential(layer("Dense", "d", units=3), name="head")
    entry = {
        "class_name": "TimeDistributed",
        "name": "each",
        "config": {"name": "each", "layer": head},
        "inbound_nodes": [[["image", 0, 0, {}]]],
    }
    assert changes_of(functional(image(), entry)) == []


@pytest.mark.parametrize(
    "moving",
    [
        "Resizing",
        "CenterCrop",
        "Cropping2D",
        "ZeroPadding2D",
        "UpSampling2D",
        "MaxPooling2D",
        "AveragePooling2D",
        "Reshape",
        "Permute",
    ],
)
def test_what_moves_pixels_stands_in_no_ones_way(moving: str) -> None:
    scaling = layer("Rescaling", "scaling", "moving", scale=1 / 255, offset=0.0)
    assert front_of(functional(image(), layer(moving, "moving", "image"), scaling)) == Front(
        "raw", "layer 'scaling' divides by 255"
    )


def test_pixels_in_0_to_1_may_be_turned_around() -> None:
    turned = operation("math.subtract", "turned", "image")
    turned["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0], "name": None}]]
    assert front_of(functional(image(), turned)) == Front()
    wide = operation("math.multiply", "wide", "turned", y=255.0)
    assert front_of(functional(image(), turned, wide)) == Front(
        "unit", "operation 'turned' subtracts from 1 and operation 'wide' multiplies by 255"
    )
