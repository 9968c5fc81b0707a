"""Pictures of one grey each, as data sets, and the meaning of models of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.meaning import Meaning
from tflbuild.modalities.image.modality import ImageModality

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


@dataclass(frozen=True, kw_only=True)
class Numbered(Dataset):
    """Images of 4 x 8 pixels whose grey is their number, without an object in every third one."""

    task = "classification"
    count: int = 3

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"{self.task} {k}") for k in range(self.count))
        return Index(classes=("a", "b", "c"), splits={"test": samples})

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        objects = 1 if self.task == "classification" else number % 3
        boxes = np.tile(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), (objects, 1))
        return Example(np.full((4, 8, 3), number, np.uint8), boxes, np.full(objects, number % 2, np.int32))


class Boxed(Numbered):
    task = "detection"


def split_of(dataset: Dataset, classes: tuple[str, ...] | None = None) -> Split:
    index = dataset.index(lambda path: None)  # type: ignore[arg-type, return-value]
    return Split("test", dataset, Index(classes=classes or index.classes, splits=index.splits))


def meaning_of(
    task: str,
    labels: tuple[str, ...] = CLASSES,
    shape: tuple[int, int] = (8, 8),
    head: dict[str, Any] | None = None,
    **preprocess: Any,
) -> Meaning:
    options = ImageModality(**preprocess).to_json()
    height, width = shape
    return Meaning.of_image(
        task=task, height=height, width=width, labels=labels, preprocess=options, detector=head
    )
