"""The recipes of MLPerf Tiny: its architectures, its preprocessing, and its weights in place of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recordings import pcm16, tone, wav
from tflbuild.cli import main
from tflbuild.core.recipe import Recipe
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.models.ds_cnn import DSCNN
from tflbuild.models.mobilenet_v1 import MobileNetV1
from tflbuild.models.resnet import ResNet
from tflbuild.recipe.load import load_recipe

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown")
"""The benchmark's classes, in the order of its model's outputs."""


def started(recipe: Recipe) -> str:
    """Name the pass that gives the first model."""
    return type(recipe.steps["train"].options).name


def test_images_go_in_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = {
        f"{name}_{split}": made
        for split, count in (("train", 60), ("test", 20))
        for name, made in (
            ("x", rng.integers(0, 256, (count, 32, 32, 3), np.uint8)),
            ("y", np.arange(count) % 10),
        )
    }
    np.savez(tmp_path / "cifar10.npz", **parts)
    for words in ([], ["data=arrays", f"data.root={tmp_path}/cifar10.npz"]):
        recipe = load_recipe(["recipe=mlperf_tiny_ic", *words])
        assert recipe.model == ResNet(input_size=32, depth=8)
        kind = ImageModality.of(recipe.data.preprocess)
        shown = kind.encode(np.full((32, 32, 3), 200, np.uint8), (32, 32, 3)).codes
        assert np.array_equal(kind.values(shown), np.full((32, 32, 3), 200, np.float32))
        assert started(recipe) == "train"


def test_pictures_of_persons_go_in_from_0_to_1() -> None:
    recipe = load_recipe(["recipe=mlperf_tiny_vww"])
    assert recipe.model == MobileNetV1(input_size=96, alpha=0.25)
    kind = ImageModality.of(recipe.data.preprocess)
    assert (kind.scale, kind.offset) == (pytest.approx(1 / 255), 0)


@pytest.mark.parametrize("name", ["vww_96.h5", "vww_96_float.tflite"])
def test_published_weights_take_the_place_of_the_training(
    name: str, tmp_path: Path, shared_models: Path
) -> None:
    for label in ("non_person", "person"):
        (tmp_path / label).mkdir()
        for number in range(6):
            shade = np.full((20, 20, 3), 40 * number + len(label), np.uint8)
            Image.fromarray(shade).save(tmp_path / label / f"{number}.png")
    file = shared_models / "mlperf_tiny" / name
    words = ["model=file", f"model.path={file}", "data=image_folder", f"data.root={tmp_path}"]
    recipe = load_recipe(["recipe=mlperf_tiny_vww", *words])
    assert started(recipe) == {"vww_96.h5": "load", "vww_96_float.tflite": "load_tflite"}[name]
    assert bool(recipe.steps["convert"].done) == name.endswith(".tflite")


def test_words_are_made_into_the_coefficients_of_the_benchmark() -> None:
    recipe = load_recipe(["recipe=mlperf_tiny_kws"])
    kind = Audio.of(recipe.data.preprocess)
    assert (kind.front_end, kind.rate, kind.duration, kind.level) == ("mfcc", 16000, 1.0, "largest")
    assert (kind.window, kind.stride, kind.bands, kind.coefficients) == (30, 20, 40, 10)
    assert (kind.low, kind.high, kind.log_offset, kind.power) == (20, 4000, 1e-6, 1)
    assert kind.shape() == (49, 10, 1)
    assert recipe.model == DSCNN(frames=49, features=10, blocks=4)


@pytest.mark.parametrize("name", ["kws_ref_model", "kws_ref_model_float32.tflite"])
def test_the_published_keyword_spotter_takes_its_twelve_words(
    name: str, tmp_path: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, word in enumerate(WORDS):
        (tmp_path / word).mkdir()
        for number in range(6):
            sound = tone(16000, 0.1, 200 + 50 * place + number)
            (tmp_path / word / f"{number}.wav").write_bytes(wav(pcm16(sound)))
    words = ["recipe=mlperf_tiny_kws", "model=file", f"model.path={shared_models}/mlperf_tiny/{name}"]
    words += ["data=audio_folder", f"data.root={tmp_path}", f"data.classes=[{','.join(WORDS)}]"]
    assert main(["plan", *words]) == 0
    said = capsys.readouterr().out
    assert "12 classes: down, go, left" in said
    assert "(load" in said
    assert main(["plan", *words[:3]]) == 2  # the drawn tones are of eight classes
    assert "has 12 classes, but the data have 8" in capsys.readouterr().err
