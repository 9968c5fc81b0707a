"""What a run leaves on the disk besides its report: the folder itself, models by the way, rejected files."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Index
from tflbuild.core.recipe import Recipe
from tflbuild.engine.store import writing


def make_run_folder(recipe: Recipe) -> Path:
    """Make `<outputs>/<recipe>/<timestamp>`, exclusively: cached builds can share a second."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    parent = recipe.outputs / recipe.name
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(1):
            folder = parent / (stamp if count == 1 else f"{stamp}-{count}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    return folder


def keep_model(model: Artifact, path: Path) -> None:
    """Copy a model out of the store; the copy is the user's, so it can be written.

    Args:
        model: what is in the store.
        path: where it goes, without the suffix of its kind.
    """
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(model.path, path.with_name(path.name + model.suffix))


def keep_index(index: Index, store: Path) -> Path:
    """Write what the data set holds where the worker reads it, named by content."""
    content = json.dumps(index.to_json()).encode()
    path = store / "memo" / f"index-{digest.of_bytes(content)[:32]}.json"
    if not path.exists():
        with writing(path.parent):
            staged = path.with_name(f".{path.name}.{os.getpid()}")
            staged.write_bytes(content)
            os.replace(staged, path)
    return path


def point_latest(folder: Path) -> None:
    """Let `latest` beside a run's folder point to it."""
    staged = folder.parent / f".latest.{os.getpid()}"
    with writing(folder.parent):
        staged.unlink(missing_ok=True)
        staged.symlink_to(folder.name, target_is_directory=True)
        os.replace(staged, folder.parent / "latest")
