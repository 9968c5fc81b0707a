"""Find the image files that COCO annotations name."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import fault_of_name, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import ALIASES, SPLIT_OF
from tflbuild.data.layouts.files import entries_in, files_in, split_folders

UNLISTED = "photo without annotation: no annotation file lists it"


class ImageFiles:
    """Find images in folders; each folder is listed once. A name may not lead out of the root.

    Args:
        root: the data set's folder.
        folders: where images may lie.
        used: gains the folders in which images were found, with what lies in them.
    """

    def __init__(self, root: Path, folders: list[Path], used: dict[Path, set[str]]) -> None:
        self._root = root
        self._base = f"{root}{os.sep}"
        self._folders = {folder: files_in(folder) for folder in folders}
        self._used = used
        self._spelled: dict[Path, str] = {}
        self._named_so: dict[str, str] = {}

    def find(self, name: str) -> tuple[str | None, str]:
        """Give the file of an image, or None and why there is none."""
        if "://" in name:
            return None, f"'{name}' is an address; images must be files"
        if fault := fault_of_name(name):
            return None, f"image '{plain(name)}' cannot be used: {fault}"
        found = self._look(name, self._folders) or self._look(name, self._other_folders) or self._by_end(name)
        if not found:
            return None, f"there is no image '{name}'"
        if any(not _same(found[0], other) for other in found[1:]):
            shown = " and ".join(path.removeprefix(self._base) for path in found[:2])
            return None, f"image '{name}' may be {shown}, which differ"
        return found[0], ""

    def _by_end(self, name: str) -> list[str]:
        """Look for an image without the folders that it had on another machine.

        Raises:
            DataError: two names end alike.
        """
        last = name.replace("\\", "/").rpartition("/")[2]
        if last in ("", name):
            return []
        found = self._look(last, self._folders) or self._look(last, self._other_folders)
        for path in found:
            if self._named_so.setdefault(path, name) != name:
                raise DataError(
                    f"data.root: '{plain(self._named_so[path])}' and '{plain(name)}' do not exist, and "
                    f"both could be '{plain(path.removeprefix(self._base))}'; it is unclear which."
                )
        return found

    @property
    def by_end(self) -> Mapping[str, str]:
        """Give the images that were found by the ends of their names alone, with these names."""
        return self._named_so

    @cached_property
    def _other_folders(self) -> dict[Path, set[str]]:
        """List the remaining folders, which are asked only where the usual ones do not have an image."""
        return {folder: files_in(folder) for folder in _others(self._root, self._folders)}

    def _look(self, name: str, folders: Mapping[Path, set[str]]) -> list[str]:
        if "/" in name or "\\" in name:
            paths = (_below(self._base, folder, name) for folder in folders)
            return list(dict.fromkeys(path for path in paths if path))
        found = [folder for folder, names in folders.items() if name in names]
        for folder in found:
            if folder not in self._spelled:
                self._spelled[folder] = f"{folder}{os.sep}"
                self._used.setdefault(folder, folders[folder])
        return [self._spelled[folder] + name for folder in found]


def _below(base: str, folder: Path, name: str) -> str | None:
    """Give the file of a name with folders, also as Windows writes them, unless it leads out of the data set."""
    for spelled in dict.fromkeys((name, name.replace("\\", "/"))):
        path = os.path.normpath(os.path.join(folder, spelled))
        if path.startswith(base) and os.path.isfile(path):
            return path
    return None


def _same(path: str, other: str) -> bool:
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError:
        return False


def _others(root: Path, known: Iterable[Path]) -> list[Path]:
    """Give the folders of the root, and of its `images/`, that are neither known nor named like a split."""
    parents = [root, *(path for path in (root / "images",) if path.is_dir())]
    entries = [entry for parent in parents for entry in entries_in(parent) if entry.is_dir()]
    found = [Path(entry.path) for entry in entries if entry.name.lower() not in SPLIT_OF]
    return [path for path in found if path not in set(known) and path.name[0] != "."]


def unlisted(root: Path, folders: Mapping[Path, set[str]], used: set[str]) -> Iterator[Dropped]:
    """Name the images that lie beside listed ones and that no annotation file lists."""
    for folder, names in folders.items():
        for name in sorted(names):
            if is_image_name(name) and f"{folder}{os.sep}{name}" not in used:
                yield Dropped((folder / name).relative_to(root).as_posix(), UNLISTED)


def image_folders(root: Path, split: str, path: Path) -> list[Path]:
    """Name the folders that may hold the images of an annotation file."""
    names = [*ALIASES[split], path.stem.removeprefix("instances_")]
    bases = [base for base in (path.parent, root, root / "images") if base.is_dir()]
    own = [split_folders(base)[split] for base in bases if split in split_folders(base)]
    folders = [*bases, *(base / name for base in bases for name in names), *own]
    folders += [folder / "images" for folder in (*own, path.parent)]
    there = {folder.resolve(): folder for folder in reversed(folders) if folder.is_dir()}
    return [folder for folder in dict.fromkeys(folders) if folder in there.values()]
