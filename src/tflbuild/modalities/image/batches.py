"""Examples in endless, augmented batches, for training."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflbuild.core.dataset import Example, Split
from tflbuild.core.modality import Batch
from tflbuild.core.points import EXTRA, mirrored
from tflbuild.modalities.image.augment import Augment
from tflbuild.modalities.image.augmentation import apply
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.image.resample import resample
from tflbuild.modalities.training_order import Shuffle, ahead

CACHE_BYTES = 1 << 30
"""Bytes of memory that decoded training images may take."""


class ExampleCache:
    """Read a split's examples for training, keeping the decoded images while there is room.

    Images are shrunk to at most twice the input, of which a crop of a quarter of the area uses every
    pixel. What it gives never depends on what is cached.

    Args:
        split: what to read.
        preprocess: decides whether shrinking may come first, and whether it must keep the shape.
        height: of the input.
        width: of the input.
        room: bytes that kept images may take.
    """

    def __init__(
        self, split: Split, preprocess: ImageModality, height: int, width: int, room: int = CACHE_BYTES
    ) -> None:
        self._split = split
        self._preprocess = preprocess
        self._limit = (2 * height, 2 * width)
        self._room = room
        self._kept: dict[int, Example] = {}
        self._lock = threading.Lock()

    def __getitem__(self, position: int) -> Example:
        kept = self._kept.get(position)
        if kept is not None:
            return kept
        example = self._cut(self._split[position])
        example = example._replace(value=self._shrunk(example.value))
        with self._lock:
            if position not in self._kept and example.value.nbytes <= self._room:
                self._room -= example.value.nbytes
                self._kept[position] = example
        return example

    def _cut(self, example: Example) -> Example:
        """Leave what the input never shows out, with a centred crop, and place the boxes in what is left."""
        rows, columns = example.value.shape[:2]
        height, width = self._limit
        part = self._preprocess.seen(rows, columns, height, width)
        if (part.height, part.width) == (rows, columns):
            return example
        boxes = example.boxes
        if len(boxes):
            boxes = self._preprocess.place(boxes, rows, columns, height, width)
            if example.labels.ndim == 2:
                example = example._replace(labels=self._cut_points(example.labels, rows, columns))
            else:
                centres = (boxes[:, :2] + boxes[:, 2:]) / 2
                inside = ((centres > 0) & (centres < 1)).all(axis=1)
                boxes, labels = boxes[inside].clip(0, 1), example.labels[inside]
                example = example._replace(labels=labels)
        image = example.value[part.top : part.top + part.height, part.left : part.left + part.width]
        return example._replace(value=image.copy(), boxes=boxes)  # a view would keep the whole image

    def _cut_points(self, labels: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
        """Place points in what is left; those outside count as not marked."""
        moved = labels.copy()
        places = self._preprocess.place(np.tile(labels[:-EXTRA, :2], 2), rows, columns, *self._limit)[:, :2]
        moved[:-EXTRA, :2] = places
        moved[:-EXTRA, 2] *= ((places >= 0) & (places <= 1)).all(axis=1)
        return moved

    def _shrunk(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        # Without antialiasing an earlier shrink would change what the model sees.
        if not self._preprocess.antialias or self._preprocess.resize == "nearest":
            return image
        rows, columns = image.shape[:2]
        place = self._preprocess.placement(rows, columns, *self._limit)
        height, width = min(rows, place.height), min(columns, place.width)
        return image if (height, width) == (rows, columns) else resample(image, height, width)


def training_batches(
    preprocess: ImageModality,
    split: Split,
    augment: Mapping[str, Any],
    shape: tuple[int, ...],
    batch_size: int,
    seed: int,
    start: int = 0,
    workers: int = 1,
    prefetch: int = 8,
) -> Iterator[Batch]:
    """Give endless shuffled, augmented batches, prepared ahead in background threads.

    Every epoch is a new shuffle. A batch follows from `seed` and its step alone: not from threads, memory
    or where one started, so that training may resume at any step with the same batches.

    Args:
        preprocess: how pixels become input.
        split: the examples.
        augment: what is varied, options of `tflbuild.modalities.image.augment.Augment`.
        shape: (height, width, channels) of the input.
        batch_size: examples in a batch.
        seed: decides the shuffles and the augmentation.
        start: step of the first batch given.
        workers: threads that prepare batches.
        prefetch: batches prepared ahead.
    """
    height, width = shape[:2]
    vary = Augment.of(augment)
    examples = ExampleCache(split, preprocess, height, width)
    unflippable = frozenset(k for k, name in enumerate(split.classes) if name in vary.flip_except)
    shuffle = Shuffle(len(split), seed)

    def prepare(step: int) -> Batch:
        rng = np.random.Generator(np.random.PCG64([seed, 1, step]))
        made = []
        for slot in range(step * batch_size, (step + 1) * batch_size):
            image, boxes, labels = examples[shuffle.position(slot)]
            mirror = mirrored(split.classes) if labels.ndim == 2 and vary.flip else ()
            made.append(
                apply(vary, image, boxes, labels, rng, height, width, preprocess, unflippable, mirror)
            )
        return Batch(np.stack([m.pixels for m in made]), [m.boxes for m in made], [m.labels for m in made])

    return ahead(prepare, start, workers, prefetch)
