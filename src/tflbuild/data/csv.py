"""Photos with a table of their classes, or of boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from tflbuild.core.dataset import Dataset, Dropped, Index, Look, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.layouts import annotated, labelled
from tflbuild.data.layouts.files import FileDataset
from tflbuild.data.layouts.table_files import EXPECTED, found_in
from tflbuild.data.layouts.table_rows import Rows


@dataset("csv")
class Csv(FileDataset):
    """Photos with a table: a file and its class a line, or a file, a box in pixels and its class.

    Columns go by their usual names (filename, path, image_id; class, label; xmin, ymin, xmax, ymax, or a corner with
    width and height, or bbox); without a line of names by what the first line holds, AutoML's tables included, whose
    boxes are fractions. The delimiter is recognised. A table is of the split that its name, its folder or a column
    says. Photos lie beside it, in the root, or in a folder named after the split. A line without a class and a box is
    background. Files that are missing, lines that are no box, a photo with two classes, and photos without a line are
    left out and reported; a table that lacks a column is an error.
    """

    _boxed: ClassVar[bool] = True
    """Whether its tables are of boxes, by the columns when this was made."""

    def __post_init__(self) -> None:
        """Tell the task by the columns; what is wrong with the tables is said when they are listed."""
        try:
            root = self._root()
            found = found_in(root, self.root, []) if self.root.strip() and root.is_dir() else []
        except (OSError, DataError):
            found = []
        boxed = not found or bool(found[0].columns.edges)
        object.__setattr__(self, "_boxed", boxed)
        object.__setattr__(self, "task", "detection" if boxed else "classification")

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Say what the columns were taken for."""
        if self.decided_by() is None:  # as the index says
            return self, ()
        found = found_in(self.folder(EXPECTED), self.root, [])
        what = "boxes" if found[0].columns.edges else "classes"
        return self, tuple(
            {"what": one.split or "table", "value": what, "evidence": f"'{one.name}': {one.columns.evidence}"}
            for one in found
        )

    def index(self, look: Look) -> Index:
        """List the splits, reading every table."""
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        rows = Rows(root, self.root, dropped)
        for found in found_in(root, self.root, dropped):
            rows.read(found)
        build: Any = annotated.assemble if self._boxed else labelled.assemble
        splits = rows.annotated() if self._boxed else rows.labelled()
        index: Index = build(self, splits, look, dropped, _in_order)
        return index


def _in_order(names: Iterable[str]) -> list[str]:
    """Put names in order, numbers by their values."""
    return sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
