"""Numbers in endless shuffled batches, for training; nothing varies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.modality import Batch
from tflbuild.modalities.training_order import Shuffle, ahead
from tflbuild.modalities.vector import Vector


def training_batches(
    kind: Vector,
    split: Split,
    augment: Mapping[str, Any],
    shape: tuple[int, ...],
    batch_size: int,
    seed: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Give endless shuffled batches; a batch follows from `seed` and its step alone.

    Args:
        kind: the modality.
        split: the examples.
        augment: has no options.
        shape: of the input.
        batch_size: examples in a batch.
        seed: decides the shuffles.
        start: step of the first batch given.
    """
    shuffle = Shuffle(len(split), seed)

    def prepare(step: int) -> Batch:
        slots = range(step * batch_size, (step + 1) * batch_size)
        taken = [_example(kind, split, shuffle.position(slot), shape) for slot in slots]
        codes, boxes, labels = (list(column) for column in zip(*taken, strict=True))
        return Batch(np.stack(codes), boxes, labels)

    return ahead(prepare, start)


def _example(kind: Vector, split: Split, place: int, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    value, boxes, labels = split[place]
    try:
        return kind.encode(value, shape).codes, boxes, labels
    except ValueError as error:
        raise DataError(
            f"data: sample {split.samples[place].key} does not fit the input: {error}."
        ) from error
