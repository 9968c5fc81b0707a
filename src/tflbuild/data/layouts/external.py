"""Samples from outside the data set, for calibration."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core import array_file
from tflbuild.core.array_file import is_array_name
from tflbuild.core.dataset import Dataset, Example, FileFacts, Index, Look, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.modality import MODALITIES
from tflbuild.core.source import files_of, usable
from tflbuild.data.layouts.files import looked_at
from tflbuild.modalities import row_files
from tflbuild.modalities.audio import files as audio
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
                f"calibration.source: {path} was readable when the build started, but is not now: {error}"
            ) from error
        return Example(pixels, np.zeros((0, 4), np.float32), np.zeros((0,), np.int32))


class ExternalRows(Dataset):
    """Samples without labels: the rows of arrays of numbers, by the names of the inputs."""

    modality = "vector"

    def read(self, sample: Sample) -> Example:
        """Read one row, or a mapping of the inputs' names to one each; it has no labels.

        Raises:
            DataError: the file cannot be read.
        """
        assert sample.path is not None
        path = Path(sample.path)
        try:
            value = row_files.row_of(_inputs(path), int(sample.key))
        except (OSError, ValueError, LookupError) as error:
            raise DataError(
                f"calibration.source: {path} was readable when the build started, but is not now: {error}"
            ) from error
        return Example(value, np.zeros((0, 4), np.float32), np.zeros((0,), np.int32))


class ExternalRecordings(Dataset):
    """Recordings without labels."""

    modality = "audio"

    def read(self, sample: Sample) -> Example:
        """Read one recording; it has no label.

        Raises:
            DataError: the file cannot be read.
        """
        try:
            value = audio.read(str(sample.path))
        except (OSError, ValueError) as error:
            raise DataError(
                f"calibration.source: {sample.path} was readable when the build started, but is not now: {error}"
            ) from error
        return Example(value, np.zeros((0, 4), np.float32), np.zeros((0,), np.int32))


READERS: Mapping[str, tuple[type[Dataset], Callable[..., FileFacts]]] = {
    "audio": (ExternalRecordings, audio.inspect),
    "image": (ExternalImages, image.inspect),
    "vector": (ExternalRows, row_files.inspect),
}
"""Readers of the samples of a modality, and of the facts of a file of them."""


def external_split(source: str, data: Dataset, look: Look | None = None) -> Split:
    """Give the samples a source names, as a split; what is damaged is left out, as planning counted it.

    Args:
        source: a folder, a glob, a list file, an `.npy` or an `.npz`.
        data: the recipe's data set, whose modality, preprocessing and largest image apply.
        look: gives the facts of a file, as planning had them.

    Raises:
        DataError: it names no sample.
    """
    numbers, modality = data.modality == ExternalRows.modality, MODALITIES.get(data.modality)
    kind, inspect = READERS.get(data.modality, READERS["image"])
    noun = modality.file
    found = files_of(source, noun=noun, suffixes=modality.suffixes)
    facts = looked_at(found.files, look or partial(inspect, max_pixels=data.max_pixels))
    samples: list[Sample] = []
    for position in usable(source, found, facts, "calibration.source", noun)[0]:
        path, sha256 = found.files[position], facts[position].digest
        if numbers or (data.modality == "image" and is_array_name(path)):
            count = len(next(iter(_inputs(path).values()))) if numbers else len(_rows(path))
            keys = map(str, range(count))
            samples += [Sample(key=key, digest=f"{sha256}/{key}", path=str(path)) for key in keys]
        else:
            samples.append(Sample(key=path.name, digest=sha256, path=str(path)))
    reader = kind(preprocess=data.preprocess, max_pixels=data.max_pixels)
    return Split(source, reader, Index(classes=(), splits={source: tuple(samples)}))


def _inputs(path: Path) -> dict[str, Any]:
    """Give the arrays of a file that go in, of train where names say splits."""
    arrays = row_files.read(path)
    return {name: arrays[array] for name, array in row_files.laid_out(path).parts["train"].inputs.items()}


@cache
def _rows(path: Path) -> Any:
    """Give the array (images, height, width, 3) uint8 of an `.npy`, or of `images` in an `.npz`."""
    held = np.load(path, allow_pickle=False)
    if isinstance(held, np.ndarray):
        return held
    with held:
        return held[array_file.MEMBER]
