"""Find the annotations, photos and lists of a VOC folder, in any of the layouts in which people keep them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import IMAGE_SUFFIXES, fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts import exports
from tflbuild.data.layouts.files import below, entries_in, split_folders

EXPECTED = "a Pascal VOC folder with Annotations/, JPEGImages/ and ImageSets/Main/"

ANNOTATIONS = ("annotations", "annotation", "xmls", "xml")
IMAGES = ("jpegimages", "images", "image", "imgs", "img", "jpgimages", "photos")
"""Usual names of the two folders, in any case; the first that is there counts."""

MARKS = ("-1", "0", "1")
"""Marks behind a name in VOC's lists of one class."""

MOST_BYTES = 1 << 28


class Part(NamedTuple):
    """One pair of folders, relative to the root with a slash at the end, and what lies in them.

    Attributes:
        split: that it is; "" where lists or seeds decide.
        annotations: folder of the XML files.
        photos: folder of the images.
        stems: annotations below the folder, without their suffix.
        images: photos below the folder.
        capital: names of the annotations whose suffix has capital letters, by stem.
    """

    split: str
    annotations: str
    photos: str
    stems: tuple[str, ...]
    images: tuple[str, ...]
    capital: Mapping[str, str] = {}

    def annotation(self, stem: str) -> str:
        """Give an annotation's file, relative to the root."""
        return self.annotations + (self.capital.get(stem) or f"{stem}.xml")


def parts(root: Path, shown: str, dropped: list[Dropped]) -> list[Part]:
    """Find the pairs of folders: one in the root, or one a split.

    Args:
        root: the data set's folder.
        shown: as the recipe has it.
        dropped: gains what cannot be used.

    Raises:
        DataError: there is no annotation, or no photo.
    """
    found = [_part(root, "", "", dropped)] if _named(root, ANNOTATIONS) else []
    if not found:
        folders = split_folders(root)
        found = [
            _part(root, split, f"{folders[split].name}/", dropped) for split in SPLITS if split in folders
        ]
        found = found if any(part.stems for part in found) else []
        if found and (found[0].split != "train" or not found[0].stems):
            raise DataError(f"data.root: '{shown}' has no annotation in a train folder; expected {EXPECTED}.")
    if not found:
        _refuse_inner(root, shown)
        found = [_part(root, "", "", dropped)]
    if not any(part.stems for part in found):
        other = exports.looks_like(root, "voc")
        lacking = "no XML in Annotations/" if _named(root, ANNOTATIONS) else "no Annotations/"
        raise DataError(f"data.root: '{shown}' has {lacking}; expected {EXPECTED}.{other}")
    if not any(part.images for part in found):
        raise DataError(f"data.root: '{shown}' has no JPEGImages/ with images; expected {EXPECTED}.")
    return found


def _refuse_inner(root: Path, shown: str) -> None:
    """Refuse a folder around the data set, also as VOCdevkit/VOC2012, whose lists would be overlooked."""
    outer = [(entry.name, Path(entry.path)) for entry in entries_in(root) if _is_shown_folder(entry)]
    inner = [
        (f"{name}/{entry.name}", Path(entry.path))
        for name, path in outer
        for entry in entries_in(path)
        if _is_shown_folder(entry)
    ]
    for name, path in [*outer, *inner]:
        if _named(path, ANNOTATIONS[:2]):
            raise DataError(
                f"data.root: '{shown}' is a folder around the data set, which lies in '{plain(name)}'; give that "
                f"folder."
            )


def _part(root: Path, split: str, prefix: str, dropped: list[Dropped]) -> Part:
    folder = root / prefix
    annotations, photos = _named(folder, ANNOTATIONS), _named(folder, IMAGES)
    named = f"{prefix}{annotations}/" if annotations else prefix
    seen = f"{prefix}{photos}/" if photos else prefix
    marked = below(str(root / named))
    pictured = marked if seen == named else below(str(root / seen))
    for place, found in {named: marked, seen: pictured}.items():
        dropped += [Dropped(place + name, reason) for name, reason in found.left_out]
    names = [name for name in marked.others if name.lower().endswith(".xml")]
    plainly = {name[:-4] for name in names if name.endswith(".xml")}
    capital = {name[:-4]: name for name in names if name[:-4] not in plainly}
    stems = sorted(plainly | capital.keys())
    return Part(split, named, seen, tuple(stems), tuple(pictured.images), capital)


def _named(folder: Path, names: Iterable[str]) -> str:
    """Give the name of a folder that is called so in any case; "" where there is none."""
    there = {entry.name.lower(): entry.name for entry in entries_in(folder) if entry.is_dir()}
    return next((there[name] for name in names if name in there), "")


class Photos:
    """Find the photo of an annotation: at the same place, by its name anywhere, or by the file it names."""

    def __init__(self, part: Part) -> None:
        self._folder = part.photos
        self._names: Mapping[str, list[str]] = defaultdict(list)
        self._stems: Mapping[str, list[str]] = defaultdict(list)
        self._places: Mapping[str, list[str]] = defaultdict(list)
        for image in part.images:
            place = os.path.splitext(image)[0]
            self._places[place].append(image)
            self._stems[place.rpartition("/")[2]].append(image)
            self._names[image.rpartition("/")[2]].append(image)

    def find(self, stem: str, said: str) -> tuple[str | None, str]:
        """Give the photo, or None and why there is none.

        Args:
            stem: the annotation, without its suffix.
            said: the file name in the annotation.
        """
        name = said.replace("\\", "/").rpartition("/")[2]
        for known, key in ((self._places, stem), (self._stems, stem.rpartition("/")[2]), (self._names, name)):
            found = known.get(key, [])
            if len(found) > 1:
                found = [image for image in found if image.rpartition("/")[2] == name] or found
            if len(found) == 1:
                return found[0], ""
            if found:
                return None, f"fits several images: {', '.join(found[:3])}"
        return None, f"there is no image {self._folder}{stem}.*"


def lists(root: Path, part: Part, dropped: list[Dropped]) -> dict[str, list[str]]:
    """Give the stems of every split that the folder lists; train always.

    Raises:
        DataError: a list cannot be read, or two mean the same split.
    """
    folder, files = _lists_in(root, part)
    names = _Stems(part.stems)
    of = {split: [path] for split, path in files.items() if split in SPLITS} or _lists_of_classes(root)
    found = {
        split: list(dict.fromkeys(stem for path in paths for stem in names.listed(path, root, dropped)))
        for split, paths in of.items()
    }
    if not files and "train" not in found:
        return _by_folder(part)
    taken = {stem for split in found if split != "train" for stem in found[split]}
    if "train" not in found:
        everything = (
            names.listed(files["trainval"], root, dropped) if "trainval" in files else list(part.stems)
        )
        found["train"] = [stem for stem in everything if stem not in taken]
    listed = {stem for stems in found.values() for stem in stems}
    for stem in part.stems:
        if stem not in listed:
            dropped.append(Dropped(part.annotation(stem), f"in no list of {_shown(folder, root)}/"))
    return found


def _by_folder(part: Part) -> dict[str, list[str]]:
    """Take the sub-folders of the annotations for splits, where all of them are named so; else all is train."""
    found: dict[str, list[str]] = {}
    for stem in part.stems:
        found.setdefault(SPLIT_OF.get(stem.partition("/")[0].lower(), "") if "/" in stem else "", []).append(
            stem
        )
    return found if "train" in found and "" not in found else {"train": list(part.stems)}


def _lists_in(root: Path, part: Part) -> tuple[Path, dict[str, Path]]:
    """Find the folder of the lists and what it has: ImageSets/Main, else ImageSets or one in it, else the root."""
    outer = _named(root, ("imagesets", "imageset"))
    inner = _named(root / outer, ("main",)) if outer else ""
    places = [root / outer / inner] if inner else []
    if outer:
        places += [root / outer, *(Path(e.path) for e in entries_in(root / outer) if _is_shown_folder(e))]
    if part.annotations:  # else texts that lie beside photos may be anything
        places.append(root)
    return next(((place, files) for place in places if (files := _list_files(root, place))), (root, {}))


def _lists_of_classes(root: Path) -> dict[str, list[Path]]:
    """Find the lists of a set that has one for each class and split and none for all, as VoTT writes them."""
    outer = _named(root, ("imagesets", "imageset"))
    inner = _named(root / outer, ("main",)) if outer else ""
    found: dict[str, list[Path]] = {}
    for entry in entries_in(root / outer / inner) if inner else ():
        name, _, word = entry.name.lower().removesuffix(".txt").rpartition("_")
        if name and word in SPLIT_OF and entry.name.lower().endswith(".txt") and entry.is_file():
            found.setdefault(SPLIT_OF[word], []).append(Path(entry.path))
    return found


def _shown(folder: Path, root: Path) -> str:
    return root.name if folder == root else folder.relative_to(root).as_posix()


def _is_shown_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and entry.name[0] != "." and not fault_of_name(entry.name)


def _list_files(root: Path, folder: Path) -> dict[str, Path]:
    """Give the list of each split by name, `trainval` included."""
    found: dict[str, Path] = {}
    for entry in entries_in(folder):
        stem, _, suffix = entry.name.lower().rpartition(".")
        split = "trainval" if stem == "trainval" else SPLIT_OF.get(stem, "")
        if not split or suffix != "txt" or not entry.is_file():
            continue
        if split in found:
            raise DataError(
                f"data.root: {_shown(folder, root)} has '{found[split].name}' and '{entry.name}', which both mean "
                f"the {split} split; keep only one of them."
            )
        found[split] = Path(entry.path)
    return found


class _Stems:
    """Find the annotations that lines of a list mean."""

    def __init__(self, stems: Iterable[str]) -> None:
        self._stems = set(stems)
        self._ends: Mapping[str, list[str]] = defaultdict(list)
        for stem in self._stems:
            self._ends[stem.rpartition("/")[2]].append(stem)

    def listed(self, path: Path, root: Path, dropped: list[Dropped]) -> list[str]:
        """Read a list of images, one a line, each once."""
        name = path.relative_to(root).as_posix()
        try:
            lines = decoded(read_regular(path, MOST_BYTES)).splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"data.root: {plain(name)} cannot be read: {reason}.") from error
        found: dict[str, None] = {}
        for line in (line.strip() for line in lines):
            stems = self._meant(line) if line else []
            if len(stems) > 1:
                dropped.append(
                    Dropped(name, f"'{line}' fits several annotations: {', '.join(sorted(stems)[:3])}")
                )
            else:
                found.update(dict.fromkeys(stems))
        return list(found)

    def _meant(self, line: str) -> list[str]:
        """Give the annotation that a line means; what is written there where none fits."""
        first, _, last = line.rpartition(" ")
        shorter = first.rstrip() if last in MARKS and first.strip() else line.rpartition("\t")[0] or line
        for text in (line, shorter):
            stem = _without_suffix(text.replace("\\", "/").removeprefix("./"))
            if stem in self._stems:
                return [stem]
            ends = self._ends.get(stem.rpartition("/")[2])
            if ends:
                return ends
        return [_without_suffix(shorter)]


def _without_suffix(name: str) -> str:
    """Take a file name's known suffix off; dots may belong to the stem."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and (f".{suffix.lower()}" in IMAGE_SUFFIXES or suffix.lower() == "xml") else name
