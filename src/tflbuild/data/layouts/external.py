"""Images from outside the data set, for calibration."""

from __future__ import annotations

import zipfile
import zlib
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core import array_file
from tflbuild.core.array_file import is_array_name
from tflbuild.core.dataset import Dataset, Example, FileFacts, Index, Look, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.source import files_of, usable
from tflbuild.data.layouts.files import looked_at
from tflbuild.modalities.image import files as image


class ExternalImages(Dataset):
    """Images without annotations: files, or the rows of an array of images."""

    def read(self, sample: Sample) -> Example:
        """Read one image; it has no boxes and no labels.

        Raises:
            DataError: the file cannot be decoded.
        """
        assert sample.path is not None
        path = Path(sample.path)
        try:
            pixels = (
                _rows(path)[int(sample.key)] if is_array_name(path) else image.read(path, self.max_pixels)
            )
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(
                f"calibration.source: {path} was readable when the build began: {error}"
            ) from error
        return Example(pixels, np.zeros((0, 4), np.float32), np.zeros((0,), np.int32))


def external_split(source: str, data: Dataset, look: Look | None = None) -> Split:
    """Give the images a source names, as a split; what is damaged is left out, as planning counted it.

    Args:
        source: a folder, a glob, a list file, an `.npy` or an `.npz`.
        data: the recipe's data set, whose preprocessing and largest image apply.
        look: gives the facts of a file, as planning had them.

    Raises:
        DataError: it names no image.
    """
    found = files_of(source)
    facts = looked_at(found.files, look or partial(_look, data.max_pixels))
    samples: list[Sample] = []
    for position in usable(source, found, facts, "calibration.source")[0]:
        path, sha256 = found.files[position], facts[position].digest
        if is_array_name(path):
            keys = [str(row) for row in range(len(_rows(path)))]
            samples += [Sample(key=key, digest=f"{sha256}/{key}", path=str(path)) for key in keys]
        else:
            samples.append(Sample(key=path.name, digest=sha256, path=str(path)))
    reader = ExternalImages(preprocess=data.preprocess, max_pixels=data.max_pixels)
    return Split(source, reader, Index(classes=(), splits={source: tuple(samples)}))


def _look(max_pixels: int, path: Path) -> FileFacts:
    return array_file.inspect(path, max_pixels) if is_array_name(path) else image.inspect(path, max_pixels)


@cache
def _rows(path: Path) -> Any:
    """Give the array (images, height, width, 3) uint8 of an `.npy`, or of `images` in an `.npz`."""
    held = np.load(path, allow_pickle=False)
    if isinstance(held, np.ndarray):
        return held
    with held:
        return held[array_file.MEMBER]
