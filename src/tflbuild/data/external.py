"""Images from outside the data set, for calibration."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.source import files_of
from tflbuild.vision import image


class ExternalImages(Dataset):
    """Images without annotations: files, or the rows of an `.npz` array `images`."""

    def read(self, sample: Sample) -> Example:
        """Read one image; it has no boxes and no labels.

        Raises:
            DataError: the file cannot be decoded.
        """
        assert sample.path is not None
        path = Path(sample.path)
        pixels = _rows(path)[int(sample.key)] if path.suffix == ".npz" else image.read(path)
        return Example(pixels, np.zeros((0, 4), np.float32), np.zeros((0,), np.int32))


def external_split(source: str, data: Dataset) -> Split:
    """Give the images a source names, as a split.

    Args:
        source: a folder, a glob, a list file or an `.npz`.
        data: the recipe's data set, whose preprocessing applies.

    Raises:
        DataError: it names no image.
    """
    samples: list[Sample] = []
    for path in files_of(source):
        if path.suffix == ".npz":
            sha256 = digest.of_file(path)
            keys = [str(row) for row in range(len(_rows(path)))]
            samples += [Sample(key=key, digest=f"{sha256}/{key}", path=str(path)) for key in keys]
        else:
            samples.append(Sample(key=path.name, digest=digest.of_file(path), path=str(path)))
    reader = ExternalImages(preprocess=data.preprocess)
    return Split(source, reader, Index(classes=(), splits={source: tuple(samples)}))


@cache
def _rows(path: Path) -> Any:
    """Give the array `images` (images, height, width, 3) uint8 of an `.npz`."""
    with np.load(path) as arrays:
        if "images" not in arrays:
            raise DataError(f"calibration.source: {path} has no array 'images'; it has {', '.join(arrays)}.")
        rows = arrays["images"]
    if rows.dtype != np.uint8 or rows.ndim != 4 or rows.shape[3] != 3:
        raise DataError(
            f"calibration.source: 'images' in {path} is {rows.dtype} {rows.shape}; expected raw RGB pixels, uint8 "
            f"(images, height, width, 3): the recipe's preprocess block is applied to them."
        )
    return rows
