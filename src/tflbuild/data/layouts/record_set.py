"""Find the TFRecord files of a folder, their splits and shards, and the list of classes beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts import class_lists
from tflbuild.data.layouts.class_lists import ClassList
from tflbuild.data.layouts.files import below

EXPECTED = "a folder with .record or .tfrecord files, and label_map.pbtxt"

NAMED = re.compile(
    r"(\.(tfrecords?|records?|tfrec)(-\d+-of-\d+)?|(?<!\.data)-\d{3,6}-of-\d{3,6})$", re.IGNORECASE
)
PACKED = re.compile(r"\.(tfrecords?|records?|tfrec)(-\d+-of-\d+)?\.(gz|zlib|zst)$", re.IGNORECASE)
SHARD = re.compile(r"^(.*)-(\d{1,6})-of-(\d{1,6})(\.\w+)?$")
LABELS = re.compile(r"^(labels?(\.labels)?|classes|class_names)\.txt$", re.IGNORECASE)


class RecordSet(NamedTuple):
    """The record files of each split, relative to the root, and the classes; None where nothing lists them."""

    files: dict[str, list[str]]
    classes: ClassList | None


def found_in(root: Path, shown: str, dropped: list[Dropped]) -> RecordSet:
    """Find what a folder holds.

    Args:
        root: the data set's folder.
        shown: as the recipe has it.
        dropped: gains files that are not read.

    Raises:
        DataError: there is no record file for train, a shard is missing, or lists of classes contradict each other.
    """
    there = below(str(root))
    names = [name for name in there.others if NAMED.search(name)]
    packed = [name for name in there.others if PACKED.search(name)]
    if packed:
        raise DataError(
            f"data.root: '{plain(packed[0])}' is compressed, and a record in it cannot be found again; unpack it first."
        )
    if not names:
        raise DataError(f"data.root: '{shown}' has no TFRecord file; expected {EXPECTED}.")
    _refuse_missing_shards(names)
    files: dict[str, list[str]] = {}
    for name in names:
        files.setdefault(split_of(name), []).append(name)
    return RecordSet(_splits(files, shown, dropped), _classes(root, there.others))


def split_of(name: str) -> str:
    """Tell the split of a record file by its name, or else by its folders; "" where neither says.

    >>> split_of("bccd_val.record-00000-of-00003"), split_of("valid/cards.tfrecord"), split_of("all.record")
    ('val', 'val', '')
    """
    *folders, last = name.lower().split("/")
    for part in (last, *reversed(folders)):
        said = {SPLIT_OF[word] for word in re.findall(r"[a-z]+", part) if word in SPLIT_OF}
        if len(said) == 1:
            return said.pop()
    return ""


def _splits(files: dict[str, list[str]], shown: str, dropped: list[Dropped]) -> dict[str, list[str]]:
    """Give the files of each split: those that lie nearest to the root; copies further in are not read."""
    unnamed = files.pop("", [])
    if "train" not in files:
        if files and unnamed:
            raise DataError(
                f"data.root: nothing says which split '{plain(unnamed[0])}' in '{shown}' is; rename it to train.record."
            )
        if not unnamed:
            there = ", ".join(plain(name) for found in files.values() for name in found[:2])
            raise DataError(
                f"data.root: '{shown}' has no TFRecord file for train (there is {there}); rename one to train."
            )
        files = {"train": unnamed}
    else:
        dropped += [Dropped(name, "records of no split: not read") for name in unnamed]
    kept = {}
    for split in (split for split in SPLITS if split in files):
        nearest = min(name.count("/") for name in files[split])
        kept[split] = [name for name in files[split] if name.count("/") == nearest]
        dropped += [
            Dropped(name, f"records of {split} further in than '{kept[split][0]}': not read")
            for name in files[split]
            if name.count("/") > nearest
        ]
    return kept


def _refuse_missing_shards(names: Sequence[str]) -> None:
    """Refuse a set of which a part did not arrive."""
    sets: dict[tuple[str, int], set[int]] = {}
    for name in names:
        if found := SHARD.match(name):
            sets.setdefault((found[1] + (found[4] or ""), int(found[3])), set()).add(int(found[2]))
    for (stem, count), there in sets.items():
        lacking = next((number for number in range(count) if number not in there), None)
        if lacking is not None or len(there) > count:
            raise DataError(
                f"data.root: '{plain(stem)}' has {len(there)} of {count} shards; number {lacking:05d} is missing."
                if lacking is not None
                else f"data.root: '{plain(stem)}' has {len(there)} shards, more than the {count} that their names say."
            )


def _classes(root: Path, others: Sequence[str]) -> ClassList | None:
    """Read the label map, or the list of classes; of several, all must say the same."""
    maps = [name for name in others if name.lower().endswith(".pbtxt")]
    texts = [name for name in others if LABELS.match(os.path.basename(name))]
    lists = [class_lists.read(root / name, root) for name in maps or texts]
    for other in lists[1:]:
        if other.names != lists[0].names:
            raise DataError(
                f"data.root: {plain(lists[0].source)} and {plain(other.source)} list other classes; keep "
                f"only one of them."
            )
    return lists[0] if lists else None
