"""Random detections, and pycocotools as the rule."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def draw_detections(
    seed: int, images: int = 12, classes: int = 3, levels: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw objects, and detections of which half lie near an object; `levels` > 0 makes many equal scores."""
    rng = np.random.default_rng(seed)
    objects = [_boxes(rng, rng.integers(0, 6)) for _ in range(images)]
    labels = [rng.integers(0, classes, len(boxes)) for boxes in objects]
    found, kinds, scores = [], [], []
    for boxes, label in zip(objects, labels, strict=True):
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 0.02, (2 * len(boxes), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 0.01)
        far = _boxes(rng, rng.integers(0, 8))
        found.append(np.concatenate([near, far]))
        kinds.append(np.concatenate([np.repeat(label, 2), rng.integers(0, classes, len(far))]))
        score = rng.uniform(0, 1, len(found[-1]))
        scores.append(np.round(score * levels) / levels if levels else score)
    predictions = {
        "boxes": np.concatenate(found).astype(np.float32),
        "classes": np.concatenate(kinds).astype(np.int32),
        "scores": np.concatenate(scores).astype(np.float32),
        "offsets": np.cumsum([0, *map(len, found)]),
    }
    truth = {
        "boxes": np.concatenate(objects).astype(np.float32),
        "labels": np.concatenate(labels).astype(np.int32),
        "offsets": np.cumsum([0, *map(len, objects)]),
        "names": np.array([f"class{k}" for k in range(classes)]),
    }
    return predictions, truth


def _boxes(rng: np.random.Generator, count: int) -> Any:
    corner = rng.uniform(0, 0.7, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(0.05, 0.3, (count, 2))], axis=1)


def take_images(arrays: dict[str, Any], images: list[int]) -> dict[str, Any]:
    """Take images by position, some more than once, as a data set of their own."""
    rows = [np.arange(arrays["offsets"][i], arrays["offsets"][i + 1]) for i in images]
    every = np.concatenate(rows).astype(int)
    taken = {k: v[every] for k, v in arrays.items() if k not in ("offsets", "names")}
    return {**arrays, **taken, "offsets": np.cumsum([0, *map(len, rows)])}


def coco_precisions(predictions: dict[str, Any], truth: dict[str, Any]) -> Any:
    """Give pycocotools' precision: (thresholds, recalls, classes); -1 where a class has no objects."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    images = len(truth["offsets"]) - 1
    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco.COCO()
        reference.dataset = {
            "info": {},
            "images": [{"id": image + 1} for image in range(images)],
            "categories": [{"id": label + 1} for label in range(len(truth["names"]))],
            "annotations": [
                {**row, "id": k + 1, "iscrowd": 0} for k, row in enumerate(_rows(truth, truth["labels"]))
            ],
        }
        reference.createIndex()
        rows = _rows(predictions, predictions["classes"])
        for row, score in zip(rows, predictions["scores"].tolist(), strict=True):
            row["score"] = score
        evaluation = cocoeval.COCOeval(reference, reference.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, -1]


def _rows(arrays: dict[str, Any], labels: Any) -> list[dict[str, Any]]:
    rows = []
    for image, (start, end) in enumerate(zip(arrays["offsets"][:-1], arrays["offsets"][1:], strict=True)):
        for k in range(start, end):
            ymin, xmin, ymax, xmax = arrays["boxes"][k].astype(np.float64).tolist()
            rows.append(
                {
                    "image_id": image + 1,
                    "category_id": int(labels[k]) + 1,
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "area": (xmax - xmin) * (ymax - ymin),
                }
            )
    return rows


@pytest.fixture
def random_detections() -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    return draw_detections


@pytest.fixture
def taken() -> Callable[..., dict[str, Any]]:
    return take_images


@pytest.fixture
def coco() -> Callable[..., Any]:
    return coco_precisions
