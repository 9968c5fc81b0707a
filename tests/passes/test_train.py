"""`train`: what it keeps, where it starts, what it refuses."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.meaning import Meaning
from tflbuild.data.signs import CLASSES, Signs
from tflbuild.models.ssd_mobilenet_v1 import SSDMobileNetV1
from tflbuild.passes.train import Train
from tflbuild.testing import run_pass

DATA = Signs(train=16, val=1, test=1)
FACTS = DataFacts(task="detection", train=2400, classes=8, input_size=96)


def train(folder: Path, notes: dict[str, Any] | None = None, **options: Any) -> KerasModel:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
        options = {"steps": 2, "batch_size": 4} | options
        return run_pass(Train(**options), None, folder, model_spec=SSDMobileNetV1(), data=DATA, notes=notes)


def test_epochs_become_steps_of_the_data() -> None:
    # 3 epochs of 2400 images in batches of 32 are 225 steps
    resolved = Train(epochs=3.0).resolve(FACTS)
    assert (resolved.steps, resolved.epochs) == (225, None)


def test_length_that_is_not_given_follows_from_the_data() -> None:
    assert Train(steps=7).resolve(FACTS).steps == 7
    assert Train().resolve(FACTS).steps == 2000
    # a 16th of the images: 2000 * 2 ** -0.8 is 1148.70
    assert Train().resolve(replace(FACTS, train=150)).steps == 1149
    # a 32nd of the images has half the steps, four times the side has half the steps
    assert Train().resolve(replace(FACTS, train=75)).steps == 1000
    assert Train().resolve(replace(FACTS, input_size=384)).steps == 1000
    assert Train().resolve(replace(FACTS, input_size=0)).steps == 2000  # only the file knows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Train(steps=2, epochs=1.0), "epochs: 1 and steps: 2 are both set"),
        (Train(init="scrach"), r"init: 'scrach' is neither scratch nor continue nor a file.*'scratch'"),
    ],
)
def test_contradictions_are_refused_while_planning(options: Train, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options.check()


@pytest.mark.slow
def test_file_says_what_the_model_means_and_repeats(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    first, second = train(tmp_path), train(tmp_path)
    facts = Meaning.of(first)
    assert keras.read_facts(first.path) == facts.to_json()
    assert (facts.task, facts.only.shape, facts.labels) == ("detection", (96, 96, 3), CLASSES)
    assert facts.head["feature_maps"][0] == [12, 12]
    assert first.fingerprint == second.fingerprint


@pytest.mark.slow
def test_weights_come_from_a_file_where_name_and_shape_agree(tmp_path: Path) -> None:
    from tflbuild.backends import keras

    other = SSDMobileNetV1().build(3)  # a head for other classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        keras.save(other, tmp_path / "other.h5", {})
    notes: dict[str, Any] = {}
    made = train(tmp_path, notes, init=str(tmp_path / "other.h5"), steps=1, learning_rate=1e-12)
    assert notes["init"]["fresh"] == [f"class_{level}" for level in range(6)]
    kernel = keras.load(made.path).get_layer("block_7_pointwise").get_weights()[0]
    np.testing.assert_allclose(kernel, other.get_layer("block_7_pointwise").get_weights()[0], atol=1e-6)


@pytest.mark.slow
def test_file_in_which_nothing_agrees_is_refused(tmp_path: Path) -> None:
    from tflbuild.backends import keras
    from tflbuild.core.errors import RecipeError

    image = keras.layers.Input((4, 4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        keras.save(keras.Model(image, keras.layers.Flatten(name="flat")(image)), tmp_path / "flat.h5", {})
    with pytest.raises(RecipeError, match=r"train.init: no layer of '.*flat.h5' agrees"):
        train(tmp_path, init=str(tmp_path / "flat.h5"))
