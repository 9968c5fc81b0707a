"""Model files of tf_keras: facts, names by content, outputs, errors."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import ModelFacts
from tflbuild.core.errors import RecipeError

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
    facts = ModelFacts(
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
    scores = keras.outputs(model, image)["scores"].numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(scores, keras.outputs(classifier(), image)["scores"].numpy(), atol=1e-6)


def test_independent_probabilities_stay_what_they_are() -> None:
    from tflbuild.backends import keras

    model = classifier(activation="sigmoid")
    image = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(keras.outputs(model, image)["scores"], model(image))


def test_predictions_come_batch_by_batch(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    model = classifier()
    save(model, tmp_path / "m.h5", {})
    batches = [np.ones((size, 4, 4, 3), np.float32) for size in (3, 1)]
    found = list(keras.predict(tmp_path / "m.h5", batches))
    assert [batch["scores"].shape for batch in found] == [(3, 3), (1, 3)]


def test_a_model_is_loaded_once_and_again_when_its_file_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.backends import keras

    loaded: list[Path] = []
    load = keras.load
    monkeypatch.setattr(keras, "load", lambda path: (loaded.append(path), load(path))[1])
    path, batch = tmp_path / "m.h5", np.ones((2, 4, 4, 3), np.float32)
    model = classifier()
    save(model, path, {})
    first, again = (next(keras.predict(path, [batch])) for _ in range(2))
    assert len(loaded) == 1
    assert (first["scores"] == again["scores"]).all()
    model.trainable_variables[1].assign([3.0, 0.0, 0.0])
    save(model, tmp_path / "other.h5", {})
    (tmp_path / "other.h5").replace(path)
    assert not np.allclose(next(keras.predict(path, [batch]))["scores"], first["scores"])
    assert len(loaded) == 2


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
