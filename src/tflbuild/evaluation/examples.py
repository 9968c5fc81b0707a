"""A split's examples as inputs of a model, kept between the measurements of one build."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tflbuild.core import digest
from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Encoded
from tflbuild.core.plain_text import plain
from tflbuild.tasks.labels import said_of

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
        labels: (objects,) int32; (1,) for classification; of tasks of numbers float64, see `Example`.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[Any]


class Prepared(NamedTuple):
    """One example as a model's inputs.

    Attributes:
        codes: by input, an array of its shape.
        geometry: by input, what `Modality.encode` gave to undo; None where there is nothing.
        boxes: (objects, 4) float32 in 0..1 of the original image.
        labels: (objects,) int32; of tasks of numbers float64, see `Example`.
    """

    codes: Mapping[str, npt.NDArray[Any]]
    geometry: Mapping[str, Any]
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[Any]


class Encoder:
    """Turn raw samples into codes for every input of a model.

    Args:
        meaning: of the model.
    """

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.kinds = {name: given.kind for name, given in meaning.inputs.items()}

    def __call__(self, value: Any, key: str = "") -> dict[str, Encoded]:
        """Encode a sample for every input.

        Args:
            value: what a data set gives: a raw sample for the one input, or a mapping of the inputs' names to one each.
            key: names the sample in messages.

        Raises:
            DataError: it does not fit; says both shapes.
        """
        return self._each(value, key, lambda kind, given, shape: kind.encode(given, shape))

    def pieces(self, value: Any, key: str = "") -> dict[str, npt.NDArray[Any]]:
        """Encode every piece of a sample for every input: (pieces, ...) by input.

        Args:
            value: as for one piece.
            key: names the sample in messages.

        Raises:
            DataError: it does not fit, or is as many pieces to no two inputs.
        """
        found = self._each(value, key, lambda kind, given, shape: kind.pieces(given, shape))
        if len({len(codes) for codes in found.values()}) > 1:
            counts = " and ".join(f"{len(codes)} for '{plain(name)}'" for name, codes in found.items())
            raise DataError(f"data: {_named(key)} is {counts} pieces; every input needs as many.")
        return found

    def _each(self, value: Any, key: str, how: Callable[[Any, Any, tuple[int, ...]], T]) -> dict[str, T]:
        given = value if isinstance(value, Mapping) else dict.fromkeys(self.meaning.inputs, value)
        named = _named(key)
        encoded = {}
        for name, wanted in self.meaning.inputs.items():
            if name not in given or (len(self.meaning.inputs) > 1 and not isinstance(value, Mapping)):
                raise DataError(f"data: {named} {self._misnamed(value)}.")
            try:
                encoded[name] = how(self.kinds[name], given[name], wanted.shape)
            except ValueError as error:
                raise DataError(f"data: {named} does not fit the input '{name}': {error}.") from error
        return encoded

    def _misnamed(self, value: Any) -> str:
        """Say that a sample's arrays are not called like the inputs."""
        inputs = ", ".join(f"'{plain(name)}'" for name in self.meaning.inputs)
        if not isinstance(value, Mapping):
            return f"is one array, and the model's inputs are {inputs}; give an array for each, by its name"
        given = ", ".join(f"'{plain(name)}'" for name in value)
        return (
            f"has the arrays {given}, and the model's inputs are {inputs}; give each array its input's name"
        )

    def values(self, value: Any, key: str = "") -> dict[str, npt.NDArray[np.float32]]:
        """Give the model values of a sample, by input, without a batch axis."""
        return {name: self.kinds[name].values(found.codes) for name, found in self(value, key).items()}


def _named(key: str) -> str:
    return f"sample {plain(key)}" if key else "a sample"


class Examples:
    """Read examples by position, from any thread.

    Args:
        split: what to read.
        meaning: of the model, whose inputs say how a sample becomes one.
    """

    def __init__(self, split: Split, meaning: Meaning) -> None:
        self._split, self._encode = split, Encoder(meaning)
        self._kept = _KEPT.open(split, meaning)

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, position: int) -> Prepared:
        kept = self._kept.get(position) if self._kept is not None else None
        if kept is not None:
            return kept
        value, boxes, labels = self._split[position]
        encoded = self._encode(value, self._split.samples[position].key)
        codes = {name: found.codes for name, found in encoded.items()}
        prepared = Prepared(codes, {name: found.geometry for name, found in encoded.items()}, boxes, labels)
        if self._kept is not None:
            self._kept[position] = prepared
        return prepared


class _Key(NamedTuple):
    digest: str
    split: str
    inputs: str


class _Kept:
    """Examples of the splits, or parts of splits, read last.

    Where a split is larger than the room, its first parts stay: it is read from front to back every time.
    """

    def __init__(self) -> None:
        self._splits: dict[_Key, dict[int, Prepared]] = {}
        self._lock = threading.Lock()

    def open(self, split: Split, meaning: Meaning) -> dict[int, Prepared] | None:
        """Give where a split's examples are kept; None where they would not fit."""
        inputs = {name: given.to_json() for name, given in meaning.inputs.items()}
        key = _Key(split.digest, split.name, digest.of_json(inputs))
        size = len(split) * sum(math.prod(given.shape) for given in meaning.inputs.values())
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
        every = (prepared for kept in self._splits.values() for prepared in kept.values())
        return sum(codes.nbytes for prepared in every for codes in prepared.codes.values())


_KEPT = _Kept()


def annotated(split: Split) -> Iterator[Annotation]:
    """Give every annotation in order; images are read only where nothing else says what is in them."""

    def annotation(position: int) -> Annotation:
        sample = split.samples[position]
        if sample.path is not None or sample.labels or sample.numbers:
            boxes = np.asarray(sample.boxes, np.float32).reshape(-1, 4)
            return Annotation(boxes, said_of(sample))
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
