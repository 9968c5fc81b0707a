"""Models that others made, taken in flat: they compute what they did, and passes reach their layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
    wanted, found = (given.outputs({"image": batch})["scores"] for given in (original, Reference.of(made)))
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

    from tflbuild.core.errors import PassError
    from tflbuild.training import fake_quantization, float_islands

    image = picture()
    features = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    scores = layers.Dense(3)(layers.Flatten()(layers.BatchNormalization(name="norm")(features)))
    model = Model(image, scores)
    assert float_islands.heads(model)["norm"] == "norm"  # its convolution ends in an activation already
    with pytest.raises(PassError, match=r"exclude=\[norm\] leaves it in float"):
        fake_quantization.FakeQuantization(model, (0.0, 255.0))
    left = float_islands.closed(model, {"norm"})
    assert fake_quantization.FakeQuantization(model, (0.0, 255.0), left_out=left).model is not None


def test_scaling_of_pixels_keeps_its_numbers_in_one_layer() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((4, 4, 3), name="image")
    scaled = layers.Rescaling(0.5, offset=[1.0, 2.0, -3.0], name="my.scale")(image)
    flat = keras_intake.flat(Model(image, layers.Dense(2)(layers.Flatten()(scaled))))
    first = flat.layers[1]
    assert (first.name, first.trainable, first.use_bias) == ("my_scale_of_pixels", False, True)
    kernel, bias = first.get_weights()
    np.testing.assert_allclose(kernel.ravel(), [0.5] * 3, rtol=1e-6)
    np.testing.assert_allclose(bias, [1, 2, -3], rtol=1e-6)
    alone = keras_intake.flat(Model(image, layers.Flatten()(layers.Rescaling(0.5)(image))))
    assert not alone.layers[1].use_bias


def test_channels_in_another_order_are_one_convolution() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((4, 4, 3), name="image")
    flat = keras_intake.flat(Model(image, layers.Flatten()(layers.Rescaling(2.0)(image[..., ::-1]))))
    first = flat.layers[1]
    assert type(first).__name__ == "Conv2D"
    np.testing.assert_allclose(first.get_weights()[0][0, 0], 2 * np.eye(3)[::-1], atol=1e-6)


def test_channels_in_another_order_keep_each_its_own_scale() -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((4, 4, 3), name="image")
    model = Model(image, layers.Flatten()(image[..., ::-1] * tf.constant([2.0, 3.0, 7.0])))
    flat = keras_intake.flat(model)
    # By hand: output 0 is twice blue, output 1 three times green, output 2 seven times red.
    wanted = [[0, 0, 7], [0, 3, 0], [2, 0, 0]]
    np.testing.assert_allclose(flat.layers[1].get_weights()[0][0, 0], wanted, atol=1e-6)
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(flat(pixels), model(pixels), rtol=1e-5)


@pytest.mark.parametrize("how", ["the square", "a mean for each place", "two readers"])
def test_what_is_no_scaling_of_pixels_stays(how: str) -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((4, 4, 3), name="image")
    means = np.arange(48.0).reshape(4, 4, 3)
    first = {
        "the square": lambda: image * image,
        "a mean for each place": lambda: image - tf.constant(means, tf.float32),
        "two readers": lambda: layers.Rescaling(0.5, name="r")(image),
    }[how]()
    last = layers.Flatten()(first)
    if how == "two readers":
        last = tf.concat([last, layers.Flatten()(image)], axis=-1)
    model = Model(image, layers.Dense(2)(last))
    assert not any(layer.name.endswith("_of_pixels") for layer in keras_intake.flat(model).layers)


def test_two_scores_halve_the_logit_to_both_sides() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((2,))
    for kind, activation in (("sigmoid", "softmax"), ("logits", "linear")):
        last = layers.Dense(1, activation="sigmoid" if kind == "sigmoid" else None, name="p")
        model = Model(image, last(image))
        last.set_weights([np.float32([[2.0], [-4.0]]), np.float32([1.0])])
        made = keras_intake.two_scores(model, kind).get_layer("p")
        kernel, bias = made.get_weights()
        np.testing.assert_array_equal(kernel, [[-1, 1], [2, -2]])
        np.testing.assert_array_equal(bias, [-0.5, 0.5])
        assert made.activation.__name__ == activation


def test_a_number_whose_logit_others_read_gets_its_rest_beside_it() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((2,))
    logit = layers.Dense(1, name="logit")(image)
    gated = layers.Multiply()(
        [layers.Activation("sigmoid", name="gate")(logit), layers.Activation("tanh")(logit)]
    )
    model = Model(image, layers.Activation("sigmoid", name="p")(gated))
    made = keras_intake.two_scores(model, "sigmoid")
    values = np.float32([[0.5, -0.25]])
    p = model(values).numpy().item()
    np.testing.assert_allclose(made(values), [[1 - p, p]], atol=1e-6)
    last = made.get_layer("two_scores")
    assert not last.trainable
    assert keras_intake.ends_of(made)[0].kind == "softmax"


MOVING: dict[str, Callable[[Any, Callable[[], Any]], Any]] = {
    "Reshape": lambda layers, scores: layers.Reshape((3, 1))(scores()),
    "Permute": lambda layers, scores: layers.Permute((2, 1))(layers.Reshape((3, 1))(scores())),
    "Flatten": lambda layers, scores: layers.Flatten()(scores()),
    "Concatenate": lambda layers, scores: layers.Concatenate()([scores(), scores()]),
    "Dropout": lambda layers, scores: layers.Dropout(0.5)(scores()),
    "Activation": lambda layers, scores: layers.Activation("linear")(scores()),
}
"""Puts a layer behind new scores."""


def test_every_layer_behind_which_an_output_is_what_it_was_has_an_example() -> None:
    from tflbuild.backends import keras_intake

    assert [layer.__name__ for layer in keras_intake.PASSING] == list(MOVING)


@pytest.mark.parametrize("name", MOVING)
def test_a_sigmoid_is_taken_off_from_behind_layers_that_only_move_scores(name: str) -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((2,))
    model = Model(image, MOVING[name](layers, lambda: layers.Dense(3, activation="sigmoid")(image)))
    made = keras_intake.without_sigmoid(model, 0)
    assert made is not None
    values = np.float32([[0.5, -0.25], [1.0, 2.0]])
    wanted, found = np.asarray(model(values)), np.asarray(made(values))
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", ["activation", "dense", "shared", "softmax"])
def test_a_sigmoid_is_taken_off_where_it_can_be(kind: str) -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import keras_intake

    image = layers.Input((2,))
    last = layers.Dense(3, activation="sigmoid" if kind == "dense" else None, name="d")(image)
    if kind in ("activation", "shared"):
        last = layers.Activation("sigmoid", name="s")(last)
    if kind == "softmax":
        last = layers.Softmax()(last)
    scores = layers.Reshape((3, 1), name="rows")(last)
    outputs = [layers.Reshape((1, 2), name="boxes")(image), scores]
    if kind == "shared":
        outputs[0] = layers.Reshape((1, 3), name="more")(last)
    model = Model(image, outputs)
    made = keras_intake.without_sigmoid(model, 1)
    if kind in ("shared", "softmax"):
        assert made is None
        return
    assert made is not None
    values = np.float32([[0.5, -0.25], [1.0, 2.0]])
    wanted, found = np.asarray(model(values)[1]), np.asarray(made(values)[1])
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), wanted, atol=1e-6)
    np.testing.assert_allclose(made(values)[0], model(values)[0])


def test_the_largest_difference_stands_beside_the_largest_value() -> None:
    from tflbuild.backends.keras_intake import largest_difference

    assert largest_difference(np.float32([1, -3, 5]), np.float32([2, -7, 4])) == (4.0, 7.0)


def test_policies_of_half_precision_are_widened_at_any_depth() -> None:
    from tflbuild.backends.keras_intake import _widened

    policy = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}
    given = {"a": [{"dtype": "float16"}, ({"dtype": policy},)], "dtype": "int32", "name": "float16"}
    wide = {"class_name": "Policy", "config": {"name": "float32"}}
    assert _widened(given) == {
        "a": [{"dtype": "float32"}, ({"dtype": wide},)],
        "dtype": "int32",
        "name": "float16",
    }


def test_layers_of_the_same_name_get_numbers_where_models_have_it_too() -> None:
    from tf_keras import Model, Sequential, layers

    from tflbuild.backends.keras_replay import replayed

    image = layers.Input((4,), name="image")

    def head(name: str) -> Any:
        return Sequential([layers.Input((4,)), layers.Dense(4, name="d")], name=name)

    inner = Sequential([layers.Input((4,)), head("h"), layers.Dense(4, name="d")], name="m")
    model = Model(image, layers.Dense(4, name="d")(inner(head("h")(image))), name="mine")
    made = replayed(model)
    assert made.name == "mine"
    assert made.input_names == ["image"]
    assert {layer.name for layer in made.layers} == {"image", "d", "h_d", "m_d", "m_h_d"}
    values = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_allclose(made(values), model(values), rtol=1e-6)


def test_operations_become_the_layers_that_compute_the_same() -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends.keras_replay import LAYERS, has_layer, replayed

    operations = {
        "softmax": tf.nn.softmax,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
    }
    assert set(operations) == set(LAYERS)
    values = np.float32([[-9, -0.5, 0.5, 9]])
    for name, operation in operations.items():
        image = layers.Input((4,))
        model = Model(image, operation(image))
        assert has_layer(model.layers[-1])
        made = replayed(model)
        assert type(made.layers[-1]).__name__ in ("Activation", "ReLU")
        np.testing.assert_allclose(made(values), model(values), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("ends", [{"scores": 0}, [[0]]], ids=["by name", "in a list of lists"])
def test_inputs_and_outputs_may_have_names(ends: Any) -> None:
    import tensorflow as tf
    from tf_keras import Model, layers

    from tflbuild.backends.keras_intake import with_plain_ends

    image = picture()
    scores = layers.Dense(3, activation="softmax")(trunk()(image))
    made = with_plain_ends(Model({"photo": image}, tf.nest.map_structure(lambda _: scores, ends)))
    assert made.output_shape == (None, 3)
    plain = Model(image, scores)
    assert with_plain_ends(plain) is plain
    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    assert np.array_equal(made(pixels, training=False), plain(pixels, training=False))


def test_a_random_crop_becomes_what_it_does_in_use() -> None:
    import tf_keras
    from tf_keras import Model, layers

    from tflbuild.backends.keras_intake import flat

    image = layers.Input((SIDE, SIDE + 8, 3))
    model = Model(image, layers.Dense(3)(trunk_of(layers.RandomCrop(12, 10, name="crop")(image))))
    made = flat(model)
    assert isinstance(made.get_layer("crop"), tf_keras.layers.Resizing)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE + 8, 3)).astype(np.float32)
    assert np.array_equal(made(pixels, training=False), model(pixels, training=False))


def trunk_of(image: Any) -> Any:
    from tf_keras import layers

    return layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))


def test_pixels_that_are_taken_from_a_number_are_one_layer_too(tmp_path: Path) -> None:
    from tf_keras import Model, models

    from tflbuild.backends.keras_intake import flat

    image = picture()
    Model(image, trunk_of(1.0 - image / 255.0)).save(tmp_path / "m.keras")
    model = models.load_model(tmp_path / "m.keras")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    made = flat(model)
    assert [layer.name for layer in made.layers if layer.name.endswith("_of_pixels")]
    assert np.allclose(made(pixels, training=False), model(pixels, training=False), rtol=0, atol=1e-5)
