"""Predictions of a model of any kind on a split, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import ModelFacts
from tflbuild.core.dataset import Split
from tflbuild.metrics.arrays import Arrays, offsets_of
from tflbuild.metrics.examples import Prepared
from tflbuild.modalities.image.preprocess import Preprocess

Outputs = Mapping[str, npt.NDArray[np.float32]]
"""Outputs for one image, without a batch axis: `scores`, or
`detection_boxes`, `detection_classes` and `detection_scores`."""

Progress = Callable[[float, float], None]


def collect(outputs: Iterable[Outputs], facts: ModelFacts, split: Split, progress: Progress) -> Arrays:
    """Make arrays of a model's outputs.

    Args:
        outputs: of every image, in order.
        facts: what the model means.
        split: what it was run on.
        progress: is told how many images are done.

    Returns:
        Predictions as `tflbuild.metrics.arrays` describes.
    """
    seen = []
    for count, image_outputs in enumerate(outputs, start=1):
        seen.append(image_outputs)
        progress(count, len(split))
    columns = _columns(facts.labels, split.classes)
    arrays = _detected(seen, columns) if facts.task == "detection" else _classified(seen, columns, split)
    missing = [name for name in split.classes if name not in facts.labels]
    return arrays | {"missing": np.array(missing, np.str_)}


def in_image(outputs: Outputs, example: Prepared, facts: ModelFacts, preprocess: Preprocess) -> Outputs:
    """Map boxes from the model's input back into the original image."""
    if facts.task != "detection":
        return outputs
    boxes = preprocess.unplace(
        outputs["detection_boxes"], example.image_height, example.image_width, facts.height, facts.width
    )
    return {**outputs, "detection_boxes": boxes}


def _columns(labels: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.int32]:
    """Give the data's class of each of the model's labels; -1 for one that the data does not have."""
    known = {name: index for index, name in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels], np.int32)


def _detected(seen: Sequence[Outputs], columns: npt.NDArray[np.int32]) -> Arrays:
    """Collect detections; those of classes that the data does not have are left out, as COCO does."""
    rows = []
    for outputs in seen:
        classes = columns[outputs["detection_classes"].astype(np.int64)]
        known = classes >= 0
        rows.append((outputs["detection_boxes"][known], classes[known], outputs["detection_scores"][known]))
    return {
        "boxes": np.concatenate([boxes for boxes, _, _ in rows]).reshape(-1, 4).astype(np.float32),
        "classes": np.concatenate([classes for _, classes, _ in rows]).astype(np.int32),
        "scores": np.concatenate([scores for _, _, scores in rows]).astype(np.float32),
        "offsets": offsets_of([len(classes) for _, classes, _ in rows]),
    }


def _classified(seen: Sequence[Outputs], columns: npt.NDArray[np.int32], split: Split) -> Arrays:
    """Collect scores by the data's classes; scores of other classes follow, and are never right."""
    raw = np.stack([outputs["scores"] for outputs in seen])
    places = columns.copy()
    foreign = np.flatnonzero(columns < 0)
    places[foreign] = len(split.classes) + np.arange(len(foreign))
    scores = np.full((len(raw), len(split.classes) + len(foreign)), -np.inf, np.float32)
    scores[:, places] = raw
    return {"scores": scores}
