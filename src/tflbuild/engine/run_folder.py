"""Make and find run folders, and write what a run leaves besides its report: models and rejected files."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Index
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.storage.disk import flush, writing
from tflbuild.engine.storage.sharing import share

STAMP = "%Y-%m-%d_%H-%M-%S"
RUN = re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)(?:-(?P<count>\d{1,9}))?", re.ASCII)
"""The pattern of a run folder's name."""

ANOTHER_CLOCK = timedelta(days=1)
"""Time by which the clock of another machine, or of another time zone, may be ahead."""


def make_run_folder(recipe: Recipe) -> Path:
    """Make `<outputs>/<recipe>/<timestamp>`."""
    return make_stamped_folder(recipe.outputs / recipe.name)


def make_stamped_folder(parent: Path, prefix: str = "") -> Path:
    """Make a folder named by the time, exclusively: cached builds can share a second."""
    stamp = prefix + datetime.now().strftime(STAMP)
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(1):
            folder = parent / (stamp if count == 1 else f"{stamp}-{count}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    return folder


def stamped(folder: Path) -> str:
    """Read in a folder's name when it was made: "2026-12-01T07:45:38"; "" where it does not say so."""
    found = RUN.search(folder.name)
    with suppress(ValueError):
        return datetime.strptime(found["stamp"], STAMP).isoformat() if found else ""
    return ""


def newest_run(runs: Path, name: str) -> Path | None:
    """Find the newest run that left a file: that which `latest` points to, else the last by the date in its name.

    `latest` is set when a build ends. A folder's name can be anybody's: one that is no date does not count, and
    one whose date has yet to come is refused rather than taken for the newest.

    Args:
        runs: the folder of a recipe's runs.
        name: of the file.

    Raises:
        RecipeError: the last one is dated in the future.
    """
    latest = (runs / "latest").resolve()
    if latest.parent == runs.resolve() and _dated(latest) and (latest / name).is_file():
        return latest
    dated = [(date, path) for path in runs.glob("*") if (date := _dated(path)) and (path / name).is_file()]
    if not dated:
        return None
    (began, _), newest = max(dated)
    if began > datetime.now() + ANOTHER_CLOCK:
        raise RecipeError(
            f"locked: {plain(newest)} is dated in the future, so the newest run cannot be found; name "
            f"the lock with locked=FILE, or remove that folder."
        )
    return newest


def _dated(folder: Path) -> tuple[datetime, int] | None:
    """Give when a run began by its folder's name, and its place among those of that second; None for others."""
    match = RUN.fullmatch(folder.name)
    if match is None or folder.is_symlink():
        return None
    try:
        return datetime.strptime(match["stamp"], STAMP), int(match["count"] or 1)
    except ValueError:
        return None


def keep_model(model: Artifact, path: Path) -> None:
    """Copy a model out of the store, whole or not at all; the copy is the user's, so it can be written.

    Args:
        model: what is in the store.
        path: where it goes, without the suffix of its kind.

    Raises:
        StoreError: the folder cannot be written, or the stored file was damaged since it was found whole.
    """
    final = path.with_name(path.name + model.suffix)
    staged = final.with_name(f".{final.name}.part")
    if not model.path.is_file():
        raise StoreError(_damaged(model))
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(model.path, staged)
        flush(staged)
    if digest.of_file(staged) != model.digest:
        staged.unlink()
        raise StoreError(_damaged(model))
    with writing(path.parent):
        os.replace(staged, final)


def _damaged(model: Artifact) -> str:
    return f"{model.path} was damaged during the build; run the same command again to rebuild it."


def keep_index(index: Index, store: Path) -> Path:
    """Write what the data set holds where the worker reads it, named by content."""
    content = json.dumps(index.to_json()).encode()
    path = store / "memo" / f"index-{digest.of_bytes(content)[:32]}.json"
    with writing(path.parent):
        if not path.is_file() or path.read_bytes() != content:
            staged = path.with_name(f".{path.name}.{os.getpid()}")
            staged.write_bytes(content)
            share(staged)
            os.replace(staged, path)
    return path


def point_latest(folder: Path) -> None:
    """Let `latest` beside the folder of a run or of a sweep point to it."""
    staged = folder.parent / f".latest.{os.getpid()}"
    with writing(folder.parent):
        staged.unlink(missing_ok=True)
        staged.symlink_to(folder.name, target_is_directory=True)
        os.replace(staged, folder.parent / "latest")
