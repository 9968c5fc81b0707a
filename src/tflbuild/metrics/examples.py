"""A split's examples as inputs of a model, kept between the measurements of one build."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tflbuild.core.dataset import Split
from tflbuild.modalities.image.preprocess import Preprocess

T = TypeVar("T")

ROOM = 1 << 28
"""Bytes that kept images may take: every step of a build is measured on the same ones."""


READERS = 4
"""Threads that read images while TensorFlow computes."""

AHEAD = 64
"""Results that may wait to be taken, so that a slow taker doesn't fill the memory."""


class Annotation(NamedTuple):
    """The ground truth of one image.

    Attributes:
        boxes: (objects, 4) float32 in 0..1 of the original image.
        labels: (objects,) int32; (1,) for classification.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]


class Prepared(NamedTuple):
    """One example as a model's input.

    Attributes:
        pixels: (height, width, 3) uint8 in the model's channel order.
        image_height: of the original image, which boxes refer to.
        image_width: of the original image.
        boxes: (objects, 4) float32 in 0..1 of the original image.
        labels: (objects,) int32.
    """

    pixels: npt.NDArray[np.uint8]
    image_height: int
    image_width: int
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]


class Examples:
    """Read examples by position, from any thread.

    Args:
        split: what to read.
        preprocess: how an image becomes the input.
        height: of the input.
        width: of the input.
    """

    def __init__(self, split: Split, preprocess: Preprocess, height: int, width: int) -> None:
        self._split, self._preprocess = split, preprocess
        self._height, self._width = height, width
        self._kept = _KEPT.open(split, preprocess, height, width)

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, position: int) -> Prepared:
        kept = self._kept.get(position) if self._kept is not None else None
        if kept is not None:
            return kept
        image, boxes, labels = self._split[position]
        pixels = self._preprocess.pixels(image, self._height, self._width)
        prepared = Prepared(pixels, image.shape[0], image.shape[1], boxes, labels)
        if self._kept is not None:
            self._kept[position] = prepared
        return prepared


class _Key(NamedTuple):
    digest: str
    split: str
    preprocess: Preprocess
    height: int
    width: int


class _Kept:
    """Examples of the splits, or parts of splits, read last.

    Where a split is larger than the room, its first parts stay: it is read from front to back every time.
    """

    def __init__(self) -> None:
        self._splits: dict[_Key, dict[int, Prepared]] = {}
        self._lock = threading.Lock()

    def open(
        self, split: Split, preprocess: Preprocess, height: int, width: int
    ) -> dict[int, Prepared] | None:
        """Give where a split's examples are kept; None where they would not fit."""
        key = _Key(split.digest, split.name, preprocess, height, width)
        size = len(split) * height * width * 3
        with self._lock:
            if key in self._splits:
                return self._splits[key]
            others = [kept for kept in self._splits if kept[1:] != key[1:]]
            while others and self._bytes() + size > ROOM:
                del self._splits[others.pop(0)]
            if self._bytes() + size > ROOM:
                return None
            self._splits[key] = {}
            return self._splits[key]

    def annotation(self, split: Split, position: int) -> Annotation | None:
        """Give what a kept example says is in the image."""
        for key, kept in list(self._splits.items()):
            if key.digest == split.digest and position in kept:
                return Annotation(kept[position].boxes, kept[position].labels)
        return None

    def _bytes(self) -> int:
        return sum(prepared.pixels.nbytes for kept in self._splits.values() for prepared in kept.values())


_KEPT = _Kept()


def annotated(split: Split) -> Iterator[Annotation]:
    """Give every annotation in order; images are read only where nothing else says what is in them."""

    def annotation(position: int) -> Annotation:
        sample = split.samples[position]
        if sample.path is not None or sample.labels:
            boxes = np.asarray(sample.boxes, np.float32).reshape(-1, 4)
            return Annotation(boxes, np.asarray(sample.labels, np.int32))
        kept = _KEPT.annotation(split, position)
        if kept is not None:
            return kept
        example = split[position]
        return Annotation(example.boxes, example.labels)

    return map(annotation, range(len(split)))


def in_order(compute: Callable[[int], T], count: int) -> Iterator[T]:
    """Compute for 0 .. count - 1 on a few threads, beside who takes the results in order."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = deque(pool.submit(compute, position) for position in range(min(AHEAD, count)))
        try:
            for following in range(AHEAD, AHEAD + count):
                yield waiting.popleft().result()
                if following < count:
                    waiting.append(pool.submit(compute, following))
        finally:
            pool.shutdown(cancel_futures=True)
