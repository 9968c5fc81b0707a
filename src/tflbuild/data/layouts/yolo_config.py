"""Read what a folder in YOLO's form says of itself: data.yaml of Ultralytics and others, or obj.data of darknet."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.split_names import SPLIT_OF
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts import class_lists, yaml_text
from tflbuild.data.layouts.class_lists import ClassList

MOST_BYTES = 1 << 22

NAMES = re.compile(r"^\s*(names|nc)\s*:", re.MULTILINE)


class Config(NamedTuple):
    """Paths and classes as a configuration has them.

    Attributes:
        source: the file, relative to the root; "" where there is none.
        folder: that it lies in, likewise.
        base: the folder that it says paths to begin at; "" for none.
        splits: paths by split.
        classes: by number; None where it names none.
        keypoints: numbers behind a box that say where keypoints are.
    """

    source: str = ""
    folder: str = ""
    base: str = ""
    splits: Mapping[str, tuple[str, ...]] = {}
    classes: ClassList | None = None
    keypoints: int = 0


def read(root: Path, others: Sequence[str]) -> Config:
    """Read the configuration of a folder; an empty one where there is none.

    Args:
        root: the data set's folder.
        others: its files that are no photos, relative to it.

    Raises:
        DataError: it is broken, contradicts itself, or there are several.
    """
    yamls = {name: _yaml(root, name) for name in others if name.lower().endswith((".yaml", ".yml"))}
    found = {name: text for name, text in yamls.items() if NAMES.search(text)}
    if len(found) > 1 and len({text.strip() for text in found.values()}) > 1:
        names = ", ".join(f"'{plain(name)}'" for name in list(found)[:3])
        raise DataError(f"data.root: {names} each describe a data set; keep only one of them.")
    if found:
        return _of_yaml(*next(iter(found.items())))
    data = [name for name in others if os.path.basename(name).lower() == "obj.data"]
    return _of_darknet(root, data[0]) if data else Config()


def _yaml(root: Path, name: str) -> str:
    try:
        return decoded(read_regular(root / name, MOST_BYTES))
    except (OSError, ValueError):
        return ""


def _of_yaml(name: str, text: str) -> Config:
    try:
        content = yaml_text.parse(text)
    except ValueError as error:
        raise DataError(f"data.root: {plain(name)} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"data.root: {plain(name)} is not a mapping; expected train, val and names.")
    classes = _classes(content.get("names"), content.get("nc"), name)
    splits: dict[str, tuple[str, ...]] = {}
    for key, value in content.items():
        split = SPLIT_OF.get(key.lower(), "")
        if split and value is not None and value != []:
            paths = value if isinstance(value, list) else [value]
            if not all(isinstance(path, str) and path.strip() for path in paths):
                raise DataError(
                    f"data.root: {plain(name)}: {plain(key)} is {plain(value, 80)}; expected a path."
                )
            if split in splits:
                raise DataError(f"data.root: {plain(name)} names the {split} split twice.")
            splits[split] = tuple(paths)
    if splits and "train" not in splits:
        raise DataError(f"data.root: {plain(name)} names no train split; expected train, val and names.")
    base = content.get("path")
    return Config(
        name,
        os.path.dirname(name),
        base if isinstance(base, str) else "",
        splits,
        classes,
        _keypoints(content.get("kpt_shape"), name),
    )


def _classes(names: Any, count: Any, source: str) -> ClassList | None:
    """Read the classes, as a list or a mapping of numbers; `nc` must be how many they are."""
    rows: list[tuple[int, str]] = []
    for number, label in enumerate(names) if isinstance(names, list) else _numbered(names, source):
        if not isinstance(label, str):
            raise DataError(f"data.root: {plain(source)}: names has {plain(label, 80)}; expected words.")
        rows.append((number, label))
    known = class_lists.numbered(rows, source) if rows else None
    if isinstance(count, str) and count.strip().isdecimal() and known:
        top = max(known) + 1
        if int(count) not in (len(known), top):
            raise DataError(f"data.root: {plain(source)} says nc: {count}, but names {len(known)} classes.")
    return ClassList(source, known) if known else None


def _numbered(names: Any, source: str) -> list[tuple[int, Any]]:
    if names is None:
        return []
    if isinstance(names, Mapping) and all(str(number).isdecimal() and len(number) < 7 for number in names):
        return [(int(number), label) for number, label in names.items()]
    raise DataError(
        f"data.root: {plain(source)}: names is {plain(names, 80)}; expected a list, or a mapping of numbers and words."
    )


def _keypoints(shape: Any, source: str) -> int:
    if shape is None:
        return 0
    if isinstance(shape, list) and len(shape) == 2 and all(str(n).isdecimal() and len(n) < 5 for n in shape):
        return int(shape[0]) * int(shape[1])
    raise DataError(f"data.root: {plain(source)}: kpt_shape is {plain(shape, 80)}; expected two numbers.")


def _of_darknet(root: Path, name: str) -> Config:
    """Read `classes`, `train`, `valid`, `names` of darknet; its paths are from any folder."""
    rows = [line.partition("=")[::2] for line in _yaml(root, name).splitlines()]
    content = {key.strip().lower(): value.strip() for key, value in rows if value.strip()}
    splits = {
        split: (content[key],)
        for key, split in (("train", "train"), ("valid", "val"), ("val", "val"), ("test", "test"))
        if key in content
    }
    return Config(name, os.path.dirname(name), "", splits if "train" in splits else {})
