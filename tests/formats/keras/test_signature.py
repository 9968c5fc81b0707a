"""Names and shapes of inputs and outputs, as tf_keras has them."""

from __future__ import annotations

from typing import Any

import pytest

from keras_configs import called, functional, image, layer, sequential
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.keras.signature import inputs_of, outputs_of, spec_of


def numbers(name: str = "features", **options: Any) -> dict[str, Any]:
    return layer("InputLayer", name, batch_input_shape=[None, 10], **options)


def test_a_picture_alone_is_called_image() -> None:
    config = functional(image("input_1"), layer("Flatten", "flat", "input_1"))
    assert inputs_of(config) == {"image": TensorSpec((-1, 64, 48, 3), "float32")}
    assert outputs_of(config) == {"flat": (None, 9216)}


def test_other_inputs_keep_their_names_in_the_models_order() -> None:
    config = functional(image("left"), numbers(dtype="int32"), layer("Dense", "out", "features", units=2))
    config["config"]["input_layers"] = [["features", 0, 0], ["left", 0, 0]]
    assert inputs_of(config) == {
        "features": TensorSpec((-1, 10), "int32"),
        "left": TensorSpec((-1, 64, 48, 3), "float32"),
    }


def test_open_sides_are_said() -> None:
    config = functional(image(shape=(None, None, 3)), layer("GlobalAveragePooling2D", "out", "image"))  # type: ignore[arg-type]
    assert inputs_of(config) == {"image": TensorSpec((-1, -1, -1, 3), "float32")}
    assert outputs_of(config) == {"out": (None, 3)}


def test_a_sequential_model_says_its_input_in_one_of_three_ways() -> None:
    spec = {"features": TensorSpec((-1, 10), "float32")}
    last = layer("Dense", "out", units=2)
    assert inputs_of(sequential(numbers(), last)) == spec
    assert inputs_of(sequential(layer("Dense", "first", units=2, batch_input_shape=[None, 10]), last)) == {
        "first_input": spec["features"]
    }
    inner = functional(numbers(), layer("Dense", "dense", "features", units=3), name="base")
    assert inputs_of(sequential(inner, last)) == spec


def test_outputs_of_one_name_are_numbered_as_keras_does() -> None:
    inner = functional(image("inner"), layer("Flatten", "flat", "inner"), name="base")
    config = functional(image(), called(inner, "image"), ends=["base", "base", "base"])
    assert list(outputs_of(config)) == ["base", "base_1", "base_2"]


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [["nobody", 0, 0]]])
@pytest.mark.parametrize("part", ["layers", "input_layers", "output_layers"])
def test_a_configuration_that_is_none_says_nothing(part: str, value: Any) -> None:
    config = functional(image(), layer("Dense", "out", "image", units=2))
    config["config"][part] = value
    for found in (inputs_of(config), outputs_of(config)):
        assert isinstance(found, dict)


@pytest.mark.parametrize("shape", [None, 3, "x", [], ["x"], [None, [1]], {"a": 1}])
def test_a_shape_that_is_none_says_nothing(shape: Any) -> None:
    given = layer("InputLayer", "image", batch_input_shape=shape)
    assert inputs_of(functional(given, layer("Dense", "out", "image", units=2))) == {}


def test_a_shape_that_is_not_known_says_the_batch_alone() -> None:
    assert spec_of(None) == TensorSpec((-1,), "float32")
    assert spec_of((None, 3, None)) == TensorSpec((-1, 3, -1), "float32")
