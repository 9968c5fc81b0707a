"""Other readings of the pixels, on a classifier made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.analyses.first_look import readings
from tflbuild.analyses.first_look.chance import judge
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation import arrays
from tflbuild.evaluation.predictions import predict_file
from tflbuild.evaluation.truth import truth_file
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.tiny import brightness_detector

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
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    ran.append({"scale": preprocess.scale, "aspect": preprocess.aspect, "n": len(split)})
    values = [float(preprocess.values(split[k].value).mean()) for k in range(len(split))]
    bright = np.array(values) > LEVEL
    arrays.store({"scores": np.stack([bright, ~bright], axis=1).astype(np.float32)}, out)
    return "stand-in"


def predict_blue_first(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that guesses unless blue comes first, as in OpenCV."""
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    right = preprocess.channels == "bgr" and preprocess.scale < 0.02
    labels = np.array([int(split[k].labels[0]) if right else 0 for k in range(len(split))])
    arrays.store({"scores": np.eye(2, dtype=np.float32)[labels]}, out)
    return "stand-in"


def predict_halfway(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model of pixels in 0..1 that is right of most images, all the same, when they are in -1..1."""
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    right = abs(preprocess.scale - 1 / 255) < 1e-6
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    wrong = np.arange(len(split)) % 3 == 0
    arrays.store(
        {"scores": np.eye(2, dtype=np.float32)[np.where(wrong & (not right), 1 - labels, labels)]}, out
    )
    return "stand-in"


def predict_raw_swapped(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model of raw pixels whose classes are in the other order."""
    predict_raw(model, split, out)
    scores = arrays.load(out)["scores"]
    arrays.store({"scores": scores[:, ::-1]}, out)
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
    options = ImageModality(**preprocess).to_json()
    facts = Meaning.of_image(task="classification", height=4, width=4, labels=CLASSES, preprocess=options)
    model = TFLiteModel(path=folder / "m", digest="d", fingerprint="f", meta={"facts": facts.to_json()})
    data = Greys()
    split = Split("val", data, data.index())
    globals()[name](model, split, folder / "predictions")
    truth_file(split, folder / "truth")
    finding = judge(folder / "predictions", folder / "truth", {}, "val")
    told: list[float] = []
    whole = readings.explain(
        model, split, globals()[name], finding, folder, lambda done, total: told.append(done / total)
    )
    assert told[-1] <= 1
    return whole


def test_raw_pixels_are_found_with_what_takes_them(tmp_path: Path) -> None:
    finding = look("predict_raw", tmp_path)
    best = finding["readings"][0]
    assert (best["value"], best["better"]) == (1.0, True)
    assert best["override"] == "preprocess.scale=1 preprocess.offset=0"
    assert "preprocess.scale=1 preprocess.offset=0" in finding["text"]
    assert [row["better"] for row in finding["readings"]].count(True) <= 2  # blue first changes nothing here


def test_a_reading_that_fits_with_the_classes_in_another_order_says_so(tmp_path: Path) -> None:
    """Of raw pixels all is wrong as named, and all is right in reverse; of others half is, either way."""
    rows = {row["override"]: row for row in look("predict_raw_swapped", tmp_path)["readings"]}
    raw = rows["preprocess.scale=1 preprocess.offset=0"]
    assert (raw["value"], raw["better"]) == (0.0, False)
    assert raw["with_order"]["classes"] == ["dark", "bright"]
    assert (raw["with_order"]["value"], raw["with_order"]["better"]) == (1.0, True)
    assert [row["value"] for row in rows.values() if "with_order" not in row] == pytest.approx(
        [0.5] * (len(rows) - sum("with_order" in row for row in rows.values()))
    )
    assert "with_order" not in look("predict_raw", tmp_path)["readings"][0]


def test_few_images_are_run_and_of_every_class(tmp_path: Path) -> None:
    finding = look("predict_raw", tmp_path)
    assert {trial["n"] for trial in ran[1:]} == {readings.IMAGES}
    assert len(ran) - 1 <= 8
    assert finding["now"]["value"] == pytest.approx(0.5)  # half of them are of each class


def test_the_order_of_the_channels_is_found(tmp_path: Path) -> None:
    best = look("predict_blue_first", tmp_path)["readings"][0]
    assert best["value"] == 1.0
    assert best["override"].endswith("preprocess.channels=bgr")


def test_the_reading_that_is_given_now_is_not_tried_again(tmp_path: Path) -> None:
    rows = look("predict_raw", tmp_path, scale=1 / 255, offset=0.0)["readings"]
    assert "pixels as 0..1" not in [row["how"] for row in rows]
    assert not readings.alike(readings.SCALES[0], ImageModality())
    assert readings.alike(readings.SCALES[2], ImageModality())


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
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    data = Boxed()
    split = Split("val", data, data.index())
    truth_file(split, tmp_path / "truth")
    predict, found = partial(predict_file, Litert()), {}
    for scale, offset in ((1.0, 0.0), (1 / 128, -1.0)):
        options = ImageModality(scale=scale, offset=offset).to_json()
        facts = Meaning.of_image(task="detection", height=8, width=8, labels=CLASSES, preprocess=options)
        model = TFLiteModel(path=path, digest="d", fingerprint="f", meta={"facts": facts.to_json()})
        predict(model, split, tmp_path / "predictions")
        finding = judge(tmp_path / "predictions", tmp_path / "truth", {}, "val")
        found[offset] = finding and readings.explain(
            model, split, predict, finding, tmp_path, lambda done, total: None
        )
    assert found[-1.0] == {}
    assert found[0.0]["only"] == "bright"
    best = found[0.0]["readings"][0]
    assert (best["value"], best["metric"], best["better"]) == (1.0, "map50", True)


def test_readings_are_those_of_the_trainers() -> None:
    """Torchvision's and Keras' constants, averaged over the channels, since one scale and offset are for all three."""
    mean, deviation = sum((0.485, 0.456, 0.406)) / 3, sum((0.229, 0.224, 0.225)) / 3
    whole, unit, sides, imagenet = ((reading.scale, reading.offset) for reading in readings.SCALES)
    assert whole == (1, 0)
    assert (unit, sides) == (pytest.approx((1 / 255, 0)), pytest.approx((2 / 255, -1)))
    assert imagenet == pytest.approx((1 / 255 / deviation, -mean / deviation), abs=5e-4)
    caffe = sum((103.939, 116.779, 123.68)) / 3
    assert (readings.CAFFE.scale, readings.CAFFE.offset) == (1, pytest.approx(-caffe, abs=0.01))
    assert readings.CAFFE.channels == "bgr"
    assert not any(reading.channels for reading in readings.SCALES)


@pytest.mark.parametrize(
    ("offset", "channels", "alike"),
    [(0.0, "", True), (5.0, "", True), (-5.2, "", False), (5.0, "rgb", True), (0.0, "bgr", False)],
)
def test_readings_within_two_hundredths_of_the_range_are_one(
    offset: float, channels: str, alike: bool
) -> None:
    # By hand: of a range of 255 values 0.02 is 5.1.
    reading = readings.Reading("", 1.0, offset, channels)
    assert readings.alike(reading, ImageModality(scale=1.0, offset=0.0)) == alike


def test_readings_are_alike_only_where_black_and_white_are() -> None:
    assert not readings.alike(readings.Reading("", 0.9, 0.0), ImageModality(scale=1.0, offset=0.0))
    assert not readings.alike(readings.Reading("", 0.9, 25.5), ImageModality(scale=1.0, offset=0.0))
    # White is 255: 255 * 0.02004 is 5.1102, more than 5.1.
    assert not readings.alike(readings.Reading("", 0.97996, 0.0), ImageModality(scale=1.0, offset=0.0))


@pytest.mark.parametrize(
    ("count", "most", "places"),
    [(5, 3, [0, 2, 4]), (4, 9, [0, 1, 2, 3]), (101, 5, [0, 25, 50, 75, 100]), (1, 3, [0])],
)
def test_some_images_reach_from_the_first_to_the_last(count: int, most: int, places: list[int]) -> None:
    data = Greys(count=count)
    some = readings.spread(Split("val", data, data.index()), most)
    assert [int(sample.key) for sample in some.samples] == places
    assert (some.name, some.classes, some.dataset) == ("val", CLASSES, data)


def test_rows_say_what_was_tried_and_how_it_was_typed(tmp_path: Path) -> None:
    finding = look("predict_blue_first", tmp_path)
    assert finding["now"]["override"] == "preprocess.scale=0.0078125 preprocess.offset=-1"
    assert (finding["now"]["better"], finding["now"]["metric"], finding["now"]["n"]) == (False, "top1", 64)
    first, *others = finding["readings"]
    assert first["how"] == "channels swapped, blue first"
    assert first["override"] == f"{finding['now']['override']} preprocess.channels=bgr"
    assert first["low"] > 0.9
    assert [row["value"] for row in others] == sorted((row["value"] for row in others), reverse=True)
    # the four usual scales but the current one, and three with the channels turned: the best so far, and Keras' own
    assert len(others) == 5
    assert others[-1]["how"] == readings.CAFFE.how or readings.CAFFE.how in [row["how"] for row in others]


def test_red_first_is_tried_where_blue_comes_first_now(tmp_path: Path) -> None:
    rows = look("predict_blue_first", tmp_path, channels="bgr", scale=1.0, offset=0.0)["readings"]
    turned = [row for row in rows if row["override"].endswith("channels=rgb")]
    assert {row["how"].rpartition(", ")[2] for row in turned} == {"red first"}
    assert readings.CAFFE.how in [row["how"] for row in rows]


UNEXPLAINED: dict[str, Any] = {
    "verdict": "",
    "metric": "top1",
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
    "n": 64,
    "chance": 0.5,
    "only": None,
    "split": "val",
    "orders": [],
    "readings": [],
}


def explained(name: str, folder: Path, **finding: Any) -> tuple[dict[str, Any], list[tuple[float, float]]]:
    """Try other readings on a stand-in, whatever it was judged; gives what was told of the progress, too."""
    told: list[tuple[float, float]] = []
    options = ImageModality().to_json()
    facts = Meaning.of_image(task="classification", height=4, width=4, labels=CLASSES, preprocess=options)
    model = TFLiteModel(path=folder / "m", digest="d", fingerprint="f", meta={"facts": facts.to_json()})
    data = Greys()
    found = readings.explain(
        model,
        Split("val", data, data.index()),
        globals()[name],
        UNEXPLAINED | finding,
        folder,
        lambda done, total: told.append((done, total)),
    )
    return found, told


def test_a_reader_is_told_how_far_the_trials_are(tmp_path: Path) -> None:
    assert explained("predict_raw", tmp_path, verdict="chance")[1] == [(k, 6) for k in range(1, 7)]
    assert explained("predict_raw", tmp_path)[1] == [(k, 6) for k in range(1, 5)]


def predict_swapped(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model of pixels in 0..1 that names the two classes in reverse."""
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    said = 1 - labels if abs(preprocess.scale - 1 / 255) < 1e-6 else np.zeros_like(labels)
    arrays.store({"scores": np.eye(2, dtype=np.float32)[said]}, out)
    return "stand-in"


def test_pixels_and_order_that_explain_it_together_are_found(tmp_path: Path) -> None:
    finding = look("predict_swapped", tmp_path)
    (row, *_) = (row for row in finding["readings"] if row["how"] == "pixels as 0..1")
    assert (row["value"], row["better"]) == (0.0, False)
    assert row["with_order"]["classes"] == ["dark", "bright"]
    assert "and pixels as 0..1: preprocess.scale=0.003921569 preprocess.offset=0" in finding["text"]


def predict_slightly_better(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that gets five more of 64 images right with pixels in 0..1."""
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    wrong = np.arange(len(split)) < (10 if abs(preprocess.scale - 1 / 255) < 1e-6 else 15)
    arrays.store({"scores": np.eye(2, dtype=np.float32)[np.where(wrong, 1 - labels, labels)]}, out)
    return "stand-in"


def test_a_reading_whose_interval_reaches_what_is_now_is_not_called_better(tmp_path: Path) -> None:
    # 54 of 64 where it is 49 of 64 now: 0.84 [0.74, 0.91] and 0.77
    rows = explained("predict_slightly_better", tmp_path)[0]["readings"]
    assert rows[0]["value"] == 54 / 64
    assert not any(row["better"] for row in rows)


@dataclass(frozen=True, kw_only=True)
class Three(Greys):
    """Three classes in turn."""

    count: int = 60

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"three{k}") for k in range(self.count))
        return Index(classes=("a", "b", "c"), splits={"val": samples})

    def read(self, sample: Sample) -> Example:
        label = np.array([int(sample.key) % 3], np.int32)
        return Example(np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.float32), label)


def predict_turned(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model that is always wrong, and of 24 of 60 images would be right with a and c exchanged."""
    labels = np.array([int(split[k].labels[0]) for k in range(len(split))])
    turned = (labels != 1) & (np.arange(len(split)) < 36)
    said = np.where(turned, 2 - labels, np.where(labels == 1, np.arange(len(split)) % 2 * 2, 1))
    arrays.store({"scores": np.eye(3, dtype=np.float32)[said]}, out)
    return "stand-in"


def test_an_order_whose_interval_reaches_chance_explains_nothing(tmp_path: Path) -> None:
    # 24 of 60: 0.40 [0.29, 0.53], where chance is 1/3
    options = ImageModality().to_json()
    facts = Meaning.of_image(
        task="classification", height=4, width=4, labels=("a", "b", "c"), preprocess=options
    )
    model = TFLiteModel(path=tmp_path / "m", digest="d", fingerprint="f", meta={"facts": facts.to_json()})
    data = Three()
    split = Split("val", data, data.index())
    found = readings.explain(model, split, predict_turned, UNEXPLAINED, tmp_path, lambda done, total: None)
    assert all(row["value"] == 0.0 for row in found["readings"])
    assert not any("with_order" in row for row in found["readings"])


def predict_broken(model: Any, split: Split, out: Path, progress: Any = None) -> str:
    """Stand in for a model whose scores are no numbers where pixels are as large as they come."""
    preprocess = ImageModality.of(Meaning.of(model).only.preprocess)
    scores = np.eye(2, dtype=np.float32)[np.zeros(len(split), int)]
    arrays.store({"scores": scores * (np.nan if preprocess.scale == 1.0 else 1.0)}, out)
    return "stand-in"


def test_a_reading_that_gives_no_numbers_is_worth_nothing(tmp_path: Path) -> None:
    rows = explained("predict_broken", tmp_path)[0]["readings"]
    (broken,) = (row for row in rows if row["how"] == "pixels of 0..255 as they are")
    assert (broken["value"], broken["low"], broken["high"], broken["better"]) == (0.0, None, None, False)
    assert broken["n"] == 64


def test_a_reading_changes_the_values_and_not_how_an_image_is_resized(tmp_path: Path) -> None:
    look("predict_raw", tmp_path, aspect="letterbox")
    assert len(ran) > 3
    assert {trial["aspect"] for trial in ran} == {"letterbox"}


def test_a_model_of_one_channel_is_tried_with_other_values_and_no_other_channels(tmp_path: Path) -> None:
    path = tmp_path / "grey.tflite"
    shapes = {"image": (1, 4, 4, 1), "scores": (1, 2)}
    weights = {
        "weights": np.array([[1 / 16] * 16, [-1 / 16] * 16], np.float32),
        "bias": np.zeros(2, np.float32),
    }
    options = schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    dense = Step(schema.BuiltinOperator.FULLY_CONNECTED, ["image", "weights", "bias"], ["scores"], *options)
    path.write_bytes(assemble({**shapes, **weights}, [dense], ["image"], ["scores"]))
    image = Input(
        modality="image",
        shape=(4, 4, 1),
        preprocess=ImageModality(channels="grey", scale=1.0, offset=0.0).to_json(),
    )
    facts = Meaning(task="classification", labels=CLASSES, inputs={"image": image}).to_json()
    model = TFLiteModel(path=path, digest="d", fingerprint="f", meta={"facts": facts})
    data = Greys()
    split = Split("val", data, data.index())
    predict = partial(predict_file, Litert())
    finding = UNEXPLAINED | {"verdict": "chance"}
    found = readings.explain(model, split, predict, finding, tmp_path, lambda done, total: None)
    assert found["now"]["value"] == 0.5  # every mean is above 0
    assert [row["how"] for row in found["readings"]] == [
        "pixels as -1..1",
        readings.SCALES[3].how,
        "pixels as 0..1",
    ]
    assert [row["value"] for row in found["readings"]] == [1.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": Input(modality="vector", shape=(4,))},
        {
            "image": Input(
                modality="image",
                shape=(4, 4, 3),
                preprocess={"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]},
            )
        },
        {name: Input(modality="image", shape=(4, 4, 3)) for name in ("left", "right")},
    ],
    ids=["no picture", "a reading by channel", "two inputs"],
)
def test_a_finding_stays_as_it_is_where_no_reading_can_be_tried(
    inputs: dict[str, Input], tmp_path: Path
) -> None:
    facts = Meaning(task="classification", labels=CLASSES, inputs=inputs).to_json()
    model = TFLiteModel(path=tmp_path / "m", digest="d", fingerprint="f", meta={"facts": facts})
    data = Greys()
    split = Split("val", data, data.index())
    found = readings.explain(model, split, predict_raw, UNEXPLAINED, tmp_path, lambda done, total: None)
    assert found == UNEXPLAINED
