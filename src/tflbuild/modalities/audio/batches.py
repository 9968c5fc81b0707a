"""Recordings in endless, augmented batches, for training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.modality import Batch
from tflbuild.modalities.audio.augment import Augment
from tflbuild.modalities.audio.augmentation import piece_of, prepared, varied
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.training_order import Shuffle, ahead

CACHE_BYTES = 1 << 30
"""Bytes of memory that recordings may take, at the rate of the front end."""


def training_batches(
    kind: Audio,
    split: Split,
    augment: Mapping[str, Any],
    shape: tuple[int, ...],
    batch_size: int,
    seed: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Give endless shuffled, augmented batches, prepared ahead in a background thread.

    A batch follows from `seed` and its step alone.

    Args:
        kind: the front end.
        split: the examples.
        augment: what is varied, options of `tflbuild.modalities.audio.augment.Augment`.
        shape: of the input.
        batch_size: examples in a batch.
        seed: decides the shuffles and the augmentation.
        start: step of the first batch given.
    """
    vary = Augment.of(augment)
    shuffle = Shuffle(len(split), seed)
    kept: dict[int, tuple[NDArray[np.float32], Any, Any]] = {}
    room = CACHE_BYTES

    def example(position: int) -> tuple[NDArray[np.float32], Any, Any]:
        if position in kept:
            return kept[position]
        value, boxes, labels = split[position]
        try:
            made = prepared(vary, kind.fitted(kind.recording(value)), kind), boxes, labels
        except ValueError as error:
            raise DataError(f"data: {split.samples[position].key}: {error}.") from error
        nonlocal room
        if made[0].nbytes <= room:
            room -= made[0].nbytes
            kept[position] = made
        return made

    make = piece_of if kind.several() else varied

    def prepare(step: int) -> Batch:
        rng = np.random.Generator(np.random.PCG64([seed, 1, step]))
        slots = range(step * batch_size, (step + 1) * batch_size)
        taken = [example(shuffle.position(slot)) for slot in slots]
        codes = [make(vary, samples, kind, rng).reshape(shape) for samples, _, _ in taken]
        return Batch(np.stack(codes), [boxes for _, boxes, _ in taken], [labels for _, _, labels in taken])

    return ahead(prepare, start)
