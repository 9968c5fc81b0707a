"""What a model says, mapped to the data's classes and to the original image; models are stood in for."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation import arrays, keras_predictions
from tflbuild.evaluation.examples import Prepared
from tflbuild.evaluation.predictions import collect, in_image
from tflbuild.evaluation.truth import truth
from tflbuild.modalities.image.modality import ImageModality


@dataclass(frozen=True, kw_only=True)
class Numbered(Dataset):
    """Images of 4 x 8 pixels whose grey is their number, without an object in every third one."""

    task = "classification"
    count: int = 3

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"numbered{k}") for k in range(self.count))
        return Index(classes=("a", "b", "c"), splits={"val": samples})

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        objects = 1 if self.task == "classification" else number % 3
        boxes = np.tile(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), (objects, 1))
        return Example(np.full((4, 8, 3), number, np.uint8), boxes, np.full(objects, number % 2, np.int32))


class Boxed(Numbered):
    task = "detection"


def split_of(data: Dataset) -> Split:
    return Split("val", data, data.index(lambda path: None))  # type: ignore[arg-type, return-value]


def facts(task: str, labels: tuple[str, ...], height: int = 4, width: int = 8, **preprocess: Any) -> Meaning:
    options = ImageModality(**preprocess).to_json()
    return Meaning.of_image(task=task, height=height, width=width, labels=labels, preprocess=options)


def silent(done: float, total: float) -> None:
    pass


def test_scores_are_put_in_the_order_of_the_datas_classes() -> None:
    outputs = [
        {"scores": np.array(row, np.float32)} for row in ([0.1, 0.2, 0.6, 0.05], [0.5, 0.3, 0.1, 0.15])
    ]
    told: list[tuple[float, float]] = []
    found = collect(
        iter(outputs),
        facts("classification", ("c", "zebra", "a", "yak")),
        split_of(Numbered(count=2)),
        lambda done, total: told.append((done, total)),
    )
    inf = -math.inf
    wanted = [[0.6, inf, 0.1, 0.2, 0.05], [0.1, inf, 0.5, 0.3, 0.15]]
    np.testing.assert_allclose(found["scores"], np.array(wanted, np.float32))
    assert found["scores"].dtype == np.float32
    assert found["missing"].tolist() == ["b"]
    assert told == [(1, 2), (2, 2)]


def test_detections_of_all_images_stand_behind_each_other() -> None:
    def said(*rows: tuple[float, int, float]) -> dict[str, Any]:
        return {
            "detection_boxes": np.array([[0, 0, side, side] for side, _, _ in rows], np.float32).reshape(
                -1, 4
            ),
            "detection_classes": np.array([label for _, label, _ in rows], np.float32),
            "detection_scores": np.array([score for _, _, score in rows], np.float32),
        }

    outputs = [said((0.1, 0, 0.9), (0.2, 1, 0.8), (0.3, 2, 0.7)), said(), said((0.4, 2, 0.6))]
    found = collect(outputs, facts("detection", ("b", "zebra", "a")), split_of(Boxed()), silent)
    assert found["boxes"][:, 2].tolist() == pytest.approx([0.1, 0.3, 0.4])
    assert found["classes"].tolist() == [1, 0, 0]
    assert found["scores"].tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found["offsets"].tolist() == [0, 2, 2, 3]
    assert found["missing"].tolist() == ["c"]


def test_boxes_are_those_of_the_original_image() -> None:
    # By hand: 4 x 8 in a letterbox of 12 x 6 is 3 x 6, in rows 4 (of 4.5, rounded down) to 7.
    example = Prepared(
        np.zeros((12, 6, 3), np.uint8), 4, 8, np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    )
    boxes = np.array([[4 / 12, 0.0, 7 / 12, 1.0], [5 / 12, 1 / 6, 6 / 12, 3 / 6]], np.float32)
    outputs = {"detection_boxes": boxes, "detection_scores": np.array([0.5], np.float32)}
    letterbox = ImageModality(aspect="letterbox")
    detector = facts("detection", ("a",), 12, 6, aspect="letterbox")
    found = in_image(outputs, example, detector, letterbox)
    np.testing.assert_allclose(
        found["detection_boxes"], [[0, 0, 1, 1], [1 / 3, 1 / 6, 2 / 3, 1 / 2]], atol=1e-6
    )
    assert found["detection_scores"] is outputs["detection_scores"]
    classifier = facts("classification", ("a",), 12, 6)
    assert in_image(outputs, example, classifier, letterbox) is outputs


def test_the_truth_of_images_without_objects_has_no_rows() -> None:
    rows = truth(split_of(Boxed(count=6)))
    assert rows["offsets"].tolist() == [0, 0, 1, 3, 3, 4, 6]
    assert rows["labels"].tolist() == [1, 0, 0, 0, 1, 1]
    assert rows["boxes"].shape == (6, 4)
    assert (rows["boxes"].dtype, rows["labels"].dtype) == (np.float32, np.int32)
    assert rows["names"].tolist() == ["a", "b", "c"]


def keras_model(meaning: Meaning) -> KerasModel:
    return KerasModel(path=Path("model.h5"), digest="", fingerprint="", meta={"facts": meaning.to_json()})


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64, 70])
def test_a_keras_model_is_given_every_image_once_in_batches_of_one_size(
    count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The stand-in for the backend scores an image by the grey of its first pixel."""
    sizes: list[int] = []

    def predict(path: Path, batches: Iterator[Any]) -> Iterator[dict[str, Any]]:
        for batch in batches:
            sizes.append(len(batch))
            assert batch.dtype == np.float32
            yield {"scores": np.stack([batch[:, 0, 0, 0], batch[:, 3, 7, 2], -batch[:, 0, 0, 0]], axis=1)}

    monkeypatch.setitem(sys.modules, "tflbuild.backends.keras", SimpleNamespace(predict=predict))
    model = keras_model(facts("classification", ("a", "b", "c"), scale=0.5, offset=-3.0))
    told: list[tuple[float, float]] = []
    kernels = keras_predictions.predict_file(
        model,
        split_of(Numbered(count=count)),
        tmp_path / "found",
        lambda done, total: told.append((done, total)),
    )
    assert kernels == "keras"
    wanted = [number * 0.5 - 3 for number in range(count)]
    assert arrays.load(tmp_path / "found")["scores"][:, :2].tolist() == [[value, value] for value in wanted]
    assert sizes == [32] * math.ceil(count / 32)
    assert told == [(k, count) for k in range(1, count + 1)]


def test_a_detectors_raw_outputs_go_through_the_devices_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """One anchor in the middle; the code says nothing, so that the box is the anchor."""

    def predict(path: Path, batches: Iterator[Any]) -> Iterator[dict[str, Any]]:
        for batch in batches:
            scores = np.zeros((len(batch), 1, 2), np.float32)
            scores[np.arange(len(batch)), 0, (np.arange(len(batch)) % 2)] = 0.75
            yield {"box_encodings": np.zeros((len(batch), 1, 4), np.float32), "class_scores": scores}

    monkeypatch.setitem(sys.modules, "tflbuild.backends.keras", SimpleNamespace(predict=predict))
    anchors = {"aspect_ratios": [1.0], "min_scale": 0.5, "max_scale": 0.5}
    anchors |= {"extra_square": False, "reduced_finest": False}
    detector = {"feature_maps": [[1, 1]], "anchors": anchors, "postprocess": {"max_detections": 1}}
    meaning = Meaning.of_image(
        task="detection",
        height=8,
        width=8,
        labels=("a", "b"),
        preprocess=ImageModality(aspect="letterbox").to_json(),
        detector=detector,
    )
    found = keras_predictions.predict(keras_model(meaning), split_of(Boxed()))
    assert found["classes"].tolist() == [0, 1, 0]
    assert found["scores"].tolist() == pytest.approx([0.75] * 3)
    # By hand: rows 2 to 6 of 8 show the image of 4 x 8, so the middle half of the input is all of its height.
    np.testing.assert_allclose(found["boxes"], [[0, 0.25, 1, 0.75]] * 3, atol=1e-6)


def test_files_are_joined_in_order_with_the_names_of_one(tmp_path: Path) -> None:
    first = {"scores": np.array([0.1, 0.2]), "offsets": np.array([0, 2, 2]), "missing": np.array(["x"])}
    second = {"scores": np.array([0.3, 0.4]), "offsets": np.array([0, 1, 2]), "missing": np.array(["x"])}
    for name, content in (("one", first), ("two", second)):
        arrays.store({**content, "names": np.array(["a", "b"])}, tmp_path / name)
    arrays.merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    both = arrays.load(tmp_path / "both")
    assert both["scores"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert both["offsets"].tolist() == [0, 2, 2, 3, 4]
    assert (both["missing"].tolist(), both["names"].tolist()) == (["x"], ["a", "b"])


def test_bytes_of_a_file_do_not_depend_on_the_order_of_its_arrays(tmp_path: Path) -> None:
    content = {"scores": np.zeros(2), "boxes": np.zeros(3)}
    arrays.store(content, tmp_path / "one")
    arrays.store(dict(reversed(content.items())), tmp_path / "two.other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two.other").read_bytes()


def test_files_that_hold_more_than_numbers_and_text_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        arrays.store({"x": np.array([{}])}, tmp_path / "x")
    np.savez(tmp_path / "y.npz", x=np.array([{}]))
    with pytest.raises(ValueError, match="Object arrays"):
        arrays.load(tmp_path / "y.npz")
