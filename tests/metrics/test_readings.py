"""Other readings of the pixels, on a classifier made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.metrics import arrays, readings
from tflbuild.metrics.chance import judge
from tflbuild.metrics.truth import truth_file
from tflbuild.vision.preprocess import Preprocess

CLASSES = ("bright", "dark")
LEVEL = 100.0  # model values below which the stand-in says "dark"


@dataclass(frozen=True, kw_only=True)
class Greys(Dataset):
    """Half of the images bright, half dark, sorted by class as a folder is; all bluish."""

    task = "classification"
    count: int = 200

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=str(k)) for k in range(self.count))
        return Index(classes=CLASSES, splits={"val": samples})

    def read(self, sample: Sample) -> Example:
        dark = int(sample.key) >= self.count // 2
        image = np.full((4, 4, 3), 30 if dark else 200, np.uint8)
        image[..., 2] += 20
        return Example(image, np.zeros((0, 4), np.float32), np.array([dark], np.int32))


ran: list[dict[str, Any]] = []


def predict_raw(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that was trained on pixels of 0..255."""
    preprocess = Preprocess.of(ModelFacts.of(model).preprocess)
    ran.append({"scale": preprocess.scale, "channels": preprocess.channels, "n": len(split)})
    values = [float(preprocess.normalise(split[k].image).mean()) for k in range(len(split))]
    bright = np.array(values) > LEVEL
    arrays.store({"scores": np.stack([bright, ~bright], axis=1).astype(np.float32)}, out)
    return "stand-in"


def predict_blue_first(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that guesses unless blue comes first, as in OpenCV."""
    preprocess = Preprocess.of(ModelFacts.of(model).preprocess)
    right = preprocess.channels == "bgr" and preprocess.scale < 0.02
    labels = np.array([int(split[k].labels[0]) if right else 0 for k in range(len(split))])
    arrays.store({"scores": np.eye(2, dtype=np.float32)[labels]}, out)
    return "stand-in"


def predict_halfway(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model of pixels in 0..1 that is right of most images, all the same, when they are in -1..1."""
    preprocess = Preprocess.of(ModelFacts.of(model).preprocess)
    right = abs(preprocess.scale - 1 / 255) < 1e-6
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    wrong = np.arange(len(split)) % 3 == 0
    arrays.store(
        {"scores": np.eye(2, dtype=np.float32)[np.where(wrong & (not right), 1 - labels, labels)]}, out
    )
    return "stand-in"


def predict_two_thirds(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that is right of two thirds, whatever it is given."""
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    wrong = np.arange(len(split)) % 3 == 0
    arrays.store({"scores": np.eye(2, dtype=np.float32)[np.where(wrong, 1 - labels, labels)]}, out)
    return "stand-in"


def look(name: str, folder: Path, **preprocess: Any) -> dict[str, Any]:
    """Judge a stand-in, then try other readings, as the engine does."""
    ran.clear()
    options = Preprocess(**preprocess).to_json()
    facts = ModelFacts(task="classification", height=4, width=4, labels=CLASSES, preprocess=options)
    model = TFLiteModel(path=folder / "m", digest="d", fingerprint="f", meta={"facts": facts.to_json()})
    data = Greys()
    split = Split("val", data, data.index())
    globals()[name](model, split, folder / "predictions")
    truth_file(split, folder / "truth")
    finding = judge(folder / "predictions", folder / "truth", {}, "val")
    told: list[float] = []
    whole = readings.explain(
        model, split, f"{__name__}:{name}", finding, folder, lambda done, total: told.append(done / total)
    )
    assert told[-1] <= 1
    return whole


def test_raw_pixels_are_found_with_what_takes_them(tmp_path: Path) -> None:
    finding = look("predict_raw", tmp_path)
    best = finding["readings"][0]
    assert (best["value"], best["better"]) == (1.0, True)
    assert best["override"] == "data.preprocess.scale=1 data.preprocess.offset=0"
    assert "data.preprocess.scale=1 data.preprocess.offset=0" in finding["text"]
    assert [row["better"] for row in finding["readings"]].count(True) <= 2  # blue first changes nothing here


def test_few_images_are_run_and_of_every_class(tmp_path: Path) -> None:
    finding = look("predict_raw", tmp_path)
    assert {trial["n"] for trial in ran[1:]} == {readings.IMAGES}
    assert len(ran) - 1 <= 8
    assert finding["now"]["value"] == pytest.approx(0.5)  # half of them are of each class


def test_the_order_of_the_channels_is_found(tmp_path: Path) -> None:
    best = look("predict_blue_first", tmp_path)["readings"][0]
    assert best["value"] == 1.0
    assert best["override"].endswith("data.preprocess.channels=bgr")


def test_the_reading_that_is_given_now_is_not_tried_again(tmp_path: Path) -> None:
    rows = look("predict_raw", tmp_path, scale=1 / 255, offset=0.0)["readings"]
    assert "pixels as 0..1" not in [row["how"] for row in rows]
    assert not readings.alike(readings.SCALES[0], Preprocess())
    assert readings.alike(readings.SCALES[2], Preprocess())


def test_images_are_taken_evenly(tmp_path: Path) -> None:
    data = Greys(count=1000)
    some = readings.spread(Split("val", data, data.index()))
    places = [int(sample.key) for sample in some.samples]
    assert len(places) == 64
    assert max(np.diff(places)) <= 17
    assert places == sorted(set(places))


def test_a_reading_that_is_clearly_better_is_said_of_a_base_above_chance(tmp_path: Path) -> None:
    finding = look("predict_halfway", tmp_path)
    assert finding["verdict"] == "reading"
    assert "top1 1.0000 with pixels as 0..1" in finding["text"]


def test_nothing_is_said_where_no_reading_is_better(tmp_path: Path) -> None:
    finding = look("predict_two_thirds", tmp_path)
    assert (finding["verdict"], finding["text"]) == ("", "")
    assert len(finding["readings"]) == 4  # as they are, 0..1, ImageNet's, and blue first


@dataclass(frozen=True, kw_only=True)
class Boxed(Greys):
    """The same with an object in the upper left quarter of each image."""

    task = "detection"
    count: int = 24

    def read(self, sample: Sample) -> Example:
        image, _, labels = super().read(sample)
        return Example(image, np.array([(0.0, 0.0, 0.5, 0.5)], np.float32), labels)


def test_a_detector_is_run_with_other_readings_too(tmp_path: Path) -> None:
    from tflbuild.backends.tiny import brightness_detector
    from tflbuild.metrics.tflite_predictions import predict_file

    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    data = Boxed()
    split = Split("val", data, data.index())
    truth_file(split, tmp_path / "truth")
    found = {}
    for scale, offset in ((1.0, 0.0), (1 / 128, -1.0)):
        options = Preprocess(scale=scale, offset=offset).to_json()
        facts = ModelFacts(task="detection", height=8, width=8, labels=CLASSES, preprocess=options)
        model = TFLiteModel(path=path, digest="d", fingerprint="f", meta={"facts": facts.to_json()})
        predict_file(model, split, tmp_path / "predictions")
        finding = judge(tmp_path / "predictions", tmp_path / "truth", {}, "val")
        predict = "tflbuild.metrics.tflite_predictions:predict_file"
        found[offset] = finding and readings.explain(
            model, split, predict, finding, tmp_path, lambda done, total: None
        )
    assert found[-1.0] == {}
    assert found[0.0]["only"] == "bright"
    best = found[0.0]["readings"][0]
    assert (best["value"], best["metric"], best["better"]) == (1.0, "map50", True)
