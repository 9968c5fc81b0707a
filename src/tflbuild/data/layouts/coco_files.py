"""Find the annotation files of a COCO folder: by their names and places, and at last by what they hold."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import entries_of, fault_of_name, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts import exports
from tflbuild.data.layouts.files import entries_in

EXPECTED = "a COCO folder with train.json (or annotations/instances_train*.json) and its images"

LISTS = ("images", "annotations", "categories")
OTHERS = re.compile(
    r"^(captions|person_keypoints|panoptic|stuff|image_info|deepfashion)_|createml\.json$", re.IGNORECASE
)
"""Annotations that are not boxes of classes, by the names that COCO and others give them."""

MOST_CANDIDATES = 100


def annotation_files(
    root: Path, shown: str, dropped: list[Dropped], others: re.Pattern[str] = OTHERS
) -> dict[str, Path]:
    """Give the annotation file of every split that has one; train always.

    Args:
        root: the data set's folder.
        shown: as the recipe has it.
        dropped: gains the files that are not read.
        others: names of files that hold annotations of another kind.

    Raises:
        DataError: there is none for train, or there are several for a split.
    """
    named: dict[str, list[Path]] = {}
    for path in candidates(root, others):
        named.setdefault(_split(path, root), []).append(path)
    found = {split: _only(named[split], split, root, shown) for split in SPLITS if split in named}
    whole = [path for path in named.get("", []) if _is_coco(path)]
    if "train" in found:
        dropped += [Dropped(_name(path, root), "annotations of no split: not read") for path in whole]
        return found
    if whole:
        return {"train": _only(whole, "train", root, shown)} | found
    there = ", ".join(sorted(_name(path, root) for paths in named.values() for path in paths[:3]))
    beside = f" (there is {plain(there)})" if there else ""
    other = "" if found else exports.looks_like(root, "coco")
    raise DataError(f"data.root: '{shown}' has no annotations for train{beside}; expected {EXPECTED}.{other}")


def load(path: Path, root: Path) -> Mapping[str, Any]:
    """Read an annotation file.

    Raises:
        DataError: it is no JSON, or lacks one of the three lists.
    """
    name = plain(_name(path, root))
    try:
        content = json_text.read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"data.root: {name} cannot be read as JSON: {reason}.") from error
    for key in LISTS:
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(f"data.root: {name} has no list '{key}'; expected COCO annotations.")
    mapping: Mapping[str, Any] = content
    return mapping


def candidates(root: Path, others: re.Pattern[str] = OTHERS) -> list[Path]:
    """List JSON files in the root and the folders in it, but those that belong to one image."""
    found = _json_in(root, others)
    for entry in entries_in(root):
        if entry.is_dir() and entry.name[0] != "." and not fault_of_name(entry.name):
            found += _json_in(Path(entry.path), others)
    return found


def listing_files(root: Path) -> list[Path]:
    """Give the files that list images, annotations and categories, as their text shows without being read as JSON."""
    return [path for path in candidates(root) if has_lists(path)]


def has_lists(path: Path) -> bool:
    """Say whether the text of a file shows the three lists of COCO annotations."""
    try:
        check_regular(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return all(re.search(rb'"%s"\s*:\s*\[' % key.encode(), text) for key in LISTS)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


def _json_in(folder: Path, others: re.Pattern[str]) -> list[Path]:
    try:
        entries = list(entries_of(folder))
    except OSError:
        return []
    stems = {entry.name.rpartition(".")[0] for entry in entries if is_image_name(entry.name)}
    names = [
        entry.name
        for entry in entries
        if entry.name.lower().endswith(".json")
        and entry.name[0] != "."
        and entry.name[:-5] not in stems
        and not others.search(entry.name)
        and not fault_of_name(entry.name)
    ]
    return [folder / name for name in names[:MOST_CANDIDATES]]


def _split(path: Path, root: Path) -> str:
    """Tell the split by a file's name or its folder's; "" where neither says."""
    words = [re.sub(r"\d+$", "", word) for word in re.findall(r"[a-z0-9]+", path.stem.lower())]
    said = {SPLIT_OF[word] for word in words if word in SPLIT_OF}
    if len(said) == 1:
        return said.pop()
    return SPLIT_OF.get(path.parent.name.lower(), "") if path.parent != root else ""


def _only(paths: Sequence[Path], split: str, root: Path, shown: str) -> Path:
    """Give the one file that holds COCO annotations; the first where none does, for its error to be said."""
    if len(paths) == 1:
        return paths[0]
    fit = [path for path in paths if _is_coco(path)]
    if len(fit) > 1:
        names = ", ".join(plain(_name(path, root)) for path in fit)
        raise DataError(
            f"data.root: '{shown}' has several annotation files for {split}: {names}; keep only one of them."
        )
    return fit[0] if fit else paths[0]


def _is_coco(path: Path) -> bool:
    try:
        content = json_text.read(path)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in LISTS)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
