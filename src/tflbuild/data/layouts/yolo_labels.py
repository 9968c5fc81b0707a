"""Read labels in YOLO's form: a text a photo, a line an object."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.yolo_files import Found, label_of

MOST_BYTES = 1 << 24
SLACK = 0.001
"""How far a number may lie outside 0..1: what rounding leaves."""

MOST_BACKGROUND = 0.1
"""Share of photos without a label file up to which they are background: as many as Ultralytics advises to add.

References:
    Ultralytics, Tips for Best Training Results: "0-10% background images to help reduce FPs".
"""

LINE = re.compile(r"\d+(?:\.0*)?(?:\s+[-+.\deE]+){4,}\s*")

Edges = tuple[float, float, float, float]


class Labels:
    """The labels of a folder; what is wrong with them goes to `dropped`.

    Args:
        root: the data set's folder.
        found: what lies there.
        dropped: grows.
    """

    def __init__(self, root: Path, found: Found, dropped: list[Dropped]) -> None:
        self._root, self._found, self._dropped = root, found, dropped
        self._names: Mapping[int, str] | None = found.classes.names if found.classes else None
        self._lines = 0
        self._outside: list[str] = []
        self._used: set[str] = set()

    def annotated(self) -> dict[str, list[Annotated]]:
        """Give every photo with its boxes, by split.

        Raises:
            DataError: half of all lines have numbers outside 0..1.
        """
        of = self._without_shared(
            {
                photo: label_of(photo, self._found.texts)
                for photos in self._found.photos.values()
                for photo in photos
            }
        )
        empty = {photo for photo, label in of.items() if label is not None and self._is_empty(label)}
        lacking = [photo for photo, label in of.items() if label is None]
        background = self._background(lacking, len(of), bool(empty))
        splits = {
            split: [
                self._image(photo, of[photo])
                for photo in photos
                if of.get(photo) or (photo in of and background)
            ]
            for split, photos in self._found.photos.items()
        }
        self._refuse_outside()
        self._dropped += [Dropped(text, "labels without a photo") for text in self._lonely()]
        return splits

    def _without_shared(self, of: dict[str, str | None]) -> dict[str, str | None]:
        """Leave out photos that share a label file, such as a.jpg and a.png: whose it is cannot be told."""
        sharing: dict[str, list[str]] = {}
        for photo, label in of.items():
            if label is not None:
                sharing.setdefault(label, []).append(photo)
        shared = {label: photos for label, photos in sharing.items() if len(photos) > 1}
        for label, photos in shared.items():
            self._dropped.append(Dropped(label, f"is of several photos, {', '.join(photos[:3])}: left out"))
        return {photo: label for photo, label in of.items() if label not in shared}

    def _background(self, lacking: Sequence[str], total: int, empty: bool) -> bool:
        """Tell whether photos without a label file are background, and say so."""
        if not lacking:
            return False
        few = len(lacking) <= MOST_BACKGROUND * total
        if few and not empty:
            why = f"{len(lacking)} of {total} photos have none, and no label file is empty"
            self._dropped += [
                Dropped(photo, f"photo without a label file: used as background, since {why}")
                for photo in lacking
            ]
            return True
        why = (
            "background has an empty label file here"
            if empty
            else f"{len(lacking)} of {total} photos have none"
        )
        self._dropped += [
            Dropped(photo, f"photo without a label file: left out, since {why}") for photo in lacking
        ]
        return False

    def _is_empty(self, label: str) -> bool:
        return (self._root / label).stat().st_size == 0 if (self._root / label).exists() else False

    def _image(self, photo: str, label: str | None) -> Annotated:
        boxes = () if label is None else tuple(self._boxes(label))
        return Annotated(photo, label or photo, f"{self._root}/{photo}", 0, 0, boxes, fractions=True)

    def _boxes(self, label: str) -> Iterator[RawBox]:
        self._used.add(label)
        try:
            lines = decoded(read_regular(self._root / label, MOST_BYTES)).splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"data.root: {plain(label)} cannot be read: {reason}.") from error
        seen: set[str] = set()
        for number, line in enumerate(lines, start=1):
            text = " ".join(line.split())
            if not text:
                continue
            self._lines += 1
            box, problem = (
                (None, "appears twice: used once") if text in seen else self._box(text, label, number)
            )
            seen.add(text)
            if problem:
                self._dropped.append(Dropped(label, f"line {number} {problem}"))
            if box:
                yield box

    def _box(self, text: str, label: str, line: int) -> tuple[RawBox | None, str]:
        """Read one line; gives the box, or None and what is wrong with it."""
        try:
            number, *values = map(float, text.split(" "))
        except ValueError:
            return None, f"is '{text[:60]}', no numbers: dropped"
        if not number.is_integer() or number < 0 or not all(map(math.isfinite, values)):
            return None, f"is '{text[:60]}', no class and box: dropped"
        name = str(int(number)) if self._names is None else self._names.get(int(number), "")
        if not name:
            source = self._found.classes.source if self._found.classes else ""
            return None, f"has class {number:g}, which '{source}' does not list: dropped"
        edges, problem = _edges(values, self._found.keypoints)
        if edges is None:
            return None, problem
        wrong = next((value for value in edges[1] if not -SLACK <= value <= 1 + SLACK), None)
        if wrong is not None:
            self._outside.append(f"{label}, line {line}: {wrong:g}")
            return None, f"has {wrong:g}, outside 0..1: dropped"
        return RawBox(f"line {line}", name, *edges[0]), ""

    def _refuse_outside(self) -> None:
        """Refuse labels that are no fractions, such as pixels."""
        if self._outside and 2 * len(self._outside) >= self._lines:
            raise DataError(
                f"data.root: {len(self._outside)} of {self._lines} lines of labels have numbers outside 0..1, e.g. "
                f"{plain(self._outside[0])}; expected class, x and y of the centre, width and height, as fractions of "
                f"the photo."
            )

    def _lonely(self) -> list[str]:
        """Name the label files that are of no photo; other texts may lie there."""
        named = {
            label_of(photo, self._found.texts) for photos in self._found.photos.values() for photo in photos
        }
        return sorted(name for name in self._found.texts - named - self._used if self._is_label(name))

    def _is_label(self, name: str) -> bool:
        if "labels" in name.lower().split("/")[:-1]:
            return True
        return is_label(self._root / name)


def is_label(path: Path) -> bool:
    """Tell whether every line of a text is a number and a box or a polygon; an empty one says nothing."""
    try:
        lines = decoded(read_regular(path, MOST_BYTES)).split("\n")
    except (OSError, ValueError):
        return False
    filled = [line.strip() for line in lines if line.strip()]
    return bool(filled) and all(LINE.fullmatch(line) for line in filled)


def _edges(values: list[float], keypoints: int) -> tuple[tuple[Edges, Sequence[float]] | None, str]:
    """Give the edges of a box (ymin, xmin, ymax, xmax) with the numbers that must be in 0..1; or why there are none."""
    if len(values) == 4 or (keypoints and len(values) == 4 + keypoints):
        x, y, width, height = values[:4]
        return ((y - height / 2, x - width / 2, y + height / 2, x + width / 2), values[:4]), ""
    if len(values) >= 6 and len(values) % 2 == 0 and not keypoints:
        across, down = values[::2], values[1::2]
        return ((min(down), min(across), max(down), max(across)), values), ""
    return (
        None,
        f"has {len(values)} numbers behind its class; expected 4, or 2 for each point of a polygon: dropped",
    )
