"""A small classifier of Keras 3, nested, pruned, trained on and quantized by one command each.

The same classifier with layers that tf_keras lacks is taken through the SavedModel that Keras 3 exports.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workspace import Workspace

pytestmark = pytest.mark.slow

TRAINED = """
import sys
import numpy as np, keras
from pathlib import Path
from PIL import Image
from keras import layers

keras.utils.set_random_seed(1)
folder, path = Path(sys.argv[1]), sys.argv[2]
classes = sorted(one.name for one in folder.iterdir())
files = [(place, file) for place, name in enumerate(classes) for file in sorted((folder / name).iterdir())[::3]]
x = np.stack([np.asarray(Image.open(file).convert("RGB").resize((48, 48))) for _, file in files]).astype("float32")
y = np.array([place for place, _ in files])

given = keras.Input((24, 24, 8))
tensor = layers.Conv2D(8, 3, padding="same", use_bias=False, name="inner_conv")(given)
tensor = layers.ReLU()(layers.BatchNormalization()(tensor)) + given
tensor = layers.Conv2D(16, 3, 2, padding="same", activation="relu6", name="inner_last")(tensor)
body = keras.Model(given, tensor, name="body")

image = keras.Input((48, 48, 3))
tensor = keras.Sequential([keras.Input((48, 48, 3)), layers.RandomFlip()], name="augment")(image)
tensor = layers.Rescaling(1 / 255)(tensor)
tensor = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem")(tensor)
tensor = layers.ReLU()(layers.BatchNormalization()(tensor))
tensor = layers.GlobalAveragePooling2D()(body(tensor))
model = keras.Model(image, layers.Dense(len(classes), activation="softmax", name="scores")(tensor))
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
model.fit(x, y, epochs=30, batch_size=16, verbose=0)
model.save(path)

each = layers.TimeDistributed(layers.Identity(), name="each")
tensor = each(layers.Reshape((-1, 16))(model.layers[-2].input))
tensor = layers.GlobalAveragePooling1D()(tensor)
keras.Model(image, model.layers[-1](tensor)).save(path.replace("best", "exported"))
"""


@pytest.fixture(scope="module")
def trained(shared_cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a classifier in Keras 3, in a process of its own."""
    path = tmp_path_factory.mktemp("keras3") / "best.keras"
    variables = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", TRAINED, str(shared_cases / "shapes"), str(path)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return path


SHORT: dict[str, list[str]] = {
    "int8": [],
    "pruned_int8": ["prune.steps=40", "prune.batch_size=16", "prune.layers={inner_conv: 0.75}"],
    "qat_int8": ["qat.steps=40", "qat.batch_size=16", "qat.exclude=[inner_last]"],
}
"""Recipes, with steps so few that they take seconds; a pattern that fits no layer is an error, and these fit layers of
the nested model."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder whose store all recipes share: the file is loaded once."""
    return Workspace(tmp_path_factory.mktemp("builds"))


@pytest.mark.parametrize("recipe", SHORT)
def test_a_nested_model_of_keras_3_is_built(
    recipe: str, trained: Path, shared_cases: Path, here: Workspace
) -> None:
    data = f"data.root={shared_cases / 'shapes'}"
    said = here.run(f"recipe={recipe}", f"model.path={trained}", data, *SHORT[recipe])
    assert "translated to tf_keras (Keras 3." in said
    report = here.report(recipe)
    notes = {step["label"]: step["notes"] for step in report["passes"]}
    assert notes["load"]["parity"]["of"] == f"'{trained}' in Keras 3"
    assert recipe != "int8" or "2 nested models flattened ('augment', 'body')" in said, (
        "by the one that loads it"
    )
    (parity,) = notes["load"]["parity"]["outputs"].values()
    assert parity["difference"] <= 1e-4 * parity["size"]
    assert report["targets"][0]["metrics"]["top1"]["value"] > 0.6  # chance is 1/3


def test_a_model_with_a_layer_that_tf_keras_lacks_is_built_through_keras_3(
    trained: Path, shared_cases: Path, here: Workspace
) -> None:
    """It computes what the other file computes: the mean over pixels, taken in a row."""
    path = trained.with_name("exported.keras")
    said = here.run("recipe=int8", f"model.path={path}", f"data.root={shared_cases / 'shapes'}")
    assert "exported by Keras 3 as a SavedModel, in float32" in said
    assert (
        "layer 'each' is the layer TimeDistributed of Keras 3, which has no known equivalent in tf_keras"
        in said
    )
    report = here.report("int8")
    load = next(step for step in report["passes"] if step["label"] == "load")
    assert load["notes"]["parity"]["of"] == f"'{path}' in Keras 3"
    (parity,) = load["notes"]["parity"]["outputs"].values()
    assert parity["images"] == 32
    assert parity["difference"] <= 1e-4 * parity["size"]
    assert report["targets"][0]["metrics"]["top1"]["value"] > 0.6  # chance is 1/3
