"""A folder in which tests run the command as a user does: in this process with a warm worker, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tflbuild import plugins, session
from tflbuild.cli import main
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.request import finished
from tflbuild.engine.workers.worker import Worker
from tflbuild.wiring import NAMES

OPEN_GATES = [f"{key}budget.map.max_drop=1" for key in ("prune.", "quantize.", "")]
SHORT = ["train.steps=30", "train.batch_size=8", "prune.steps=10", "prune.batch_size=8"]
FEW = ["data.train=100", "data.val=20", "data.test=20"]
TINY = [*SHORT, *FEW, *OPEN_GATES]
"""Settings of `ssd_mobilenet_int8` that build in a quarter of a minute, and learn nothing."""


class Workspace:
    """A folder in which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0) -> str:
        """Run the command here; gives what it printed. What it needs TensorFlow for, a warm worker does."""
        printed = io.StringIO()
        with (
            _in_folder(self.folder),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            given = main(words)
        assert given == code, printed.getvalue()
        return printed.getvalue()

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
        """Run a build; gives its report."""
        (self.run_apart if apart else self.run)(*words, code=code)
        return self.report(words[0].partition("=")[2])


class _Lasting(Worker):
    """A worker that goes on when its build is done, and can be sent to another folder."""

    folder = ""

    def stop(self) -> None:
        """Leave it for the next build."""

    def end(self) -> None:
        """Kill every process."""
        super().stop()

    def stand_in(self, folder: str) -> None:
        """Send the processes that run to a folder; others are started where this process stands."""
        if folder != self.folder:
            for process in (self._process, *self.crew._members):
                if process._popen is not None and process._popen.poll() is None:
                    finished(process.begin("call", "standing:stand_in", folder, who="the tests"))
        self.folder = folder


class _Warm:
    """The workers that builds share which want the same, the last two: starting TensorFlow takes seconds."""

    def __init__(self) -> None:
        self._workers: list[tuple[object, _Lasting]] = []

    def worker_for(self, recipe: Recipe) -> Worker:
        """Give the worker for a recipe, where this process stands; one that knows plugins serves no other folder."""
        variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        kind = (recipe.worker, recipe.device, recipe.plugins, _written(recipe.plugins), variables)
        worker = next((worker for known, worker in self._workers if known == kind), None)
        if worker is None:
            worker = _Lasting(recipe.worker, recipe.device, (plugins.LOADER, recipe.plugins), NAMES)
        self._workers = [(kind, worker), *(pair for pair in self._workers if pair[1] is not worker)]
        for _, old in self._workers[2:]:
            old.end()
        del self._workers[2:]
        worker.stand_in(os.getcwd())
        return worker


_WARM = _Warm()


def _written(folder: Path | None) -> list[tuple[str, int]]:
    """Give the files of plugins, and when each was written."""
    found = sorted(folder.glob("*.py")) if folder else []
    return [(path.name, path.stat().st_mtime_ns) for path in found]


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Stand in a folder as a new process does: with its plugins, and none of another folder's."""
    with (
        contextlib.chdir(folder),
        warnings.catch_warnings(),
        mock.patch.object(plugins, "_loaded", {}),
        mock.patch.object(session, "worker_for", _WARM.worker_for),
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
