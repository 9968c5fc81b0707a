"""Arrays of a file of NumPy's, one of which holds the numbers that are to be told from the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tflbuild.core import digest
from tflbuild.core.array_file import Held, described
from tflbuild.core.array_layout import LABELS, ArrayLayout, arranged, parted
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.shares import DrawnDataset
from tflbuild.data.layouts.usual_pictures import USUAL, changed
from tflbuild.modalities import row_files

EXPECTED = "an .npz with arrays that have a row for each sample, one of them of the values"

USUAL_NAMES = ("values", *LABELS)
"""Names of the array of values where nobody says which it is, in any case."""


class _Layout(NamedTuple):
    """The arrays that go in, and by split the one of values."""

    inputs: ArrayLayout
    values: Mapping[str, str]


class _Row(NamedTuple):
    key: str
    digest: str
    values: tuple[float, ...]


@dataset("array_values")
class ArrayValues(DrawnDataset):
    """The arrays of an `.npz`, a row for each sample, for regression: one holds a number a row, or several.

    The others go to the inputs of their names, as for `arrays`; uint8 (n, height, width) with 1 or 3 channels behind,
    or none, holds pictures. Arrays named like splits (`x_train`, `y_test`, ...) are those splits; others are parts of
    train, drawn by content. Values that are no finite numbers, or the same in every row of train, are errors.
    """

    task = "regression"

    values: str | None = None
    """The array of the values, without the name of a split. null: the one called values, y, label, labels or
    targets."""
    columns: tuple[str, ...] | None = None
    """Names of the values, in the order of its columns. null: `value`, or `value_0`, `value_1`, ..."""

    _arranged: ClassVar[_Layout | None] = None
    """Its arrays, by the headers of the file when this was made."""

    def __post_init__(self) -> None:
        """Tell the modality by the headers of the file; what is wrong with it is said when it is listed."""
        try:
            layout = self._laid_out(self._root()) if self.root.strip() else None
        except (OSError, ValueError):
            layout = None
        object.__setattr__(self, "_arranged", layout)
        pictures = layout is not None and layout.inputs.pictures
        object.__setattr__(self, "modality", "image" if pictures else "vector")

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Leave out what only pictures have where these are numbers.

        Raises:
            DataError: an option of pictures is set for numbers.
        """
        if self.decided_by() is None:  # as the index says
            return self, ()
        layout, kept = self._layout(), self
        said = f"'{plain(layout.values['train'], 60)}' holds the values of each row"
        evidence = ({"what": "values", "value": "numbers", "evidence": said},)
        if self.modality == "image":
            return kept, evidence
        own = {**USUAL, "augment": {**USUAL["augment"], "flip": False}}
        for block, usual in own.items():
            given = dict(getattr(self, block))
            if block == "augment":
                given.pop("crop", None)
            if fault := changed(given, usual, f"data.{block}"):
                raise DataError(
                    f"{fault}: this option is for pictures, but '{plain(self.root)}' contains numbers."
                )
        return replace(self, preprocess={}, augment={}), evidence

    def index(self, look: Look) -> Index:
        """List the splits by the content of the rows.

        Raises:
            DataError: the file is missing, broken or ambiguous, values are no numbers, or a split would end empty.
        """
        layout = self._layout()
        try:
            given = self._rows(layout, row_files.read(self._root()))
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        dropped = list(layout.inputs.left_out)
        splits = self.drawn(given, lambda row: row.digest, lambda row: row.key, "row", dropped)
        names = self._names(len(splits["train"][0].values))
        for place, name in enumerate(names):
            if len({row.values[place] for row in splits["train"]}) == 1:
                raise DataError(
                    f"data.values: '{plain(name)}' is {splits['train'][0].values[place]:g} in every row of train, so "
                    f"that nothing can be learnt of it."
                )
        path = str(self._root())
        samples = {split: tuple(_sample(row, path) for row in rows) for split, rows in splits.items()}
        return Index(classes=names, splits=samples, dropped=tuple(dropped))

    def read(self, sample: Sample) -> Example:
        """Give one row with its values."""
        import numpy as np

        from tflbuild.tasks.labels import said_of

        split, _, number = sample.key.rpartition("/")
        try:
            assert self._arranged is not None
            part = self._arranged.inputs.parts[split or "train"]
            arrays = row_files.read(self._root())
            value = row_files.row_of(
                {name: arrays[array] for name, array in part.inputs.items()}, int(number)
            )
        except (OSError, ValueError, LookupError) as error:
            reason = "it holds other arrays" if isinstance(error, LookupError) else error
            raise DataError(
                f"data.root: '{plain(self.root)}' was readable when the build started, but is not now: {reason}"
            ) from error
        if self.modality == "image":
            value = row_files.as_pictures(value)
        return Example(value, np.zeros((0, 4), np.float32), said_of(sample))

    def decided_by(self) -> Path | None:
        """Name the file, if it is there."""
        root = self._root()
        return root if self.root.strip() and os.path.isfile(root) else None

    def _layout(self) -> _Layout:
        path = self.place(EXPECTED)
        if os.path.isdir(path):
            raise DataError(f"data.root: '{plain(self.root)}' is a folder; expected {EXPECTED}.")
        try:
            return self._laid_out(path)
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error

    def _laid_out(self, path: Path) -> _Layout:
        """Tell what the arrays are.

        Raises:
            OSError: the file cannot be read.
            ValueError: it has no values, or its arrays are no samples; the message completes "FILE ".
        """
        held = described(path)
        by_rest = {name: parted(name) for name in held}
        usual = [self.values] if self.values else list(USUAL_NAMES)
        found = {
            name: split
            for name, (split, rest) in by_rest.items()
            if (rest if self.values else rest.lower()) in usual
        }
        rests = {by_rest[name][1] for name in found}
        if len(rests) != 1:
            there = ", ".join(f"'{plain(name, 40)}'" for name in held)
            why = (
                f"no array '{plain(self.values, 40)}'"
                if self.values
                else "several arrays"
                if rests
                else "no array"
            )
            raise ValueError(f"has {why} of values among {there}; name it y, or say it with data.values")
        inputs = arranged({name: one for name, one in held.items() if name not in found})
        values = {split or "train": name for name, split in found.items()}
        for split, part in inputs.parts.items():
            if split not in values:
                raise ValueError(
                    f"has no values for {split}; expected '{plain(rests.pop(), 40)}' of {split}, too"
                )
            _check(values[split], held[values[split]], part.rows, next(iter(part.inputs.values())))
        return _Layout(inputs, values)

    def _unusable(self, error: OSError | ValueError) -> DataError:
        reason = f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        return DataError(f"data.root: '{plain(self.root)}' {reason}.")

    def _rows(self, layout: _Layout, arrays: Mapping[str, Any]) -> dict[str, list[_Row]]:
        """Name the rows of every split by their content."""
        given = {}
        for split, part in layout.inputs.parts.items():
            for name in (*part.inputs.values(), layout.values[split]):
                row_files.check_finite(name, arrays[name])
            values = arrays[layout.values[split]].reshape(part.rows, -1).astype("float64").tolist()
            digests = row_files.row_digests({name: arrays[array] for name, array in part.inputs.items()})
            prefix = f"{split}/" if len(layout.inputs.parts) > 1 else ""
            given[split] = [
                _Row(f"{prefix}{row:05d}", sha256, tuple(said))
                for row, (sha256, said) in enumerate(zip(digests, values, strict=True))
            ]
        return given

    def _names(self, count: int) -> tuple[str, ...]:
        if self.columns is None:
            return ("value",) if count == 1 else tuple(f"value_{place}" for place in range(count))
        if len(set(self.columns)) != count or len(self.columns) != count:
            raise DataError(
                f"data.columns: {len(set(self.columns))} different names for {count} values of '{plain(self.root)}'; "
                f"name each once."
            )
        return self.columns


def _check(name: str, held: Held, rows: int, beside: str) -> None:
    """Hold an array of values to be numbers, as many rows of them as there are samples.

    Raises:
        ValueError: it is not; the message completes "FILE ".
    """
    if not held.is_numbers or not 1 <= len(held.shape) <= 2 or 0 in held.shape:
        raise ValueError(f"has values '{plain(name, 40)}' of {held}; expected a number a row, or several")
    if held.shape[0] != rows:
        raise ValueError(
            f"has {held.shape[0]} rows in '{plain(name, 40)}' and {rows} in '{plain(beside, 40)}'; expected as many in "
            f"each, one per sample"
        )


def _sample(row: _Row, path: str) -> Sample:
    content = digest.of_json([row.digest, row.values])
    return Sample(key=row.key, digest=content, path=path, numbers=row.values)
