"""Models of Keras 3 in tf_keras compute what Keras 3 computes, layer by layer and operation by operation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.formats.keras.keras3.layers import LAYERS
from tflbuild.formats.keras.keras3.operations import KINDS

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parents[1] / "support" / "keras3_zoo.py"

NAMED_ALIKE = {"Divide", "Abs"}
"""Operations that Keras 3.15 writes under another name: `TrueDivide`, `Absolute`."""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of models that Keras 3 wrote, in a process of its own."""
    folder = tmp_path_factory.mktemp("zoo")
    variables = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def entries(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        found: list[dict[str, Any]] = json.loads(archive.read("config.json"))["config"]["layers"]
    return found


def test_every_layer_and_operation_computes_what_it_does_in_keras_3(zoo: Path) -> None:
    from tflbuild.backends import keras

    paths = sorted(zoo.glob("*_*.keras"))
    wrong, classes = {}, set()
    for path in paths:
        classes |= {entry["class_name"] for entry in entries(path)}
        with np.load(path.with_suffix(".npz")) as arrays:
            given, wanted = arrays["x"], arrays["y"]
        found = np.asarray(keras.load(path)(given, training=False))
        near = found.shape == wanted.shape and np.max(np.abs(found - wanted)) <= 1e-5 * np.max(np.abs(wanted))
        if not near:
            wrong[path.name] = found.shape
    assert len(paths) > 130
    assert wrong == {}
    assert (set(LAYERS) | KINDS) - classes - NAMED_ALIKE == set()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_half_precision_is_held_to_keras_3_in_float32(ending: str, zoo: Path) -> None:
    from tflbuild.backends import keras, keras_intake
    from tflbuild.backends.keras3_reference import outputs_of

    path = zoo / f"half.{ending}"
    batch = {"image": np.random.default_rng(3).uniform(0, 255, (11, 9, 8, 3)).astype(np.float32)}
    wanted = outputs_of(path, batch)[0]
    half = keras.load(path)
    assert half.layers[2].compute_dtype == "float16"
    found = np.asarray(keras_intake.in_float32(half)(batch["image"], training=False))
    assert found.shape == (11, 3)
    assert np.max(np.abs(found - wanted)) <= 1e-6 * np.max(np.abs(wanted))  # float16 has 1e-3
    assert np.max(np.abs(np.asarray(half(batch["image"], training=False)) - wanted)) > 1e-6


def test_keras_3_is_given_nothing_of_a_file_that_is_refused(zoo: Path, tmp_path: Path) -> None:
    from tflbuild.backends.keras3_reference import outputs_of

    path = tmp_path / "prepared.keras"
    with zipfile.ZipFile(zoo / "half.keras") as given, zipfile.ZipFile(path, "w") as made:
        for name in given.namelist():
            text = given.read(name)
            if name == "config.json":
                text = text.replace(
                    b'"kernel_initializer": {"module": "keras.initializers"',
                    b'"kernel_initializer": {"module": "os"',
                )
            made.writestr(name, text)
    with pytest.raises(RecipeError, match=r"names os\.GlorotUniform, which is nothing of Keras 3"):
        outputs_of(path, {"image": np.zeros((1, 9, 8, 3), np.float32)})


def test_weights_of_another_shape_are_refused_by_their_layer(zoo: Path, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    path = tmp_path / "other.keras"
    with zipfile.ZipFile(zoo / "half.keras") as given, zipfile.ZipFile(path, "w") as made:
        for name in given.namelist():
            text = given.read(name)
            made.writestr(
                name, text.replace(b'"filters": 4', b'"filters": 5') if name == "config.json" else text
            )
    with pytest.raises(
        RecipeError, match=r"holds weights of layer 'conv2d\w*' with the shapes \(3, 3, 3, 4\) and \(4,\)"
    ):
        keras.load(path)
