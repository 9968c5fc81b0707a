"""A folder in which tests run the command as a user does: in this process with a warm worker, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from conforming import run_conforms
from lasting import Warm
from tflbuild import plugins, session
from tflbuild.cli import main
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.worker import Worker
from tflbuild.wiring import NAMES

OPEN_GATES = [f"{key}budget.map.max_drop=1" for key in ("prune.", "quantize.", "")]
SHORT = ["train.steps=30", "train.batch_size=8", "prune.steps=10", "prune.batch_size=8"]
FEW = ["data.train=100", "data.val=20", "data.test=20"]
TINY = [*SHORT, *FEW, *OPEN_GATES]
"""Settings of `ssd_mobilenet_int8` that build in a quarter of a minute, and learn nothing."""


class Workspace:
    """A folder in which the command is run.

    Args:
        folder: which one.
        store: one that others use too; None for one of its own.
    """

    def __init__(self, folder: Path, store: Path | None = None) -> None:
        self.folder = folder
        if store:
            (folder / "outputs").mkdir()
            (folder / "outputs" / "store").symlink_to(store)

    def run(self, *words: str, code: int = 0) -> str:
        """Run the command here; gives what it printed. What it needs TensorFlow for, a warm worker does."""
        given, printed = self.answer(*words)
        assert given == code, printed
        return printed

    def answer(self, *words: str) -> tuple[int, str]:
        """Run the command here; gives its exit code and what it printed."""
        printed = io.StringIO()
        with (
            _in_folder(self.folder),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            given = main(words)
        return given, printed.getvalue()

    def python(self, text: str, names: dict[str, Any]) -> None:
        """Run Python here as a script of the user's does, with the names that earlier parts of it left."""
        with _in_folder(self.folder), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, "script.py", "exec"), names)

    def run_apart(self, *words: str, code: int = 0) -> str:
        """Run the command in a process of its own; gives what it printed."""
        command = [sys.executable, "-m", "tflbuild", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def report(self, recipe: str) -> dict[str, Any]:
        """Give the report of the newest run of a recipe."""
        path = self.folder / "outputs" / recipe / "latest" / "report.json"
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    def build(self, *words: str, code: int = 0, apart: bool = False) -> dict[str, Any]:
        """Run a build; gives its report, which fits its schema, as its events do."""
        (self.run_apart if apart else self.run)(*words, code=code)
        name = words[0].partition("=")[2]
        run_conforms(self.folder / "outputs" / name / "latest")
        return self.report(name)


_WARM = Warm()


def _worker_for(recipe: Recipe) -> Worker:
    return _WARM.worker_for(recipe, (plugins.LOADER, recipe.plugins), NAMES)


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Stand in a folder as a new process does: with its plugins, and none of another folder's."""
    with (
        contextlib.chdir(folder),
        warnings.catch_warnings(),
        mock.patch.object(plugins, "_loaded", {}),
        mock.patch.object(session, "worker_for", _worker_for),
    ):
        warnings.simplefilter("default")
        before = set(sys.modules)
        try:
            yield
        finally:
            new = [
                name for name in sys.modules.keys() - before if name.startswith(plugins.LOCAL_PACKAGE + ".")
            ]
            for module in new:
                plugins._forget(module)
