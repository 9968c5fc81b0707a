"""From recordings to a keyword spotter in int8, and back: what the file says of itself prepares a recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recordings import pcm16, wav
from tflbuild.data.sounds.tone_renderer import recording
from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.modality import Audio
from tflbuild.recipe.load import load_recipe
from tflbuild.runtime import Predictor
from tflbuild.session import build_once

pytestmark = pytest.mark.slow

SMALL = [
    *(
        "data.train=256",
        "data.val=64",
        "data.test=64",
        "train.steps=180",
        "model.alpha=0.5",
        "model.blocks=2",
    ),
    *("model.dropout=0.0", "model.batch_norm_momentum=0.9", "data.augment.enabled=false"),
    *("quantize.calibration.samples=32", "convert.budget=null", "quantize.budget=null"),
    *("quantize.fallback=[]", "budget=null", "data.noise=0.2"),
]


def test_drawn_tones_become_a_file_that_knows_its_front_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build = build_once(load_recipe(["recipe=keyword_int8", *SMALL]), ())
    assert build.error is None
    report = json.loads(next(tmp_path.rglob("report.json")).read_text())
    assert report["status"] == "built"
    (path,) = (tmp_path / "outputs").rglob("*.tflite")
    model = Predictor(path)
    assert list(model.inputs) == ["sound"]
    assert model.inputs["sound"].shape == (1, 49, 10, 1)
    right = 0
    for number, label in enumerate(model.labels * 3):
        samples = recording((7, number), label, 0.2).samples
        file = tmp_path / f"{number}.wav"
        file.write_bytes(wav(np.rint(samples * 32768).astype("<i2").tobytes()))
        found = model(file)
        right += found.best is not None and found.best.label == label
        same = model((samples * 32768).astype(np.int16))
        assert np.array_equal(found.outputs["scores"], same.outputs["scores"])
    assert right > 9  # of 24; a guess is right in 3
    spec, given = model.inputs["sound"], model.tensors(file)["sound"][0]
    assert (given.dtype, spec.dtype) == (np.int8, "int8")
    codes = Audio().encode(read(file), (49, 10, 1)).codes
    inside = abs(given.astype(np.int16) + 0.5) < 127  # what is not saturated
    meant = (given.astype(np.float32) - spec.zero_point) * spec.scale
    assert inside.mean() > 0.9
    assert np.abs(meant - codes)[inside].max() <= spec.scale * 0.501
    low = tmp_path / "low.wav"
    low.write_bytes(wav(pcm16(samples[::2].astype(np.float64)), rate=8000))
    assert model(low).found
