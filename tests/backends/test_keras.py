"""Model files of tf_keras: facts, names by content, outputs, errors."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    save(model, tmp_path / "m.h5", {"labels": ["a", "b", "ü"]})
    assert keras.read_facts(tmp_path / "m.h5") == {"labels": ["a", "b", "ü"]}
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
