"""Shapes that follow from a configuration, worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keras_configs import called, functional, image, layer, operation, sequential
from tflbuild.formats.keras.config import outputs_of
from tflbuild.formats.keras.shapes import shape_of


def shapes(config: dict[str, Any]) -> list[Any]:
    return [shape_of(place) for place in outputs_of(config)]


def behind(*layers: dict[str, Any], shape: tuple[int, ...] = (64, 48, 3)) -> Any:
    """Give the shape of the last layer of a chain."""
    given, entries = "image", [image(shape=shape)]
    for number, one in enumerate(layers):
        name = f"l{number}"
        nodes = [[[given, 0, 0, one["inbound_nodes"][0][0][3] if one.get("inbound_nodes") else {}]]]
        entries.append(
            {**one, "name": name, "config": {**one["config"], "name": name}, "inbound_nodes": nodes}
        )
        given = name
    return shapes(functional(*entries))[0]


def one(kind: str, **options: Any) -> dict[str, Any]:
    return layer(kind, "x", **options)


SAME = {"padding": "same", "kernel_size": [3, 3], "strides": [2, 2]}
VALID = {"padding": "valid", "kernel_size": [3, 3], "strides": [2, 2]}


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([], (None, 64, 48, 3)),
        ([one("Conv2D", filters=8, **SAME)], (None, 32, 24, 8)),
        ([one("Conv2D", filters=8, **VALID)], (None, 31, 23, 8)),  # (64 - 3) // 2 + 1, (48 - 3) // 2 + 1
        ([one("SeparableConv2D", filters=5, **VALID)], (None, 31, 23, 5)),
        ([one("DepthwiseConv2D", depth_multiplier=2, **SAME)], (None, 32, 24, 6)),
        (
            [one("Conv2D", filters=8, padding="valid", kernel_size=[3, 3], strides=1, dilation_rate=[2, 2])],
            (None, 60, 44, 8),  # a kernel of 3 spans 5 pixels
        ),
        ([one("ZeroPadding2D", padding=[[0, 1], [2, 3]])], (None, 65, 53, 3)),
        (
            [one("ZeroPadding2D", padding=[[1, 1], [1, 1]]), one("Conv2D", filters=4, **VALID)],
            (None, 32, 24, 4),
        ),
        ([one("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], padding="valid")], (None, 32, 24, 3)),
        ([one("AveragePooling2D", pool_size=[5, 5], strides=None, padding="valid")], (None, 12, 9, 3)),
        ([one("AveragePooling2D", pool_size=[5, 5], strides=None, padding="same")], (None, 13, 10, 3)),
        ([one("GlobalAveragePooling2D")], (None, 3)),
        ([one("GlobalMaxPooling2D", keepdims=True)], (None, 1, 1, 3)),
        ([one("Flatten")], (None, 9216)),
        ([one("Dense", units=7)], (None, 64, 48, 7)),
        ([one("Flatten"), one("Dense", units=7), one("Softmax"), one("Dropout")], (None, 7)),
        ([one("Reshape", target_shape=[32, -1])], (None, 32, 288)),
        ([one("Reshape", target_shape=[9216])], (None, 9216)),
        ([one("BatchNormalization"), one("ReLU"), one("Activation", activation="relu")], (None, 64, 48, 3)),
        ([operation("nn.softmax", "x", "image")], (None, 64, 48, 3)),
        ([operation("reshape", "x", "image")], None),
        ([one("Lambda")], None),
        ([one("Lambda"), one("Flatten")], (None, None)),
        ([one("Lambda"), one("GlobalAveragePooling2D"), one("Dense", units=5)], (None, 5)),
        ([one("Lambda"), one("GlobalAveragePooling2D", keepdims=True)], None),
        ([one("Lambda"), one("Reshape", target_shape=[4, 2])], (None, 4, 2)),
        ([one("Lambda"), one("Reshape", target_shape=[4, -1])], (None, 4, None)),
        ([one("Conv2D", filters=8, data_format="channels_first", **SAME)], None),
        ([one("Dense", units="many")], None),
        ([one("Dense")], None),
        ([one("Conv2D", filters=8, kernel_size=[99, 99], strides=1, padding="valid")], None),
        ([one("Conv2D", filters=8, kernel_size=[3, 3], strides=0, padding="valid")], None),
        ([one("Conv1D", filters=8, kernel_size=[3], strides=[1])], None),
    ],
)
def test_a_shape_follows_from_options(layers: list[Any], shape: Any) -> None:
    found = behind(*layers)
    if shape is None and layers and layers[0]["class_name"] == "Conv1D":
        found = None if found is None or len(found) != 3 else found
    assert found == shape


def test_sequences_have_shapes_too() -> None:
    window = (100, 6)
    conv = one("Conv1D", filters=8, kernel_size=[5], strides=[2], padding="causal")
    assert behind(conv, shape=window) == (None, 50, 8)
    assert behind(conv, one("MaxPooling1D", pool_size=[2], padding="valid"), shape=window) == (None, 25, 8)
    assert behind(conv, one("GlobalAveragePooling1D"), shape=window) == (None, 8)
    assert behind(one("LSTM", units=16), shape=window) == (None, 16)
    assert behind(one("GRU", units=16, return_sequences=True), shape=window) == (None, 100, 16)


def test_layers_that_join_are_followed() -> None:
    left, right = layer("Dense", "left", "image", units=4), layer("Dense", "right", "image", units=6)
    for axis, shape in ((-1, (None, 64, 48, 10)), (3, (None, 64, 48, 10))):
        joined = layer("Concatenate", "out", "left", axis=axis)
        joined["inbound_nodes"] = [[["left", 0, 0, {}], ["right", 0, 0, {}]]]
        assert shapes(functional(image(), left, right, joined)) == [shape]
    added = layer("Add", "out", "left")
    added["inbound_nodes"] = [[["left", 0, 0, {}], ["right", 0, 0, {}]]]
    assert shapes(functional(image(), left, right, added)) == [None]
    right["config"]["units"] = 4
    assert shapes(functional(image(), left, right, added)) == [(None, 64, 48, 4)]


def test_a_side_of_one_counts_for_any() -> None:
    pooled = layer("GlobalAveragePooling2D", "pooled", "image", keepdims=True)
    scaled = layer("Multiply", "out", "image")
    scaled["inbound_nodes"] = [[["image", 0, 0, {}], ["pooled", 0, 0, {}]]]
    assert shapes(functional(image(), pooled, scaled)) == [(None, 64, 48, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0", "InceptionV3", "DenseNet121"])
def test_shapes_are_those_that_tf_keras_computes(name: str) -> None:
    import tf_keras

    make = getattr(tf_keras.applications, name)
    model = make(weights=None, include_top=False, input_shape=(97, 130, 3))
    assert shapes(json.loads(model.to_json())) == [model.output_shape]


def test_nested_models_are_followed() -> None:
    inner = functional(image("inner"), layer("Conv2D", "conv", "inner", filters=8, **SAME), name="base")
    outer = functional(image(), called(inner, "image"), layer("Flatten", "flat", "base"))
    assert shapes(outer) == [(None, 32 * 24 * 8)]


def test_a_sequential_model_may_say_its_shape_in_its_first_layer() -> None:
    first = layer("Dense", "dense", units=4, batch_input_shape=[None, 10])
    assert shapes(sequential(first, layer("Dense", "last", units=2))) == [(None, 2)]


def test_a_deep_graph_is_followed() -> None:
    entries = [image()]
    for number in range(3000):
        entries.append(layer("ReLU", f"r{number}", entries[-1]["name"]))
    assert shapes(functional(*entries)) == [(None, 64, 48, 3)]


VALUES: list[Any] = [None, 0, -1, 2.5, "x", [], [1], [[1]], {}, {"a": 1}, [None, None], 1 << 40, True]


@pytest.mark.parametrize(
    "kind", ["Dense", "Conv2D", "DepthwiseConv2D", "MaxPooling2D", "Reshape", "ZeroPadding2D"]
)
@pytest.mark.parametrize(
    "option",
    ["units", "filters", "kernel_size", "strides", "pool_size", "target_shape", "padding", "dilation_rate"],
)
def test_options_may_be_anything(kind: str, option: str) -> None:
    right = {"units": 4, "filters": 4, "kernel_size": [3, 3], "pool_size": [2, 2], "target_shape": [4, -1]}
    for value in VALUES:
        found = behind(one(kind, **{**right, "padding": "valid", option: value}))
        assert found is None or all(side is None or 0 < side <= 1 << 24 for side in found)
