"""Find the tables of a folder that say what is on its photos, and the split of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts import tables
from tflbuild.data.layouts.files import entries_in
from tflbuild.data.layouts.table_columns import EXPECTED as COLUMNS
from tflbuild.data.layouts.table_columns import Columns, columns_of

EXPECTED = "a folder with photos and a table, e.g. train.csv, of their names and classes, or of boxes"

FIRST_ROWS = 20
MOST_TABLES = 100

NO_TRUTH = re.compile(r"submission|prediction", re.IGNORECASE)
"""Names of tables that somebody is to fill in, or has guessed."""


class Found(NamedTuple):
    """A table that says what is on photos."""

    path: Path
    name: str
    split: str
    columns: Columns


def found_in(root: Path, shown: str, dropped: list[Dropped]) -> list[Found]:
    """Find the tables: one for each split, or one for all.

    Raises:
        DataError: there is none, several are for one split, or columns are missing.
    """
    fit: list[Found] = []
    faults: list[str] = []
    for path in candidates(root):
        name = path.relative_to(root).as_posix()
        if NO_TRUTH.search(path.name):
            dropped.append(Dropped(name, "named like a table of predictions: not read"))
            continue
        columns, fault = _columns(path)
        if columns is None:
            faults.append(f"{plain(name)} {fault}")
            dropped.append(Dropped(name, f"not read: it {fault}"))
        else:
            fit.append(Found(path, name, _split(name), columns))
    if not fit:
        why = f": {faults[0]}" if faults else f" has no table with {COLUMNS}; expected {EXPECTED}"
        raise DataError(f"data.root: '{shown}'{why}.")
    return _by_split(fit, shown, dropped)


def _columns(path: Path) -> tuple[Columns | None, str]:
    """Tell what the columns of a table mean; None and what it "is" or "has" where that cannot be told."""
    try:
        rows = [fields for _, fields in tables.read(path, FIRST_ROWS).rows]
    except (OSError, ValueError) as error:
        return None, f"cannot be read as a table: {getattr(error, 'strerror', None) or error}"
    try:
        return columns_of(rows), ""
    except ValueError as error:
        return None, str(error)


def candidates(root: Path) -> Iterator[Path]:
    """Give the tables in the root and in the folders in it."""
    folders = [root, *(Path(e.path) for e in entries_in(root) if e.is_dir() and _is_shown(e.name))]
    count = 0
    for folder in folders:
        for entry in entries_in(folder):
            if entry.name.lower().endswith((".csv", ".tsv")) and _is_shown(entry.name) and entry.is_file():
                count += 1
                if count <= MOST_TABLES:
                    yield Path(entry.path)


def _is_shown(name: str) -> bool:
    return name[0] != "." and not fault_of_name(name)


def _split(name: str) -> str:
    """Tell the split by the name of a table or of its folder; "" where neither says."""
    *folders, last = name.lower().split("/")
    for part in (last, *reversed(folders)):
        said = {SPLIT_OF[word] for word in re.findall(r"[a-z]+", part) if word in SPLIT_OF}
        if len(said) == 1:
            return said.pop()
    return ""


def _by_split(fit: list[Found], shown: str, dropped: list[Dropped]) -> list[Found]:
    kinds = {bool(found.columns.edges) for found in fit}
    if len(kinds) > 1:
        both = " and ".join(
            next(f"'{plain(f.name)}'" for f in fit if bool(f.columns.edges) is kind) for kind in kinds
        )
        raise DataError(
            f"data.root: '{shown}' has tables of classes and of boxes, {both}; keep only one kind."
        )
    named = {found.split for found in fit}
    if "train" not in named and named != {""}:
        fit = [found._replace(split=found.split or "train") for found in fit]
    kept = [found for found in fit if found.split or "train" not in named]
    dropped += [Dropped(found.name, "a table of no split: not read") for found in fit if found not in kept]
    if not any(found.split in ("train", "") for found in kept):
        raise DataError(
            f"data.root: '{shown}' has no table for train (there is '{plain(fit[0].name)}'); rename one to train."
        )
    for split in (*SPLITS, ""):
        several = [found for found in kept if found.split == split]
        if len(several) > 1:
            names = ", ".join(f"'{plain(found.name)}'" for found in several[:4])
            raise DataError(
                f"data.root: '{shown}' has several tables for {split or 'all'}: {names}; keep only one of them."
            )
    return kept
