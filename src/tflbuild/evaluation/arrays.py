"""Predictions of a model on a split, and the truth, as arrays in `.npz` files; metrics are made of these.

Detection predictions: `boxes` (detections, 4) float32 ymin, xmin, ymax, xmax in 0..1 of the original image,
`classes` (detections,) int32, `scores` (detections,) float32, `offsets` (images + 1,) int64: image k has rows
`offsets[k]` to `offsets[k + 1]`. Truth: `boxes`, `labels`, `offsets` likewise, and `names` (classes,) str.
Classification predictions: `scores` (images, classes) float32. Truth: `labels` (images,) int32 and `names`.

Classes are the data's, by index; a model whose labels differ is matched by class name. `missing` names
the classes that the model does not know: it never finds them, which counts against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

OF_THE_SPLIT = ("names", "missing", "of_split_")
"""Beginnings of the names of arrays that have no rows for samples."""


def store(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write arrays to an `.npz` file; the same arrays give the same bytes."""
    with path.open("wb") as file:  # a path would be given another suffix
        np.savez(file, allow_pickle=False, **dict(sorted(arrays.items())))


def load(path: Path) -> Arrays:
    """Read what `store` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def merge(parts: Sequence[Path], out: Path) -> None:
    """Join files of neighbouring images, in order; gives the bytes of a file that was written in one go."""
    loaded = [load(part) for part in parts]
    store({name: _joined(name, [arrays[name] for arrays in loaded]) for name in loaded[0]}, out)


def offsets_of(counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """Give `offsets` for so many rows of each image."""
    return np.cumsum([0, *counts], dtype=np.int64)


def _joined(name: str, arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if name.startswith(OF_THE_SPLIT):
        return arrays[0]
    if name == "offsets":
        return offsets_of([int(count) for offsets in arrays for count in np.diff(offsets)])
    return np.concatenate(arrays)
