"""Photos of `coco128`, made smaller: a test reads each a dozen times, and most of that is decoding."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SIDE = 256
"""Pixels of the longer side; the models that take them want 96."""


def write_people(shared_data: Path, folder: Path, most: int = 128) -> None:
    """Write the photos by whether a person is in them, into `person` and `no_person`: the first so many of each."""
    written = {"person": 0, "no_person": 0}
    for path in sorted((shared_data / "coco128/images/train").glob("*.jpg")):
        listed = shared_data / "coco128/labels/train" / f"{path.stem}.txt"
        boxes = listed.read_text().splitlines() if listed.exists() else []
        name = "person" if any(line.split()[0] == "0" for line in boxes) else "no_person"
        if written[name] < most:
            _write_small(path, folder / name)
            written[name] += 1


def _write_small(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(path) as photo:
        photo.draft(None, (2 * SIDE, 2 * SIDE))
        photo.thumbnail((SIDE, SIDE))
        photo.save(folder / path.name, quality=95)
