"""Models that others made, taken in flat: they compute what they did, and passes reach their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytestmark = pytest.mark.slow

SIDE = 16


def trunk(name: str = "trunk") -> Any:
    from tf_keras import Model, layers

    image = layers.Input((SIDE, SIDE, 3))
    features = layers.Conv2D(4, 3, 2, padding="same", activation="relu", name="conv")(image)
    return Model(image, layers.GlobalAveragePooling2D(name="pool")(features), name=name)


def picture() -> Any:
    from tf_keras import layers

    return layers.Input((SIDE, SIDE, 3), name="image")


def nested() -> Any:
    from tf_keras import Model, Sequential, layers

    image = picture()
    augmented = Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)], name="augment")(image)
    scaled = layers.Rescaling(1 / 127.5, offset=-1.0)(augmented)
    scores = Sequential([layers.Dense(3, name="conv"), layers.Softmax()], name="head")(trunk()(scaled))
    return Model(image, scores)


def twice() -> Any:
    from tf_keras import Model, layers

    image, shared = picture(), trunk()
    both = layers.Concatenate()([shared(image), shared(layers.UpSampling2D()(layers.MaxPooling2D()(image)))])
    return Model(image, layers.Dense(3, activation="softmax")(both))


def operations() -> Any:
    import tensorflow as tf
    from tf_keras import Model, layers

    image = picture()
    scaled = tf.nn.bias_add(image[..., ::-1], tf.constant([-103.9, -116.8, -123.7]))
    return Model(image, tf.nn.softmax(layers.Dense(3)(trunk()(scaled))))


def normalized() -> Any:
    from tf_keras import Model, layers

    image = picture()
    layer = layers.Normalization(mean=[123.0, 117.0, 104.0], variance=[3000.0, 3100.0, 3200.0])
    return Model(image, layers.Dense(3, activation="sigmoid")(trunk()(layer(image))))


def frozen() -> Any:
    from tf_keras import Model, layers

    image, base = picture(), trunk()
    base.trainable = False
    return Model(image, layers.Dense(3)(base(image, training=False)))


MODELS: dict[str, Callable[[], Any]] = {
    made.__name__: made for made in (nested, twice, operations, normalized, frozen)
}


@pytest.fixture(scope="module")
def batch() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (4, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_a_flat_model_computes_what_it_did(name: str, batch: npt.NDArray[np.float32]) -> None:
    from tflbuild.backends import keras_intake, keras_replay

    model = MODELS[name]()
    flat = keras_intake.flat(model)
    assert not any(keras_replay.is_graph(layer) or keras_replay.left_out(layer) for layer in flat.layers)
    wanted = np.asarray(model(batch, training=False))
    np.testing.assert_allclose(
        np.asarray(flat(batch, training=False)), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max()
    )


def test_layers_that_had_the_same_name_are_told_apart_by_their_model() -> None:
    from tflbuild.backends import keras_intake

    names = [layer.name for layer in keras_intake.flat(nested()).layers]
    assert len(set(names)) == len(names)
    assert {"conv", "head_conv"} <= set(names)


def test_what_scales_pixels_is_one_layer_that_no_training_changes() -> None:
    from tflbuild.backends import keras_intake

    flat = keras_intake.flat(nested())
    first = flat.layers[1]
    assert (type(first).__name__, first.trainable) == ("DepthwiseConv2D", False)
    assert first.name.endswith("_of_pixels")
    assert keras_intake.flat(flat) is flat


def test_a_model_called_twice_keeps_its_weights_shared() -> None:
    from tflbuild.backends import keras_intake

    assert keras_intake.flat(twice()).count_params() == twice().count_params()


def test_frozen_layers_are_trained_by_passes_that_train() -> None:
    from tflbuild.backends import keras_intake

    model = frozen()
    assert len(model.trainable_weights) == 2
    assert len(keras_intake.flat(model).trainable_weights) == 4


def test_a_flat_model_is_left_as_it_is() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = picture()
    model = Model(image, layers.Dense(3)(layers.Flatten()(layers.Dropout(0.1)(image))))
    assert keras_intake.flat(keras_intake.in_float32(model)) is model


def test_half_precision_becomes_float32(batch: npt.NDArray[np.float32]) -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = picture()
    features = layers.Conv2D(4, 3, dtype="mixed_float16")(image)
    model = Model(image, layers.Dense(3, dtype="float32")(layers.Flatten(dtype="mixed_float16")(features)))
    wide = keras_intake.in_float32(model)
    assert {layer.compute_dtype for layer in wide.layers} == {"float32"}
    for one, other in zip(wide.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("end", ["dense", "activation", "operation", "logit", "hard"])
def test_one_number_becomes_two_scores(end: str, batch: npt.NDArray[np.float32]) -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake
    from tflbuild.backends.keras_reference import Reference

    image = picture()
    pixels = layers.Flatten()(layers.MaxPooling2D(8)(image))
    if end in ("dense", "hard"):
        p = layers.Dense(1, activation="sigmoid" if end == "dense" else "hard_sigmoid")(pixels * 0.01)
    else:
        p = layers.Dense(1)(pixels * 0.01)
        p = layers.Activation("sigmoid")(p) if end == "activation" else p
        p = tf.sigmoid(p) if end == "operation" else p
    original = Reference.of(Model(image, p))
    (kind,) = original.kinds
    made = keras_intake.two_scores(keras_intake.flat(original.model), kind)
    wanted, found = original.outputs(batch)["scores"], Reference.of(made).outputs(batch)["scores"]
    assert found.shape == (4, 2)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-6)


def test_a_stated_output_is_read_off_the_graph_afterwards() -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = picture()
    raised = tf.exp(layers.Dense(3)(layers.Flatten()(image)))
    model = Model(image, raised / tf.reduce_sum(raised, axis=-1, keepdims=True))
    assert keras_intake.ends_of(model)[0].kind == "unknown"
    assert keras_intake.ends_of(keras_intake.stated(model, "softmax"))[0].kind == "softmax"


def test_what_tfmot_does_not_know_is_named_and_leaving_it_out_works() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import fake_quantization, float_islands
    from tflbuild.core.errors import PassError

    image = picture()
    features = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    scores = layers.Dense(3)(layers.Flatten()(layers.BatchNormalization(name="norm")(features)))
    model = Model(image, scores)
    assert float_islands.heads(model)["norm"] == "norm"  # its convolution ends in an activation already
    with pytest.raises(PassError, match=r"exclude=\[norm\] leaves it in float"):
        fake_quantization.FakeQuantization(model, (0.0, 255.0))
    left = float_islands.closed(model, {"norm"})
    assert fake_quantization.FakeQuantization(model, (0.0, 255.0), left_out=left).model is not None
