"""Predictions and truth as files, on models made by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation import arrays as array_files
from tflbuild.evaluation import measuring as evaluation
from tflbuild.evaluation import tflite_predictions
from tflbuild.evaluation.truth import truth, truth_file
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tflite.tiny import brightness_detector

CLASSES = ("bright", "dark")
QUARTER = (0.0, 0.0, 0.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class Greys(Dataset):
    """Images of one grey each, twice as wide as high, with one object in the upper left quarter."""

    task = "detection"
    grey: tuple[int, ...] = (255, 0, 250, 5, 240)

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"{k}-{grey}") for k, grey in enumerate(self.grey))
        return Index(classes=CLASSES, splits={"test": samples})

    def read(self, sample: Sample) -> Example:
        grey = self.grey[int(sample.key)]
        boxes = np.array([QUARTER], np.float32)
        return Example(np.full((8, 16, 3), grey, np.uint8), boxes, np.array([grey < 128], np.int32))


class GreyClasses(Greys):
    task = "classification"


def split(dataset: Dataset, classes: tuple[str, ...] = CLASSES) -> Split:
    index = dataset.index(lambda path: None)  # type: ignore[arg-type, return-value]
    return Split("test", dataset, Index(classes=classes, splits=index.splits))


def facts(task: str, labels: tuple[str, ...] = CLASSES, **preprocess: Any) -> dict[str, Any]:
    options = ImageModality(**preprocess).to_json()
    return Meaning.of_image(task=task, height=8, width=8, labels=labels, preprocess=options).to_json()


@pytest.fixture
def detector(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    return TFLiteModel(path=path, digest="d", fingerprint="d", meta={"facts": facts("detection")})


@pytest.fixture
def classifier(float_classifier: Path) -> TFLiteModel:
    return TFLiteModel(
        path=float_classifier, digest="c", fingerprint="c", meta={"facts": facts("classification")}
    )


def with_facts(model: TFLiteModel, **changed: Any) -> TFLiteModel:
    meta = {"facts": facts(model.meta["facts"]["task"], **changed)}
    return TFLiteModel(path=model.path, digest=model.digest, fingerprint="", meta=meta)


def test_a_detector_is_measured_from_file_to_file(detector: TFLiteModel, tmp_path: Path) -> None:
    found, wanted = tmp_path / "predictions.npz", tmp_path / "truth.npz"
    told: list[tuple[float, float]] = []
    data = split(Greys())
    kernels = tflite_predictions.predict_file(
        detector, data, found, lambda done, total: told.append((done, total))
    )
    truth_file(data, wanted)
    assert kernels == "xnnpack"
    assert told[-1] == (5, 5)
    measured = evaluation.measure("map", found, wanted)
    assert measured.value == evaluation.measure("map50", found, wanted).value == 1.0
    assert measured.n == 5
    assert evaluation.compare("map", found, found, wanted).value == 0.0


@pytest.mark.parametrize("task", ["detection", "classification"])
def test_parts_join_to_the_bytes_of_the_whole(
    task: str, detector: TFLiteModel, classifier: TFLiteModel, tmp_path: Path
) -> None:
    model, kind = (detector, Greys) if task == "detection" else (classifier, GreyClasses)
    data = split(kind(grey=tuple(range(0, 256, 3))))
    for name, write in (
        ("predictions", lambda part, out: tflite_predictions.predict_file(model, part, out)),
        ("truth", truth_file),
    ):
        whole, joined = tmp_path / f"{name}.npz", tmp_path / f"{name}_joined.npz"
        write(data, whole)
        parts = []
        for start, stop in ((0, 1), (1, 40), (40, 86)):
            parts.append(tmp_path / f"{name}.{start}")
            write(data.part(start, stop), parts[-1])
        array_files.merge(parts, joined)
        assert joined.read_bytes() == whole.read_bytes()


def test_a_part_of_a_split_is_read_once(detector: TFLiteModel, monkeypatch: pytest.MonkeyPatch) -> None:
    data = split(Greys(grey=tuple(range(7, 47))))
    parts = [data.part(0, 20), data.part(20, 40)]
    for part in parts:
        tflite_predictions.predict(detector, part)
    monkeypatch.setattr(Greys, "read", None)
    for part in parts:
        tflite_predictions.predict(detector, part)
        assert len(truth(part)["labels"]) == 20


def test_the_same_arrays_give_the_same_bytes(detector: TFLiteModel, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.npz", "two.npz")]
    for path in paths:
        tflite_predictions.predict_file(detector, split(Greys()), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    arrays = array_files.load(paths[0])
    assert arrays["boxes"].dtype == arrays["scores"].dtype == np.float32
    assert (arrays["classes"].dtype, arrays["offsets"].dtype) == (np.int32, np.int64)


def test_boxes_come_back_from_the_letterbox(detector: TFLiteModel) -> None:
    letterboxed = with_facts(detector, aspect="letterbox")
    arrays, _ = tflite_predictions.predict(letterboxed, split(Greys(grey=(255,))))
    # By hand: the 8x16 image fills rows 2 to 6 of the 8x8 input; the input's upper half is rows -2 to 2 of 4.
    assert arrays["boxes"][0].tolist() == pytest.approx([0.0, 0.0, 0.5, 0.5])
    stretched, _ = tflite_predictions.predict(detector, split(Greys(grey=(255,))))
    assert stretched["boxes"][0].tolist() == pytest.approx(list(QUARTER))


def test_labels_in_another_order_are_matched_by_name(detector: TFLiteModel) -> None:
    swapped = with_facts(detector, labels=("dark", "bright"))
    arrays, _ = tflite_predictions.predict(swapped, split(Greys(grey=(255, 0)), ("dark", "bright")))
    plain, _ = tflite_predictions.predict(detector, split(Greys(grey=(255, 0)), ("dark", "bright")))
    best = arrays["offsets"][:-1]
    assert arrays["classes"][best].tolist() == [0, 1]
    assert plain["classes"][best].tolist() == [1, 0]


def test_classes_that_only_one_side_knows_are_left_out_and_said(detector: TFLiteModel) -> None:
    other = with_facts(detector, labels=("bright", "dim"))
    arrays, _ = tflite_predictions.predict(other, split(Greys(grey=(255, 0))))
    assert arrays["classes"].tolist() == [0]
    assert arrays["offsets"].tolist() == [0, 1, 1]
    assert arrays["missing"].tolist() == ["dark"]


def test_a_classifiers_scores_follow_the_datas_classes(classifier: TFLiteModel) -> None:
    data = split(GreyClasses(), ("dark", "cat", "bright"))
    arrays, _ = tflite_predictions.predict(with_facts(classifier, labels=("bright", "dark")), data)
    plain, _ = tflite_predictions.predict(classifier, split(GreyClasses()))
    assert arrays["scores"][:, [2, 0]].tolist() == plain["scores"].tolist()
    assert (arrays["scores"][:, 1] == -math.inf).all()
    assert arrays["missing"].tolist() == ["cat"]


def test_a_label_that_the_data_lacks_gets_a_column_that_is_never_right(classifier: TFLiteModel) -> None:
    arrays, _ = tflite_predictions.predict(
        with_facts(classifier, labels=("zebra", "dark")), split(GreyClasses())
    )
    plain, _ = tflite_predictions.predict(classifier, split(GreyClasses()))
    assert arrays["scores"].shape == (5, 3)
    assert arrays["scores"][:, 2].tolist() == plain["scores"][:, 0].tolist()


def test_truth_holds_names_and_boxes(tmp_path: Path) -> None:
    arrays = truth(split(Greys()))
    assert arrays["names"].tolist() == list(CLASSES)
    assert arrays["labels"].tolist() == [0, 1, 0, 1, 0]
    assert arrays["offsets"].tolist() == [0, 1, 2, 3, 4, 5]
    assert "boxes" not in truth(split(GreyClasses()))


def test_truth_of_image_files_is_read_without_opening_them() -> None:
    sample = Sample(key="x", digest="x", path="nowhere.jpg", boxes=(QUARTER,), labels=(1,))
    empty = Sample(key="y", digest="y", path="nowhere.jpg")
    data = Split("test", Greys(), Index(classes=CLASSES, splits={"test": (sample, empty)}))
    arrays = truth(data)
    assert arrays["labels"].tolist() == [1]
    assert arrays["offsets"].tolist() == [0, 1, 1]


def test_a_file_of_another_input_size_than_its_facts_is_refused(detector: TFLiteModel) -> None:
    wrong = Meaning.of_image(task="detection", height=16, width=16, labels=CLASSES, preprocess={}).to_json()
    model = TFLiteModel(path=detector.path, digest="", fingerprint="", meta={"facts": wrong})
    with pytest.raises(PassError, match="takes 8x8 images, but it was made for 16x16"):
        tflite_predictions.predict(model, split(Greys()))


def test_a_difference_of_files_is_after_less_before(tmp_path: Path) -> None:
    for name, classes in (("before", [0, 0]), ("after", [0, 1])):
        array_files.store({"scores": np.eye(2, dtype=np.float32)[classes]}, tmp_path / name)
    array_files.store({"labels": np.array([0, 1]), "names": np.array(CLASSES)}, tmp_path / "truth")
    files = tmp_path / "before", tmp_path / "after", tmp_path / "truth"
    assert evaluation.compare("top1", *files).value == 0.5
    assert evaluation.measure("top1", files[1], files[2]).value == 1.0


class FakeRunner:
    """Score an image by its first pixel; notes what it was made of."""

    made: list[tuple[Any, ...]]
    height, width, kernels = 8, 8, "fake"

    def __init__(self, path: Path, *, scale: float, offset: float) -> None:
        FakeRunner.made.append((path.name, scale, offset))

    def run(self, pixels: Any) -> dict[str, Any]:
        return {"scores": np.array([pixels[0, 0, 0], pixels[4, 4, 1]], np.float32)}


@pytest.fixture
def runners(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    FakeRunner.made = []
    tflite_predictions._runner.cache_clear()
    monkeypatch.setattr(tflite_predictions, "Runner", FakeRunner)
    return FakeRunner.made


def test_a_model_is_loaded_once_for_the_parts_of_a_split(runners: list[tuple[Any, ...]]) -> None:
    def predict(digest: str = "d", name: str = "m", **preprocess: Any) -> Any:
        meta = {"facts": facts("classification", **preprocess)}
        model = TFLiteModel(path=Path(name), digest=digest, fingerprint="", meta=meta)
        found, kernels = tflite_predictions.predict(model, split(GreyClasses(grey=(10, 20))))
        assert kernels == "fake"
        return found["scores"].tolist()

    assert predict() == predict() == [[10, 10], [20, 20]]
    assert runners == [("m", 1 / 128, -1.0)]
    predict(digest="another")
    predict(digest="another", name="n")
    predict(digest="another", name="n", scale=0.5)
    predict(digest="another", name="n", scale=0.5, offset=0.25)
    assert runners[2:] == [("n", 1 / 128, -1.0), ("n", 0.5, -1.0), ("n", 0.5, 0.25)]
    tflite_predictions._runner.cache_clear()


def test_a_file_that_is_as_wide_as_its_facts_and_not_as_high_is_refused(
    runners: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeRunner, "height", 9)
    meta = {"facts": facts("classification")}
    model = TFLiteModel(path=Path("m"), digest="", fingerprint="", meta=meta)
    with pytest.raises(PassError, match="m takes 9x8 images, but it was made for 8x8"):
        tflite_predictions.predict(model, split(GreyClasses()))
    tflite_predictions._runner.cache_clear()


def test_declarations_import_neither_numpy_nor_a_framework() -> None:
    modules = [
        f"tflbuild.metrics.{name}" for name in ("detection", "classification", "size", "latency", "npu")
    ]
    modules += [f"tflbuild.targets.{name}" for name in ("cpu", "ethos_u")]
    heavy = "[name for name in ('numpy', 'tensorflow', 'ai_edge_litert') if name in sys.modules]"
    code = f"import sys, {', '.join(modules)}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
