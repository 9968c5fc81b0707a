"""Arrays of numbers or of pictures in a file of NumPy's, a row for each sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tflbuild.core import digest
from tflbuild.core.array_layout import ArrayLayout, Part
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.shares import DrawnDataset
from tflbuild.data.layouts.usual_pictures import USUAL, changed
from tflbuild.modalities import row_files

EXPECTED = "an .npz or .npy with arrays that have a row for each sample"

MOST_CLASSES = 1 << 17
"""Largest number of classes that labels may count."""


class _Row(NamedTuple):
    """One sample: its split in the file and its number there, what its inputs hold, and its class."""

    key: str
    digest: str
    label: int | None


@dataset("arrays")
class Arrays(DrawnDataset):
    """The arrays of an `.npz`, or the one of an `.npy`: a row is a sample, an array goes to the input of its name.

    One array alone goes to the one input, whatever it is called. Whole numbers called `labels`, `y`, `label` or
    `targets`, one a row, make it a set for classification; without labels a model is held to its own base. Arrays
    named like splits (`x_train`, `train_images`, `y_test`, ...) are those splits; others are parts of train, drawn by
    content. An array uint8 (n, height, width), or with 1 or 3 channels behind, holds pictures. Rows of train that val
    or test hold too are left out and reported; a value that is not finite is an error.
    """

    labels: str | None = None
    """The array that holds the labels, without the name of a split. null: the one called labels, y, label or
    targets."""
    classes: tuple[str, ...] | None = None
    """Names of the classes, by label. null: "0", "1", ..."""

    _arranged: ClassVar[ArrayLayout | None] = None
    """Its arrays, by the headers of the file when this was made."""

    def __post_init__(self) -> None:
        """Tell task and modality by the headers of the file; what is wrong with it is said when it is listed."""
        try:
            layout = row_files.laid_out(self._root(), self.labels) if self.root.strip() else None
        except (OSError, ValueError):
            layout = None
        labelled = layout is not None and bool(layout.parts["train"].labels)
        object.__setattr__(self, "_arranged", layout)
        object.__setattr__(self, "task", "classification" if labelled else "unlabelled")
        object.__setattr__(self, "modality", "image" if layout is not None and layout.pictures else "vector")

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Leave out what only pictures have where these are numbers, and say what was recognised.

        Raises:
            DataError: an option of pictures is set for numbers.
        """
        layout = self._layout()
        kept = self
        if self.modality != "image":
            for block, usual in USUAL.items():
                if said := changed(getattr(self, block), usual, f"data.{block}"):
                    raise DataError(
                        f"{said}: this option is for pictures, but '{plain(self.root)}' contains numbers."
                    )
            kept = replace(self, preprocess={}, augment={})
        return kept, tuple(_evidence(layout))

    def index(self, look: Look) -> Index:
        """List the splits by the content of the rows.

        Raises:
            DataError: the file is missing, broken or ambiguous, or a split would end empty.
        """
        layout = self._layout()
        try:
            given = self._rows(layout, row_files.read(self._root()))
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        dropped = list(layout.left_out)
        splits = self.drawn(given, lambda row: row.digest, lambda row: row.key, "row", dropped)
        samples = {
            split: tuple(_sample(row, str(self._root())) for row in rows) for split, rows in splits.items()
        }
        return Index(classes=self._classes(layout, given), splits=samples, dropped=tuple(dropped))

    def _layout(self) -> ArrayLayout:
        """Tell what the arrays are.

        Raises:
            DataError: the file is missing or broken, or its arrays are no samples.
        """
        path = self.place(EXPECTED)
        if os.path.isdir(path):
            raise DataError(f"data.root: '{plain(self.root)}' is a folder; expected {EXPECTED}.")
        try:
            return row_files.laid_out(path, self.labels)
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError | ValueError) -> DataError:
        reason = f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        return DataError(f"data.root: '{plain(self.root)}' {reason}.")

    def decided_by(self) -> Path | None:
        """Name the file, if it is there."""
        root = self._root()
        return root if self.root.strip() and os.path.isfile(root) else None

    def read(self, sample: Sample) -> Example:
        """Give one row; a mapping of the inputs' names to one each where there are several."""
        import numpy as np

        split, _, number = sample.key.rpartition("/")
        try:
            part = (self._arranged.parts if self._arranged else {})[split or "train"]
            value = _inputs(part, row_files.read(self._root()), int(number))
        except (OSError, ValueError, LookupError) as error:
            reason = "it holds other arrays" if isinstance(error, LookupError) else error
            raise DataError(
                f"data.root: '{plain(self.root)}' was readable when the build started, but is not now: {reason}"
            ) from error
        if self.modality == "image":
            value = row_files.as_pictures(value)
        return Example(value, np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32))

    def _rows(self, layout: ArrayLayout, arrays: Mapping[str, Any]) -> dict[str, list[_Row]]:
        """Name the rows of every split that the file gives by their content."""
        given = {}
        for split, part in layout.parts.items():
            for name in part.inputs.values():
                self._check(name, arrays[name], layout.pictures)
            labels = _whole(part.labels, arrays[part.labels]) if part.labels else [None] * part.rows
            digests = row_files.row_digests({name: arrays[array] for name, array in part.inputs.items()})
            prefix = f"{split}/" if len(layout.parts) > 1 else ""
            given[split] = [
                _Row(f"{prefix}{row:05d}", sha256, label)
                for row, (sha256, label) in enumerate(zip(digests, labels, strict=True))
            ]
        return given

    def _check(self, name: str, values: Any, pictures: bool) -> None:
        row_files.check_finite(name, values)
        if pictures and values.shape[1] * values.shape[2] > self.max_pixels:
            raise ValueError(
                f"has pictures of {values.shape[2]} x {values.shape[1]} pixels in '{plain(name)}', more than "
                f"data.max_pixels={self.max_pixels}"
            )

    def _classes(self, layout: ArrayLayout, given: Mapping[str, list[_Row]]) -> tuple[str, ...]:
        """Give the classes by label.

        Raises:
            DataError: they are named otherwise than the labels count.
        """
        labels = [row.label for rows in given.values() for row in rows if row.label is not None]
        if not labels:
            if self.classes is not None:
                raise DataError(f"data.classes: '{plain(self.root)}' has no array of labels.")
            return ()
        array = plain(layout.parts["train"].labels)
        if self.classes is None:
            if max(labels) < 1:
                raise DataError(f"data.root: '{plain(self.root)}' has only the label 0 in '{array}'.")
            return tuple(map(str, range(max(labels) + 1)))
        named, most = len(set(self.classes)), max(labels)
        if named < len(self.classes) or most >= named:
            raise DataError(
                f"data.classes: {named} different names for the labels 0 to {most} of '{array}' in "
                f"'{plain(self.root)}'; name each class once, by its label."
            )
        return self.classes


def _inputs(part: Part, arrays: Mapping[str, Any], row: int) -> Any:
    return row_files.row_of({name: arrays[array] for name, array in part.inputs.items()}, row)


def _whole(name: str, values: Any) -> list[int]:
    """Give class numbers as they are.

    Raises:
        ValueError: one is negative or too large; the message completes "FILE ".
    """
    labels: list[int] = values.reshape(-1).tolist()
    for row, label in enumerate(labels):
        if not 0 <= label < MOST_CLASSES:
            raise ValueError(
                f"has the label {label} in row {row} of '{plain(name)}'; expected 0 to {MOST_CLASSES - 1}"
            )
    return labels


def _sample(row: _Row, path: str) -> Sample:
    if row.label is None:
        return Sample(key=row.key, digest=row.digest, path=path)
    content = digest.of_bytes(f'["{row.digest}",{row.label}]'.encode())
    return Sample(key=row.key, digest=content, path=path, labels=(row.label,))


def _evidence(layout: ArrayLayout) -> Iterator[Mapping[str, str]]:
    """Say what the arrays were taken for."""
    part = layout.parts["train"]
    names = ", ".join(f"'{plain(name, 60)}'" for name in part.inputs.values())
    if layout.pictures:
        said = "bytes by height and width, with 1 or 3 channels or none"
        yield {"what": "samples", "value": "pictures", "evidence": f"{names} holds {said}"}
    else:
        yield {"what": "samples", "value": "numbers", "evidence": f"{names}, a row for each"}
    if len(layout.parts) > 1:
        every = [name for part in layout.parts.values() for name in part.inputs.values()]
        said = f"arrays are named {', '.join(plain(name, 60) for name in every)}"
        yield {"what": "splits", "value": ", ".join(layout.parts), "evidence": said}
    if part.labels:
        said = f"'{plain(part.labels, 60)}' holds whole numbers, one per row"
        yield {"what": "labels", "value": "classes", "evidence": said}
