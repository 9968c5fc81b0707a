"""Files of arrays with a row for each sample: reading them, finding what is wrong with them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.array_file import BROKEN, LONGEST_HEADER, ZIP, described
from tflbuild.core.array_layout import ArrayLayout, arranged
from tflbuild.core.dataset import FileFacts
from tflbuild.core.plain_text import plain

Arrays = Mapping[str, Any]
"""Arrays of numbers by their names in a file."""


def inspect(path: Path, max_pixels: int = 0) -> FileFacts:
    """Give a file's SHA-256, and why its rows cannot be used ("" if they can).

    Args:
        path: the file.
        max_pixels: of a picture, which rows of numbers are not.
    """
    try:
        layout = laid_out(path)
        arrays = read(path)
        for array in layout.parts["train"].inputs.values():
            check_finite(array, arrays[array])
    except OSError as error:
        return FileFacts("", error.strerror or str(error))
    except ValueError as error:
        return FileFacts(digest.of_file(path), str(error))
    return FileFacts(digest.of_file(path), "")


def laid_out(path: Path, labels: str | None = None) -> ArrayLayout:
    """Tell what the arrays of a file are, by their headers.

    Args:
        path: the file.
        labels: the name of the array of labels; None to recognise it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or its arrays are no samples; the message completes "FILE ".
    """
    return arranged(described(path), labels)


def read(path: Path) -> Arrays:
    """Read the arrays of numbers in a file; remembers the one that was read last.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or damaged; the message completes "FILE ".
    """
    status = os.stat(path)
    return _read(path, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@lru_cache(maxsize=1)
def _read(path: Path, stamp: tuple[int, ...]) -> Arrays:
    found = {}
    for name, held in described(path).items():
        try:
            if held.is_numbers:
                found[name] = _array(path, name)
        except BROKEN as error:
            if isinstance(error, OSError) and error.strerror:
                raise
            said = plain(str(error) or type(error).__name__)
            raise ValueError(f"has the array '{plain(name, 60)}', which does not unpack: {said}") from error
    return found


def _array(path: Path, name: str) -> Any:
    import numpy as np

    with path.open("rb") as file:
        packed = file.read(len(ZIP)) == ZIP
        file.seek(0)
        if not packed:
            return np.lib.format.read_array(file, allow_pickle=False, max_header_size=LONGEST_HEADER)
        with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
            return np.lib.format.read_array(member, allow_pickle=False, max_header_size=LONGEST_HEADER)


def check_finite(name: str, values: Any) -> None:
    """Refuse values that are no finite numbers.

    Raises:
        ValueError: there is one; the message completes "FILE ".
    """
    import numpy as np

    if values.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32, copy=False)).reshape(len(values), -1)
    bad = ~finite.all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        value = values[row].ravel()[finite[row].argmin()]
        where = f"in row {row} of '{plain(name, 60)}'"
        raise ValueError(
            f"has {value} {where}, which is not a finite float32; {bad.sum()} of {len(bad)} rows have such values"
        )


def row_digests(inputs: Mapping[str, Any]) -> list[str]:
    """Give the SHA-256 of each row of arrays together: their names, types and shapes, and the bytes.

    Args:
        inputs: by name, arrays of as many rows; the name of one alone makes no difference.
    """
    import numpy as np

    names = sorted(inputs)
    form = [
        [name if len(names) > 1 else "", inputs[name].dtype.str, list(inputs[name].shape[1:])]
        for name in names
    ]
    head = digest.canonical_json(form).encode()
    flat = [np.ascontiguousarray(inputs[name]).reshape(len(inputs[name]), -1) for name in names]
    return [
        digest.of_bytes(b"".join([head, *(part.tobytes() for part in row)]))
        for row in zip(*flat, strict=True)
    ]


def row_of(inputs: Mapping[str, Any], row: int) -> Any:
    """Give one sample: its row of every input by name, or the row alone where there is one input."""
    rows = {name: values[row] for name, values in inputs.items()}
    return next(iter(rows.values())) if len(rows) == 1 else rows


def as_pictures(value: Any) -> Any:
    """Give a sample of pictures, one or one for each input, as (rows, columns, 3) uint8 RGB; greys are repeated."""
    import numpy as np

    if isinstance(value, Mapping):
        return {name: as_pictures(part) for name, part in value.items()}
    grey = value[..., None] if value.ndim == 2 else value
    return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey
