"""The annotation of one photo, found beside it: Pascal VOC, YOLO or COCO, read as the data sets read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF
from tflbuild.data.coco import Annotations
from tflbuild.data.layouts import coco_files, yolo_config, yolo_files, yolo_labels
from tflbuild.data.layouts.annotated import checked_image
from tflbuild.data.layouts.boxed import Annotated, Box
from tflbuild.data.voc import annotated_in, tree_of

LEVELS = 3
"""Folders above a photo in which its annotations are looked for."""

MOST_JSON = 1 << 26
"""Bytes of a COCO file that is read for the sake of one photo."""


class Beside(NamedTuple):
    """The objects that an annotation marks in a photo.

    Attributes:
        source: the annotation file.
        objects: label and box of each, the box (ymin, xmin, ymax, xmax) in 0..1 of the photo as seen.
        said: a sentence on each thing that was left out or taken for granted.
    """

    source: Path
    objects: tuple[tuple[str, Box], ...]
    said: tuple[str, ...]


class _Read(NamedTuple):
    source: Path
    annotated: Annotated
    said: tuple[str, ...] = ()


def beside(photo: Path, labels: Sequence[str]) -> Beside | None:
    """Find the annotation of a photo.

    An `.xml` of its name lies beside it or in `Annotations/`, a `.txt` beside it or in `labels/`, or a COCO `.json`
    that lists it in its folder, in the one above, or in `annotations/` there.

    Args:
        photo: an absolute path.
        labels: the model's class names, which YOLO's class numbers mean where no file names them.

    Returns:
        What it says; None where there is none.

    Raises:
        DataError: there is one, and it cannot be read.
    """
    from tflbuild.modalities.image.files import inspect

    dropped: list[Dropped] = []
    ways: tuple[Callable[[Path, Sequence[str], list[Dropped]], _Read | None], ...] = (_voc, _yolo, _coco)
    read = next((found for way in ways if (found := way(photo, labels, dropped))), None)
    if read is None:
        return None
    checked = checked_image(read.annotated, inspect(photo), False, dropped)
    said = (*read.said, *(f"{plain(one.file)}: {plain(one.reason)}" for one in dropped))
    return Beside(read.source, checked.objects if checked else (), said)


def _voc(photo: Path, labels: Sequence[str], dropped: list[Dropped]) -> _Read | None:
    for path in _named_alike(photo, ".xml", ("Annotations", "annotations")):
        try:
            tree = tree_of(str(path))
        except (OSError, ValueError) as error:
            raise DataError(f"{plain(path)} cannot be read: {_why(error)}.") from error
        return _Read(path, annotated_in(tree, photo.name, path.name, str(photo), dropped))
    return None


def _yolo(photo: Path, labels: Sequence[str], dropped: list[Dropped]) -> _Read | None:
    for path in _named_alike(photo, ".txt", ("labels",)):
        if path.stat().st_size and not yolo_labels.is_label(path):
            continue
        root = _shared_folder(photo, path)
        names = yolo_files.Found(
            photos={"train": [photo.relative_to(root).as_posix()]},
            texts=frozenset({path.relative_to(root).as_posix()}),
            classes=None,
            keypoints=0,
            said=(),
        )
        for folder in list(path.parents)[:LEVELS]:
            listed = [entry.name for entry in folder.iterdir() if entry.is_file()]
            config = yolo_config.read(folder, listed)
            classes = config.classes or yolo_files.listed_classes(folder, listed)
            if classes:
                names = names._replace(classes=classes, keypoints=config.keypoints)
                break
        found = yolo_labels.Labels(root, names, dropped).annotated()["train"]
        if not found:
            return None
        if names.classes is not None or not labels:
            return _Read(path, found[0])
        return _Read(path, _by_number(found[0], labels, dropped), (_assumed(path),))
    return None


def _assumed(path: Path) -> str:
    return (
        f"{plain(path.name)} has class numbers, and no file next to it names them: they are taken as the model's "
        f"class numbers"
    )


def _by_number(image: Annotated, labels: Sequence[str], dropped: list[Dropped]) -> Annotated:
    """Name objects that are called by their numbers as the model's classes of these numbers."""
    named = []
    for box in image.objects:
        number = int(box.label)
        if number < len(labels):
            named.append(box._replace(label=labels[number]))
        else:
            dropped.append(Dropped(image.source, f"class {number}, but the model has {len(labels)}: dropped"))
    return image._replace(objects=tuple(named))


def _coco(photo: Path, labels: Sequence[str], dropped: list[Dropped]) -> _Read | None:
    above = list(photo.parents)[:LEVELS]
    folders = [*above[:2], *(folder / "annotations" for folder in above)]
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        if path.stat().st_size > MOST_JSON or not coco_files.has_lists(path):
            continue
        root = _shared_folder(photo, path)
        images = _images_of(root, SPLIT_OF.get(photo.parent.name.lower(), "train"), path)
        if str(photo) in images:
            return _Read(path, images[str(photo)])
    return None


@lru_cache(maxsize=8)
def _images_of(root: Path, split: str, path: Path) -> dict[str, Annotated]:
    return {image.path: image for image in Annotations(root, split, path, []).images({})}


def _named_alike(photo: Path, suffix: str, folders: Sequence[str]) -> Iterator[Path]:
    """Give the files of a photo's name with another suffix: beside it, or in a folder that stands for the photos' own.

    `root/images/a/x.jpg` has `root/labels/a/x.txt`.
    """
    places = [photo.with_suffix(suffix)]
    for root in list(photo.parents)[1 : LEVELS + 1]:
        _, *rest = photo.relative_to(root).with_suffix(suffix).parts
        places += [root.joinpath(folder, *rest) for folder in folders]
    yield from (path for path in places if path.is_file())


def _shared_folder(one: Path, other: Path) -> Path:
    """Give the innermost folder that holds both."""
    return next(folder for folder in one.parents if other.is_relative_to(folder))


def _why(error: OSError | ValueError) -> str:
    return plain(getattr(error, "strerror", None) or error)
