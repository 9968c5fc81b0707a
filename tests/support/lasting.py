"""Workers that serve the builds of one test after the other, each in its own folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tflbuild.core.names import Names
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.request import finished
from tflbuild.engine.workers.worker import Worker


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


class Warm:
    """The workers that builds share which want the same, the last two: starting TensorFlow takes seconds."""

    def __init__(self) -> None:
        self._workers: list[tuple[object, _Lasting]] = []

    def worker_for(self, recipe: Recipe, loader: tuple[str, Any], names: Names) -> Worker:
        """Give the worker for a recipe, where this process stands; one that knows plugins serves no other folder."""
        variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        kind = (recipe.worker, recipe.device, loader, names, _written(recipe.plugins), variables)
        worker = next((worker for known, worker in self._workers if known == kind), None)
        if worker is None:
            worker = _Lasting(recipe.worker, recipe.device, loader, names)
        self._workers = [(kind, worker), *(pair for pair in self._workers if pair[1] is not worker)]
        self.end(2)
        worker.stand_in(os.getcwd())
        return worker

    def end(self, kept: int = 0) -> None:
        """End all but the last so many."""
        for _, old in self._workers[kept:]:
            old.end()
        del self._workers[kept:]


def _written(folder: Path | None) -> list[tuple[str, int]]:
    """Give the files of plugins, and when each was written."""
    found = sorted(folder.glob("*.py")) if folder else []
    return [(path.name, path.stat().st_mtime_ns) for path in found]
