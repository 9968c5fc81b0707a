"""Model files of tf_keras: facts, names by content, outputs, errors."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.tasks.classification.task import Classification
from tflbuild.tasks.detection.task import Detection
from tflbuild.tasks.unlabelled import Unlabelled

pytestmark = pytest.mark.slow


def classifier(*, activation: str | None = None, softmax_layer: bool = False) -> Any:
    from tflbuild.backends import keras

    keras.seed(0)
    image = keras.layers.Input((4, 4, 3), name="image")
    scores = keras.layers.Dense(3, activation=activation)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Softmax()(scores) if softmax_layer else scores)


def save(model: Any, path: Path, facts: dict[str, Any]) -> None:
    from tflbuild.backends import keras

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
        keras.save(model, path, facts)


def test_file_gives_back_weights_and_facts(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    model = classifier()
    facts = Meaning.of_image(
        task="classification", height=4, width=4, labels=("a", "b", "ü"), preprocess={"scale": 1.0}
    ).to_json()
    save(model, tmp_path / "m.h5", facts)
    assert keras.read_facts(tmp_path / "m.h5") == facts
    assert keras.fingerprint(keras.load(tmp_path / "m.h5")) == keras.fingerprint(model)


def test_fingerprint_follows_one_weight() -> None:
    from tflbuild.backends import keras

    model = classifier()
    before = keras.fingerprint(model)
    kernel = model.trainable_variables[0]
    kernel.assign_add(np.eye(*kernel.shape, dtype=np.float32) * 1e-6)
    assert keras.fingerprint(model) != before


@pytest.mark.parametrize(
    ("options", "kind"),
    [({}, "logits"), ({"activation": "softmax"}, "softmax"), ({"softmax_layer": True}, "softmax")],
)
def test_probabilities_are_made_once(options: dict[str, Any], kind: str) -> None:
    from tflbuild.backends import keras

    model = classifier(**options)
    assert keras.output_kind(model) == kind
    image = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    scores = keras.outputs(model, {"image": image}, Classification())["scores"].numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    plain = keras.outputs(classifier(), {"image": image}, Classification())["scores"].numpy()
    np.testing.assert_allclose(scores, plain, atol=1e-6)


def test_independent_probabilities_stay_what_they_are() -> None:
    from tflbuild.backends import keras

    model = classifier(activation="sigmoid")
    image = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    found = keras.outputs(model, {"image": image}, Classification())
    np.testing.assert_array_equal(found["scores"], model(image))


def test_a_traced_file_runs_batches_of_any_size(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    model = classifier()
    save(model, tmp_path / "m.h5", {})
    traced = keras.Traced(tmp_path / "m.h5", Classification())
    batches = [{"image": np.ones((size, 4, 4, 3), np.float32)} for size in (3, 1)]
    found = [traced.run(batch) for batch in batches]
    assert [batch["scores"].shape for batch in found] == [(3, 3), (1, 3)]
    wanted = keras.outputs(model, batches[0], Classification())["scores"].numpy()
    np.testing.assert_allclose(found[0]["scores"], wanted, rtol=1e-5)
    assert traced.kernels == "keras"
    assert traced.signature == Signature({"image": TensorSpec((-1, 4, 4, 3), "float32")}, {})


def test_several_inputs_go_in_by_name_and_outputs_without_a_task_come_out_by_theirs(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    layers = keras.layers
    left, right = layers.Input((3,), name="left"), layers.Input((2, 2), name="right")
    joined = layers.Concatenate()([layers.Dense(2, name="a")(left), layers.Flatten()(right)])
    model = keras.Model([left, right], [joined, layers.Dense(1, name="sum")(joined)])
    assert keras.inputs_of(model) == {"left": (3,), "right": (2, 2)}
    save(model, tmp_path / "two.h5", {})
    traced = keras.Traced(tmp_path / "two.h5", Unlabelled())
    one, two = np.ones((1, 3), np.float32), np.full((1, 2, 2), 2, np.float32)
    found = traced.run({"right": two, "left": one})  # whatever their order
    assert list(found) == list(model.output_names)
    for value, wanted in zip(found.values(), model([one, two]), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize(
    ("given", "name"), [("my model", "my_model"), ("_net", "net"), ("Müller", "M_ller"), ("..", "model")]
)
def test_a_model_of_any_name_can_be_called_in_a_graph(given: str, name: str, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    image = keras.layers.Input((4, 4, 3))
    path = tmp_path / "model.h5"
    keras.Model(image, keras.layers.Flatten()(image), name=given).save(path)
    model = keras.load(path)
    assert model.name == name
    assert keras.tf.function(model)(np.zeros((1, 4, 4, 3), np.float32)).shape == (1, 48)


@pytest.mark.parametrize("name", ["text.h5", "text.keras", "missing.h5"])
def test_file_that_is_no_model_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    from tflbuild.backends import keras

    if not name.startswith("missing"):
        (tmp_path / name).write_text("no model")
    with pytest.raises(RecipeError, match=f"{name} is not a tf_keras model that can be loaded") as caught:
        keras.load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_named() -> None:
    from tflbuild.backends import keras

    model = classifier()
    assert keras.not_finite(model) == []
    model.trainable_variables[0].assign(np.full((48, 3), np.nan, np.float32))
    assert keras.not_finite(model) == [model.trainable_variables[0].name]


def test_a_file_with_such_weights_is_not_taken_in(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    model = classifier()
    model.trainable_variables[0].assign(np.full((48, 3), np.nan, np.float32))
    save(model, tmp_path / "m.h5", {})
    with pytest.raises(RecipeError, match=r"m\.h5' holds weights that are not finite, in dense"):
        keras.load(tmp_path / "m.h5")
    assert keras.not_finite(keras.load(tmp_path / "m.h5", finite=False))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_real_architectures_are_taken_in(name: str, suffix: str, tmp_path: Path) -> None:
    import tf_keras

    from tflbuild.backends import keras

    made = getattr(tf_keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=2)
    made.save(tmp_path / f"m.{suffix}")
    taken = keras.load(tmp_path / f"m.{suffix}")
    for given, found in zip(made.get_weights(), taken.get_weights(), strict=True):
        np.testing.assert_array_equal(given, found)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_what_people_put_into_models_is_taken_in(suffix: str, tmp_path: Path) -> None:
    import tf_keras
    from tf_keras import Sequential, layers, regularizers

    from tflbuild.backends import keras

    head = Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(4, "gelu")], name="head")
    head.compile("adam", "mse")
    image = layers.Input((8, 8, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(layers.RandomFlip("horizontal")(image))
    x = layers.Conv2D(3, 3, 2, "same", kernel_regularizer=regularizers.L2(1e-4), activation="relu")(x)
    rows = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(layers.Reshape((16, 3))(x))
    both = layers.Concatenate()([head(x), head(x * 2.0), layers.TimeDistributed(layers.Dense(1))(rows)[:, 0]])
    scores = layers.Softmax()(layers.Dense(2, kernel_constraint="non_neg")(both))
    made = tf_keras.Model(image, scores)
    made.save(tmp_path / f"m.{suffix}")
    taken = keras.load(tmp_path / f"m.{suffix}")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(taken(pixels, training=False), made(pixels, training=False))


def test_small_real_files_are_taken_in(shared_cases: Path, shared_models: Path) -> None:
    from tflbuild.backends import keras

    for path in [*sorted((shared_cases / "keras").glob("*.h5")), shared_models / "mlperf_tiny" / "ad01.h5"]:
        assert keras.load(path).layers


def test_a_detectors_scores_are_a_sigmoid_and_its_boxes_as_they_are() -> None:
    from tflbuild.backends import keras

    layers = keras.layers
    for activation in ("linear", "sigmoid"):
        image = layers.Input((2, 2, 3))
        boxes = layers.Reshape((3, 4))(image)
        scores = layers.Activation(activation)(layers.Conv1D(2, 1, name="c")(layers.Reshape((4, 3))(image)))
        model = keras.Model(image, [boxes, scores])
        values = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
        raw_boxes, raw = (np.asarray(output) for output in model(values))
        found = keras.outputs(model, {"image": values}, Detection())
        assert list(found) == ["box_encodings", "class_scores"]
        np.testing.assert_array_equal(found["box_encodings"], raw_boxes)
        wanted = raw if activation == "sigmoid" else 1 / (1 + np.exp(-raw))
        np.testing.assert_allclose(found["class_scores"], wanted, rtol=1e-5)


def test_a_graph_that_does_not_say_it_gives_logits() -> None:
    from tflbuild.backends import keras

    image = keras.layers.Input((4,))
    assert keras.output_kind(keras.Model(image, keras.layers.Multiply()([image, image]))) == "logits"


def test_the_last_output_says_the_kind() -> None:
    from tflbuild.backends import keras

    image = keras.layers.Input((4,))
    ends = [keras.layers.Dense(2, activation=kind)(image) for kind in ("softmax", "sigmoid")]
    assert keras.output_kind(keras.Model(image, ends)) == "sigmoid"


@pytest.mark.parametrize(
    ("activation", "name"), [("relu", "relu"), ("linear", ""), (None, ""), ("softmax", "softmax")]
)
def test_the_activation_of_a_layer(activation: str | None, name: str) -> None:
    from tflbuild.backends import keras

    assert keras.activation_of(keras.layers.Dense(2, activation=activation)) == name
    assert keras.activation_of(keras.layers.Flatten()) == ""


def test_fingerprints_are_of_configuration_and_weights_and_not_of_versions() -> None:
    from tflbuild.backends import keras

    class Model:
        def __init__(self, weights: Any, **config: Any) -> None:
            self._weights, self._config = weights, config

        def to_json(self) -> str:
            return json.dumps({"a": 1, **self._config})

        def get_weights(self) -> Any:
            return self._weights

    ones, zeros = np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)
    first = keras.fingerprint(Model([ones, zeros]))
    assert keras.fingerprint(Model([ones, zeros], keras_version="2.0", backend="other")) == first
    assert keras.fingerprint(Model([np.asfortranarray(ones), zeros])) == first
    others = [Model([zeros, ones]), Model([ones]), Model([ones, zeros], b=2), Model([ones, zeros], a=2)]
    assert len({first, *map(keras.fingerprint, others)}) == 5


def test_weights_are_taken_where_name_and_every_shape_agree(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    layers = keras.layers

    def model(width: int, last: str) -> Any:
        image = layers.Input((2, 2, 3))
        first = layers.Dense(4, name="same")(layers.Flatten(name="flat")(image))
        return keras.Model(
            image, layers.Dense(2, name=last)(layers.Dense(width, name="wide")(first)), name="mine"
        )

    keras.seed(1)
    given, own = model(5, "end"), model(6, "other")
    fresh = own.get_layer("other").get_weights()
    save(given, tmp_path / "given.h5", {})
    assert keras.take_weights(own, tmp_path / "given.h5") == {
        "path": "given.h5",
        "taken": 1,
        "fresh": ["wide", "other"],
    }
    for one, found in zip(
        given.get_layer("same").get_weights(), own.get_layer("same").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, found)
    np.testing.assert_array_equal(own.get_layer("other").get_weights()[0], fresh[0])
    image = layers.Input((2, 2, 3))
    nothing = keras.Model(image, layers.Dense(7, name="same")(layers.Flatten()(image)), name="mine")
    with pytest.raises(
        RecipeError, match=r"^train.init: no layer of '.*given.h5' agrees with mine in name and"
    ):
        keras.take_weights(nothing, tmp_path / "given.h5")


def test_a_seed_repeats_what_is_drawn() -> None:
    from tflbuild.backends import keras

    drawn = []
    for value in (3, 3 + 2**31, 3 + 2**30):
        keras.seed(value)
        drawn.append(keras.layers.Dense(2, input_shape=(2,)))
        drawn[-1].build((None, 2))
    kernels = [layer.kernel.numpy() for layer in drawn]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_what_dropout_draws_has_a_state_and_other_layers_have_none() -> None:
    from tflbuild.backends import keras

    layers = keras.layers
    image = layers.Input((4,))
    model = keras.Model(image, layers.Dropout(0.5)(layers.Dense(2)(layers.Dropout(0.5)(image))))
    model(np.ones((1, 4), np.float32), training=True)
    states = keras.random_states(model)
    assert len(states) == 2
    kept = [state.numpy() for state in states]
    first = model(np.ones((1, 4), np.float32), training=True).numpy()
    for state, value in zip(states, kept, strict=True):
        state.assign(value)
    np.testing.assert_array_equal(model(np.ones((1, 4), np.float32), training=True), first)


def test_not_finite_weights_are_named_one_by_one() -> None:
    from tflbuild.backends import keras

    model = classifier()
    model.trainable_variables[1].assign([0.0, np.inf, 0.0])
    assert keras.not_finite(model) == [model.trainable_variables[1].name]


def test_saved_models_leave_their_optimizer_and_facts_are_sorted(tmp_path: Path) -> None:
    import h5py

    model = classifier()
    model.compile("adam", "mse")
    model.fit(np.zeros((1, 4, 4, 3)), np.zeros((1, 3)), verbose=0)
    save(model, tmp_path / "m.h5", {"b": 1, "a": 2})
    with h5py.File(tmp_path / "m.h5") as file:
        assert "optimizer_weights" not in file
        assert file.attrs["tflbuild.facts"] == '{"a": 2, "b": 1}'
