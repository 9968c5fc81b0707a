"""Recognise the forms in which others export data, so that one that is not read is named and never misread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import json_text
from tflbuild.core.image_files import entries_of, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts.table_columns import NAMES

MOST_FOLDERS = 40
MOST_NAMES = 2000
MOST_BYTES = 1 << 22
"""Bytes of a text file above which it is not read to recognise a form."""

MOST_LABELS = 100
DEEPEST = 3


BOXES = frozenset({"CreateML", "CVAT for images", "LabelMe", "Label Studio's JSON", "YOLO (TXT of Keras)"})
"""Forms whose tools can export what is read."""


class Form(NamedTuple):
    """A form of data.

    Attributes:
        name: as people call it.
        evidence: the file or folder that shows it, relative to the root.
        data: the data set that reads it; "" where none does.
    """

    name: str
    evidence: str
    data: str = ""

    def __str__(self) -> str:
        """Complete "It looks like"."""
        how = f"which data={self.data} reads" if self.data else "which is not read"
        advice = "; export it as COCO or Pascal VOC" if self.name in BOXES else ""
        return f"{self.name} ('{plain(self.evidence)}'), {how}{advice}"


class Folder(NamedTuple):
    """The folders and files that lie directly in a folder."""

    path: Path
    name: str
    folders: tuple[str, ...]
    files: tuple[str, ...]

    def file(self, name: str) -> str:
        """Give a file's name relative to the root."""
        return f"{self.name}/{name}" if self.name else name


def looks_like(root: Path, but: str) -> str:
    """Complete an error message where the form that was asked for is not there; "" where nothing is recognised.

    Args:
        root: the data set's folder.
        but: the data set that could not read it.
    """
    form = next((found for found in forms(root) if found.data != but), None)
    return f" It looks like {form}." if form else ""


def of_annotations(root: Path) -> Iterator[Form]:
    """Give the forms of annotations that a folder shows, the surest first."""
    return forms(root, ANNOTATIONS)


def voc(root: Path) -> Form | None:
    """Recognise a folder of Pascal VOC; needs no other file to be read."""
    return next((form for form in forms(root, (_xml,)) if form.data == "voc"), None)


def table(root: Path) -> Form | None:
    """Recognise labels in a table."""
    return next(forms(root, (_table,)), None)


def forms(root: Path, recognisers: Sequence[Callable[[Folder], Form | None]] | None = None) -> Iterator[Form]:
    """Give the forms that a folder shows, the surest first."""
    folders = list(_folders(root))
    for recognise in RECOGNISERS if recognisers is None else recognisers:
        found = next((form for folder in folders if (form := recognise(folder))), None)
        if found:
            yield found


def _folders(root: Path) -> Iterator[Folder]:
    """Give the folders that are looked at, level by level."""
    level = [(root, "")]
    for _ in range(DEEPEST):
        inner: list[tuple[Path, str]] = []
        for path, name in level[:MOST_FOLDERS]:
            folder = _folder(path, name)
            yield folder
            inner += [(path / child, folder.file(child)) for child in folder.folders]
        level = inner


def _folder(path: Path, name: str) -> Folder:
    folders, files = [], []
    try:
        for number, entry in enumerate(entries_of(path)):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif number < MOST_NAMES and entry.is_file():
                files.append(entry.name)
    except OSError:
        pass
    return Folder(path, name, tuple(folders), tuple(files))


def _by_name(form: str, pattern: str, data: str = "") -> Callable[[Folder], Form | None]:
    fits = re.compile(pattern, re.IGNORECASE).search

    def recognise(folder: Folder) -> Form | None:
        found = next((name for name in folder.files if fits(name)), None)
        return Form(form, folder.file(found), data) if found else None

    return recognise


def _text(folder: Folder, name: str) -> str:
    """Give a file's text; "" for what is none."""
    try:
        return decoded(read_regular(folder.path / name, MOST_BYTES))
    except (OSError, ValueError):
        return ""


YOLO_LINE = re.compile(r"\d+(\s+[-+.\deE]+){4,}\s*")
YOLO_NAMES = re.compile(r"^\s*(names|nc)\s*:", re.MULTILINE)


def _yolo(folder: Folder) -> Form | None:
    """Recognise labels that are a number and a box in 0..1 a line, a file an image."""
    listed = (name for name in folder.files if name.lower().endswith((".yaml", ".yml")))
    yaml = next((name for name in listed if YOLO_NAMES.search(_text(folder, name))), None)
    if yaml:
        return Form("YOLO", folder.file(yaml), "yolo")
    return yolo_labels(folder)


def yolo_labels(folder: Folder) -> Form | None:
    """Recognise labels in YOLO's form; needs no data.yaml."""
    for name in [name for name in folder.files if name.lower().endswith(".txt")][:MOST_LABELS]:
        lines = _text(folder, name).splitlines()
        if lines and all(YOLO_LINE.fullmatch(line) for line in lines):
            return Form("YOLO", folder.file(name), "yolo")
    return None


def _xml(folder: Folder) -> Form | None:
    for name in [name for name in folder.files if name.lower().endswith(".xml")][:5]:
        text = _text(folder, name)
        if "<annotations>" in text and "<image " in text:
            return Form("CVAT for images", folder.file(name))
        if "<annotation" in text and "<annotations" not in text:
            return Form("Pascal VOC", folder.file(name), "voc")
    return None


def _json(folder: Folder) -> Form | None:
    for name in [name for name in folder.files if name.lower().endswith(".json")][:5]:
        try:
            form = _form_of_json(json_text.parse(read_regular(folder.path / name, 32 * MOST_BYTES)))
        except (OSError, ValueError):
            continue
        if form:
            return Form(form, folder.file(name), "coco" if form == "COCO" else "")
    return None


def _form_of_json(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict):
        if "image" in first and "annotations" in first:
            return "CreateML"
        return "Label Studio's JSON" if "data" in first and "annotations" in first else ""
    if not isinstance(value, dict):
        return ""
    if all(isinstance(value.get(key), list) for key in ("images", "annotations", "categories")):
        return "COCO"
    if "shapes" in value and "imagePath" in value:
        return "LabelMe"
    entries = [entry for entry in list(value.values())[:3] if isinstance(entry, dict)]
    via = "_via_img_metadata" in value or any("regions" in e and "filename" in e for e in entries)
    return "VGG Image Annotator" if via else ""


def _masks(folder: Folder) -> Form | None:
    pair = paired(folder.folders)
    return Form("images with labels in a folder of their own", folder.file(pair[1])) if pair else None


PICTURES = re.compile(r"images?|imgs?|jpegimages|inputs?|photos?|rgb|originals?")
COMPANIONS = re.compile(
    r"labels?|annotations?|anns?|masks?|targets?|outputs?|gt|groundtruth|truth|segmentations?|segmentation(class|object)"
    r"|depth|bbox(es)?|imagesets|xmls?|trimaps?|json"
)
"""Usual names of folders of pictures, and of folders of annotations."""


def paired(folders: tuple[str, ...]) -> tuple[str, str] | None:
    """Find two folders that are no classes: one of pictures, and one of what is said about them."""
    pictures = {rest: name for name in folders if (rest := _without(name, PICTURES)) is not None}
    for name in folders:
        rest = _without(name, COMPANIONS)
        if rest is not None and rest in pictures:
            return pictures[rest], name
    return None


def is_companion(name: str) -> bool:
    """Tell whether a folder is called as those of pictures or of annotations are, and like no class."""
    return any(_without(name, words) == () for words in (PICTURES, COMPANIONS))


def _without(name: str, words: re.Pattern[str]) -> tuple[str, ...] | None:
    """Give the words of a name but for one of these; None where it has none of them."""
    found = re.findall(r"[a-z]+", name.lower())
    rest = tuple(word for word in found if not words.fullmatch(word))
    return rest if len(rest) < len(found) else None


def _table(folder: Folder) -> Form | None:
    """Recognise a CSV whose first line names a file and a label."""
    for name in [name for name in folder.files if name.lower().endswith((".csv", ".tsv"))][:5]:
        words = re.findall(r"\w+", _text(folder, name).partition("\n")[0].lower())
        if NAMES["file"] & {word.replace("_", "") for word in words}:
            return Form("labels in a table", folder.file(name), "csv")
    return None


def _classes(folder: Folder) -> Form | None:
    """Recognise folders of images side by side."""
    holders = [
        name
        for name in folder.folders[:MOST_FOLDERS]
        if any(map(is_image_name, _folder(folder.path / name, "").files))
    ]
    if len(holders) < 2:
        return None
    return Form("a folder of images for each class", folder.file(holders[0]), "image_folder")


MARKERS: tuple[Callable[[Folder], Form | None], ...] = (
    _by_name("CreateML", r"createml\.json$"),
    _by_name("TFRecord", r"\.(tfrecords?|record)(-\d+-of-\d+)?(\.gz)?$", "tfrecord"),
    _by_name("YOLO (darknet)", r"^_darknet\.labels$|^obj\.(names|data)$", "yolo"),
    _by_name("YOLO (TXT of Keras)", r"^_annotations\.txt$"),
    _by_name("a CSV of many labels an image", r"^_classes\.csv$"),
    _by_name("a CSV of boxes", r"^_annotations\.csv$", "csv"),
    _by_name("COCO", r"^_annotations\.coco\.json$", "coco"),
)
"""Forms that the name of a file gives away."""

ANNOTATIONS: tuple[Callable[[Folder], Form | None], ...] = (*MARKERS, _yolo, _xml, _json, _masks)
"""Recognise what is said about pictures, in files or folders of its own."""

RECOGNISERS: tuple[Callable[[Folder], Form | None], ...] = (
    *ANNOTATIONS,
    _table,
    _by_name("Parquet", r"\.(parquet|arrow)$"),
    _by_name("IDX", r"-idx\d-ubyte(\.gz)?$"),
    _by_name("recordings", r"\.(wav|wave|flac)$", "audio_folder"),
    _by_name("sounds", r"\.(mp3|ogg|m4a|aac|opus)$"),
    _by_name("videos", r"\.(mp4|avi|mov|mkv|webm)$"),
    _by_name("HEIC or raw photos", r"\.(heic|heif|dng|cr2|cr3|nef|arw)$"),
    _by_name("an archive that is still packed", r"\.(zip|tar|tgz|7z|rar)$|\.tar\.\w+$"),
    _classes,
)


def marked(root: Path, name: str) -> Form | None:
    """Recognise a folder that is certainly no folder of classes, although it holds folders of images."""
    folder = _folder(root, name)
    return next(
        (form for form in (recognise(folder) for recognise in (*MARKERS, _yolo_pair, _masks)) if form), None
    )


def _yolo_pair(folder: Folder) -> Form | None:
    """Recognise `images/` with `labels/` that hold text."""
    pair = paired(folder.folders)
    if pair is None:
        return None
    inner = [Folder(*held) for held in _folders(folder.path / pair[1])]
    found = next((form for held in inner for look in (_yolo, _xml, _json) if (form := look(held))), None)
    return found._replace(evidence=folder.file(f"{pair[1]}/{found.evidence}")) if found else None
