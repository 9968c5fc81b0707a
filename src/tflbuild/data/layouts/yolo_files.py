"""Find photos, splits and classes of a folder in YOLO's form: by data.yaml, by darknet's lists, or by folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import Below, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts import class_lists, elsewhere, yolo_config
from tflbuild.data.layouts.class_lists import ClassList
from tflbuild.data.layouts.files import below

EXPECTED = "a YOLO folder with images/, labels/*.txt and data.yaml"

MOST_BYTES = 1 << 28


class Found(NamedTuple):
    """Photos, texts and classes of a folder in YOLO's form.

    Attributes:
        photos: of each split, relative to the root.
        texts: every text file below the root, relative to it.
        classes: by number; None where nothing lists them.
        keypoints: numbers behind a box that say where keypoints are.
        said: what was recognised, in words: what, value, evidence.
    """

    photos: Mapping[str, Sequence[str]]
    texts: frozenset[str]
    classes: ClassList | None
    keypoints: int
    said: tuple[Mapping[str, str], ...]


def found_in(root: Path, shown: str, dropped: list[Dropped]) -> Found:
    """Find what a folder holds.

    Args:
        root: the data set's folder.
        shown: as the recipe has it.
        dropped: gains what cannot be used.

    Raises:
        DataError: what data.yaml says cannot be, or there is no photo for train.
    """
    there = below(str(root))
    dropped += [Dropped(*left) for left in there.left_out]
    texts = frozenset(name for name in there.others if name.lower().endswith(".txt"))
    config = yolo_config.read(root, there.others)
    classes = config.classes or listed_classes(root, there.others)
    said = _said_of_classes(classes)
    if config.splits:
        photos, evidence = _named(root, shown, config, there, dropped)
        said += evidence
    else:
        photos = _by_folder(there.images, shown)
    if not photos.get("train"):
        missing = "names no photo for train" if config.splits else "has no photo for train"
        raise DataError(f"data.root: '{shown}' {missing}; expected {EXPECTED}.")
    return Found(photos, texts, classes, config.keypoints, tuple(said))


def _said_of_classes(classes: ClassList | None) -> list[Mapping[str, str]]:
    if classes is None:
        return [
            {"what": "classes", "value": "by number", "evidence": "no data.yaml, obj.names or classes.txt"}
        ]
    return [{"what": "classes", "value": str(len(classes.names)), "evidence": classes.evidence()}]


def listed_classes(root: Path, names: Sequence[str]) -> ClassList | None:
    """Read the list of classes that lies there by its usual name; of several, all must say the same."""
    lists = [
        class_lists.read(root / name, root)
        for name in names
        if class_lists.USUAL.match(os.path.basename(name))
    ]
    for other in lists[1:]:
        if other.names != lists[0].names:
            raise DataError(
                f"data.root: {plain(lists[0].source)} and {plain(other.source)} list other classes; keep "
                f"only one of them."
            )
    return lists[0] if lists else None


def _named(
    root: Path, shown: str, config: yolo_config.Config, there: Below, dropped: list[Dropped]
) -> tuple[dict[str, list[str]], list[Mapping[str, str]]]:
    """Give the photos of the splits that a configuration names."""
    photos: dict[str, list[str]] = {}
    evidence: list[Mapping[str, str]] = []
    places: dict[str, str] = {}
    for split, entries in config.splits.items():
        listed: dict[str, None] = {}
        for entry in entries:
            place = elsewhere.place(root, config.folder, config.base, entry)
            if place is None:
                if split == "test":
                    dropped.append(
                        Dropped(
                            config.source,
                            f"test: '{entry}' does not exist: test is made from the other splits",
                        )
                    )
                    continue
                raise DataError(_nowhere(config.source, split, entry, shown))
            if place.by_tail:
                _refuse_shared(places, place.path, split, config.source, entry)
                base = f" in '{plain(config.base)}'" if config.base else ""
                said = f"{config.source} says '{plain(entry)}'{base}, which is not there; its end is"
                evidence.append({"what": split, "value": place.path, "evidence": said})
            listed.update(dict.fromkeys(_photos_at(root, place.path, there, split, dropped)))
        if listed:
            photos[split] = list(listed)
    return _without_copies(photos, config.source, dropped), evidence


def _refuse_shared(places: dict[str, str], path: str, split: str, source: str, entry: str) -> None:
    """Refuse a folder that the ends of two splits' paths lead to: which of them is meant cannot be told."""
    if places.setdefault(path, split) != split:
        raise DataError(
            f"data.root: {plain(source)}: '{plain(entry)}' of {split} is not there, and '{plain(path)}', its end, is "
            f"that of {places[path]}, too; give paths relative to {plain(source)}."
        )


def _nowhere(source: str, split: str, entry: str, shown: str) -> str:
    return (
        f"data.root: {plain(source)}: {split} is '{plain(entry)}', which is not in '{shown}', and no end of that path "
        f"is; give paths relative to {plain(source)}, inside data.root."
    )


def _photos_at(root: Path, place: str, there: Below, split: str, dropped: list[Dropped]) -> Iterator[str]:
    """Give the photos below a folder, or those that a list names; `place` is relative to the root."""
    if place == "" or os.path.isdir(root / place):
        prefix = f"{place}/" if place else ""
        yield from (name for name in there.images if name.startswith(prefix))
        return
    if is_image_name(place):
        yield place
        return
    known = set(there.images)
    folder = os.path.dirname(place)
    try:
        lines = decoded(read_regular(root / place, MOST_BYTES)).splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"data.root: {plain(place)} cannot be read: {reason}.") from error
    for line in (line.strip() for line in lines):
        name = elsewhere.file_of(line, folder, known) if line else None
        if name:
            yield name
        elif line:
            dropped.append(Dropped(place, f"there is no photo '{line}', which it lists for {split}"))


def _without_copies(
    photos: dict[str, list[str]], source: str, dropped: list[Dropped]
) -> dict[str, list[str]]:
    """Take val or test that names the photos of train for not given: it would measure what was learned."""
    train = set(photos.get("train", ()))
    for split in ("val", "test"):
        if train and set(photos.get(split, ())) >= train:
            del photos[split]
            reason = f"{split} names the photos of train: a seeded part of them is {split} instead"
            dropped.append(Dropped(source, reason))
    if photos.get("val") and set(photos["val"]) == set(photos.get("test", ())):
        del photos["test"]
        dropped.append(
            Dropped(source, "test names the photos of val: a seeded part of train is test instead")
        )
    return photos


def _by_folder(images: Sequence[str], shown: str) -> dict[str, list[str]]:
    """Take folders that are named like splits for splits; all is train where there are none.

    Raises:
        DataError: a photo lies in folders of two splits, or beside those of splits.
    """
    photos: dict[str, list[str]] = {}
    for name in images:
        words = {SPLIT_OF[word] for part in name.split("/")[:-1] if (word := _word(part)) in SPLIT_OF}
        if len(words) > 1:
            raise DataError(f"data.root: '{plain(name)}' in '{shown}' lies in folders of two splits.")
        photos.setdefault(words.pop() if words else "", []).append(name)
    loose = photos.pop("", [])
    if loose and photos:
        raise DataError(
            f"data.root: '{plain(loose[0])}' in '{shown}' lies beside folders that are named like splits; put it into "
            f"one of them."
        )
    return {split: photos[split] for split in SPLITS if split in photos} or {"train": loose}


def _word(folder: str) -> str:
    """Give the word that names a split, e.g. of `train2017`."""
    return re.sub(r"\d+$", "", folder.lower())


def label_of(photo: str, texts: frozenset[str]) -> str | None:
    """Give the label file of a photo: in `labels/` for one in `images/`, else beside it; None for neither."""
    stem = photo.rpartition(".")[0]
    parts = stem.split("/")
    for position in range(len(parts) - 2, -1, -1):
        if parts[position].lower() == "images":
            for folder in ("labels", "Labels", "LABELS"):
                named = "/".join([*parts[:position], folder, *parts[position + 1 :]]) + ".txt"
                if named in texts:
                    return named
    for beside in (f"{stem}.txt", f"labels/{stem}.txt", _inner(stem)):
        if beside in texts:
            return beside
    return None


def _inner(stem: str) -> str:
    """Name the label in a folder `labels` beside a photo."""
    folder, _, name = stem.rpartition("/")
    return f"{folder}/labels/{name}.txt" if folder else f"labels/{name}.txt"
