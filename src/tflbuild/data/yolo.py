"""Detection data in YOLO's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tflbuild.core.dataset import Dataset, Dropped, Index, Look, dataset
from tflbuild.data.layouts.annotated import assemble
from tflbuild.data.layouts.files import FileDataset
from tflbuild.data.layouts.yolo_files import EXPECTED, found_in
from tflbuild.data.layouts.yolo_labels import Labels


@dataset("yolo")
class Yolo(FileDataset):
    """Photos with a text of labels each: a line is a class number and a box in 0..1, or the points of a polygon.

    `data.yaml` (Ultralytics, Roboflow) or `obj.data` (darknet, CVAT) says which photos are which split, and what
    classes are called; without it folders named like splits do, and `obj.names`, `classes.txt` or `_darknet.labels`.
    Labels lie in `labels/` for photos in `images/`, or beside them. A path that was written on another machine is found
    by its end, and said; one that leads nowhere, or out of the root, is an error. A photo with an empty label file is
    background. One without a label file is so, too, where no label file is empty and at most a tenth of the photos have
    none; else it is left out. Lines that are no box, or have numbers outside 0..1, are left out and reported by file
    and line; where half of the lines are so, it is an error. All classes that are listed count, in their order.
    """

    task = "detection"

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Say where classes and splits were found."""
        if self.decided_by() is None:  # as the index says
            return self, ()
        return self, found_in(self.folder(EXPECTED), self.root, []).said

    def index(self, look: Look) -> Index:
        """List the splits, reading every label file."""
        dropped: list[Dropped] = []
        root = self.folder(EXPECTED)
        found = found_in(root, self.root, dropped)
        splits = Labels(root, found, dropped).annotated()
        declared = found.classes.ordered() if found.classes else ()
        return assemble(self, splits, look, dropped, order=_by_number, declared=declared)


def _by_number(names: Iterable[str]) -> list[str]:
    """Put classes that are called by their numbers in order."""
    return sorted(names, key=int)
