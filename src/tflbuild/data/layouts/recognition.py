"""Recognise which data set reads what lies at a place, and say what shows it; what may be two things is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.array_file import MAGIC, ZIP, is_array_name
from tflbuild.core.errors import DataError
from tflbuild.core.file_kind import kind_of
from tflbuild.core.image_files import Below
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.core.split_names import SPLIT_OF
from tflbuild.data.layouts import coco_files, exports, record_set, table_files
from tflbuild.data.layouts.class_folders import by_folder, folders_inside, hidden_splits
from tflbuild.data.layouts.files import below
from tflbuild.data.layouts.recordings import classes_of
from tflbuild.data.layouts.sides import found_in

EXPECTED = (
    "pictures, a folder of pictures or of recordings for each class, Pascal VOC, COCO, YOLO, TFRecord, a table (CSV), "
    "or an .npz or .npy of rows"
)

MOST_SHOWN = 5

MARKED = ("coco", "yolo", "tfrecord", "csv")
"""Data sets whose own message says best what is wrong with a folder that shows their form and does not hold it."""

HELD = (".yaml", ".yml", ".csv", ".tsv", ".record", ".tfrecord", ".pbtxt", ".json", ".xml")
"""Suffixes of files that lie in a data set."""


class Guess(NamedTuple):
    """A data set that may read what lies there.

    Attributes:
        data: its name.
        evidence: what shows it.
    """

    data: str
    evidence: str


def recognised(root: Path, shown: str) -> Guess:
    """Tell which data set reads a folder or file.

    Args:
        root: the place.
        shown: as the recipe has it.

    Raises:
        DataError: it is nothing that is read, or may be two things.
    """
    if not os.path.isdir(root):
        return _file(root, shown)
    found = below(str(root))
    guesses = _annotated(root, shown, found)
    folders, complaint = _folders(found.images, shown)
    if guesses:
        guesses += [guess for guess in folders if guess.data == "image_folder" and not complaint]
        return _one(guesses, shown)
    if not folders and (heard := _heard(found.others)):
        return _one(heard, shown)
    form = _unread(root, folders)
    if form and form.data in MARKED and form.evidence.count("/") < 2:
        return Guess(form.data, f"'{plain(form.evidence)}' looks like {form.name}")
    if form:
        raise DataError(_refusal(form, root, shown, found))
    if complaint:
        raise DataError(complaint)
    if not folders:
        raise DataError(_nothing(root, shown, found))
    return _one(folders, shown)


def _heard(names: Sequence[str]) -> list[Guess]:
    """Tell what recordings may be: sides of a machine, classes, or both where names alone do not part them."""
    sides, classes = found_in(names), classes_of(names)
    found = [Guess("anomaly_folder", sides.evidence)] if sides else []
    if len(classes) > 1 and not (sides and sides.sure):
        said = f"{len(classes)} folders of recordings, named like classes: {_some(classes)}"
        found.append(Guess("audio_folder", said))
    return found


def _file(path: Path, shown: str) -> Guess:
    try:
        check_regular(path)
        with path.open("rb") as file:
            beginning = file.read(512)
    except OSError as error:
        raise DataError(f"data.root: '{plain(shown)}' cannot be read: {error.strerror or error}.") from error
    if beginning.startswith(MAGIC) or (beginning.startswith(ZIP) and is_array_name(path)):
        return Guess("arrays", f"'{plain(path.name)}' is a file of NumPy's arrays")
    if path.name.lower().endswith(HELD):
        raise DataError(
            f"data.root: '{plain(shown)}' is a file of a data set; give the folder that holds it."
        )
    kind = kind_of(beginning) or "a file of a kind that is not read"
    raise DataError(f"data.root: '{plain(shown)}' is {kind}; expected a folder, or an .npz or .npy.")


def _annotated(root: Path, shown: str, there: Below) -> list[Guess]:
    """Give the forms of annotations that are read."""
    found = []
    if form := exports.voc(root):
        found.append(Guess("voc", f"'{plain(form.evidence)}' is an annotation of Pascal VOC"))
    if files := coco_files.listing_files(root):
        names = _quoted([path.relative_to(root).as_posix() for path in files])
        found.append(
            Guess("coco", f"{names} list{'s' * (len(files) == 1)} images, annotations and categories")
        )
    if form := next(exports.forms(root, (exports.yolo_labels,)), None):
        found.append(
            Guess("yolo", f"'{plain(form.evidence)}' has a class and a box in 0..1 per line, as YOLO")
        )
    if named := [name for name in there.others if record_set.NAMED.search(name)]:
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        found.append(Guess("tfrecord", f"'{plain(named[0])}'{more}, named like TFRecord files"))
    if tables := _tables(root, shown):
        found.append(Guess("csv", tables))
    return found


def _tables(root: Path, shown: str) -> str:
    """Say which tables tell what is on photos; "" where none does."""
    try:
        found = table_files.found_in(root, shown, [])
    except DataError:
        return ""
    return "; ".join(f"'{plain(one.name)}' has {one.columns.evidence}" for one in found[:2])


def _folders(images: Sequence[str], shown: str) -> tuple[list[Guess], str]:
    """Tell classes from splits and other folders.

    Returns:
        What the folders may be; and why nothing of it can be taken, "" for no reason.
    """
    groups = by_folder(images)
    loose = groups.pop("", [])
    if not images:
        return [], ""
    splits = {name: SPLIT_OF[name.lower()] for name in groups if name.lower() in SPLIT_OF}
    others = [name for name in groups if name not in splits]
    if splits and others:
        named = f"{_quoted(list(splits)[:1])} in '{plain(shown)}' is named like a split"
        return [], (
            f"data.root: {named}, but next to it are pictures in {_quoted(others)}; choose what they are: "
            f"data=image_folder with data.classes, or data=images."
        )
    if splits:
        return [_in_splits(groups, splits)], ""
    hidden = hidden_splits(groups)
    if hidden and not loose:
        names = " and ".join(f"'{plain(name)}'" for name in hidden.values())
        return [], (
            f"data.root: the folders {names} in '{plain(shown)}' are named like splits; call them train, "
            f"val and test, or choose what they are: data=image_folder or data=images."
        )
    if len(groups) == 1 and not loose:
        return _in_one(*next(iter(groups.items())), shown)
    classes = _classes(groups)
    if not classes:
        return [_unlabelled(images, [])], ""
    sorted_in = Guess(
        "image_folder", f"{len(classes)} folders of pictures, named like classes: {_some(classes)}"
    )
    if not loose:
        return [sorted_in], ""
    beside = f"beside {'them lies 1 picture' if len(loose) == 1 else f'them lie {len(loose)} pictures'}"
    return [sorted_in, Guess("images", f"{beside} in no folder")], ""


def _classes(groups: dict[str, list[str]]) -> list[str]:
    """Name the folders where they may be classes: two or more, neither pairs of pictures and labels nor nested."""
    named = [name for name in groups if not exports.is_companion(name)]
    if len(named) < 2:
        return []
    inside = {name: folders_inside(images) for name, images in groups.items()}
    if any(name.lower() in SPLIT_OF for names in inside.values() for name in names):
        return named  # splits inside classes: `image_folder` says what is wrong
    return [] if any(inside.values()) else named


def _in_splits(groups: dict[str, list[str]], splits: dict[str, str]) -> Guess:
    """Tell what lies in folders of splits."""
    first = next((name for name, split in splits.items() if split == "train"), next(iter(splits)))
    inner = by_folder(groups[first])
    loose = inner.pop("", [])
    classes = _classes(inner)
    if classes and not loose:
        said = f"{len(classes)} folders of pictures in {plain(first)}, named like classes: {_some(classes)}"
        return Guess("image_folder", said)
    return _unlabelled([name for group in groups.values() for name in group], list(splits))


def _in_one(name: str, images: Sequence[str], shown: str) -> tuple[list[Guess], str]:
    """Tell what lies in the one folder that holds pictures: a data set of classes in it must be given itself."""
    inside, complaint = _folders(images, f"{shown}/{name}")
    if inside and inside[0].data == "image_folder":
        return [], (
            f"data.root: '{plain(shown)}' is a folder around '{plain(name)}', which looks like a data set "
            f"itself ({inside[0].evidence}); give that folder, or use its pictures without classes: "
            f"data=images."
        )
    return ([], complaint) if complaint else ([_unlabelled(images, [name])], "")


def _unlabelled(images: Sequence[str], folders: list[str]) -> Guess:
    where = f" in {_some(folders)}" if folders else ""
    count = "1 picture" if len(images) == 1 else f"{len(images)} pictures"
    return Guess("images", f"{count}{where}, without labels")


def _unread(root: Path, folders: Sequence[Guess]) -> exports.Form | None:
    """Recognise what is said about pictures in a form that is not read, or in a folder further in."""
    form = next(exports.of_annotations(root), None)
    if form is None and folders and folders[0].data == "images":
        return exports.table(root)
    return form


def _refusal(form: exports.Form, root: Path, shown: str, found: Below) -> str:
    """Say what lies there, and what would work."""
    if form.data:
        return f"data.root: '{plain(shown)}' is a folder around a data set, {form}; give the folder that holds it."
    place = _place_of_pictures(root, shown)
    instead = f"; its pictures without labels: data=images{place}" if found.images else ""
    return f"data.root: '{plain(shown)}' looks like {form}{instead}."


def _place_of_pictures(root: Path, shown: str) -> str:
    """Complete "data=images" where pictures lie beside others that say what is on them."""
    pair = exports.paired(tuple(sorted(entry.name for entry in os.scandir(root) if entry.is_dir())))
    return f" data.root={plain(shown)}/{plain(pair[0])}" if pair else ""


def _one(guesses: Sequence[Guess], shown: str) -> Guess:
    if len(guesses) == 1:
        return guesses[0]
    said = " or ".join(f"{guess.data} ({guess.evidence})" for guess in guesses)
    choice = " or ".join(f"data={guess.data}" for guess in guesses)
    raise DataError(f"data.root: '{plain(shown)}' could be {said}; choose one: {choice}.")


def _nothing(root: Path, shown: str, found: Below) -> str:
    """Say what was looked at, and what would be recognised."""
    arrays = [name for name in found.others if is_array_name(Path(name))]
    if arrays:
        return (
            f"data.root: '{plain(shown)}' is a folder with arrays; give one file, e.g. data.root={plain(shown)}/"
            f"{plain(arrays[0])}"
        )
    count = len(found.others)
    seen = f"{count} file{'s' * (count != 1)}, none with an image suffix" if count else "no file"
    other = exports.looks_like(root, "auto")
    return f"data.root: nothing in '{plain(shown)}' was recognised: it contains {seen}; expected {EXPECTED}.{other}"


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > MOST_SHOWN else ""
    return ", ".join(plain(name, 60) for name in names[:MOST_SHOWN]) + more


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{plain(name)}'" for name in names[:MOST_SHOWN])
