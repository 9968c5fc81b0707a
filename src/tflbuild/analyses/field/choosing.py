"""Choose the samples that are compared: of training and of the field, none of both."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Index, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain


class Chosen(NamedTuple):
    """The samples that are compared, and what is to be said of their choice."""

    train: Split
    field: Split
    notes: tuple[str, ...]


def chosen(train: Split, field: Split, count: int, seed: int) -> Chosen:
    """Choose samples of both sources, in order; what is a training sample is none from the field.

    Args:
        train: training samples.
        field: those of the field.
        count: of each, at most.
        seed: of the choice.

    Raises:
        DataError: one of them is empty, or every field sample is a training sample.
    """
    if not train.samples:
        raise DataError("data.train has no samples to compare field samples with.")
    known = _Known(train.samples)
    own = [sample for sample in field.samples if not known.holds(sample)]
    if not own:
        raise DataError(
            f"field.source: all {len(field.samples)} samples of '{plain(field.name)}' are training samples, which "
            f"cannot have drifted; name samples from the field."
        )
    notes = []
    if len(own) < len(field.samples):
        shared = len(field.samples) - len(own)
        itself = "; is this the folder of the training data itself?" if shared >= len(train.samples) else ""
        notes.append(
            f"{shared} of the {len(field.samples)} field samples are training samples and are skipped{itself}"
        )
    return Chosen(_some(train, train.samples, count, seed), _some(field, own, count, seed), tuple(notes))


def _some(split: Split, samples: Sequence[Sample], count: int, seed: int) -> Split:
    places = sorted(random.Random(seed).sample(range(len(samples)), min(count, len(samples))))
    some = {split.name: tuple(samples[place] for place in places)}
    return Split(split.name, split.dataset, Index(classes=split.classes, splits=some))


class _Known:
    """Files of training samples, known by their place on disk and by their content.

    Args:
        samples: of training.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._places: set[tuple[int, int]] = set()
        self._sizes: dict[int, list[str]] = {}
        for path in {sample.path for sample in samples if sample.path}:
            stat = os.stat(path)
            self._places.add((stat.st_dev, stat.st_ino))
            self._sizes.setdefault(stat.st_size, []).append(path)
        self._digests: dict[str, str] = {}

    def holds(self, sample: Sample) -> bool:
        """Say whether a sample is in one of the files."""
        if sample.path is None:
            return False
        stat = os.stat(sample.path)
        if (stat.st_dev, stat.st_ino) in self._places:
            return True
        alike = self._sizes.get(stat.st_size, [])
        return bool(alike) and self._digest(sample.path) in map(self._digest, alike)

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = digest.of_file(Path(path))
        return self._digests[path]
