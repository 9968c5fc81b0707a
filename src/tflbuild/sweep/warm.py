"""One warm worker for jobs that are built one after another."""

from __future__ import annotations

from types import TracebackType

from tflbuild import session
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.worker import Worker


class WarmWorker:
    """Give every recipe the same worker, replaced where a recipe asks for another kind of process."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._kind: object = None

    def __call__(self, recipe: Recipe) -> Worker:
        """Give the worker for a recipe."""
        kind = (recipe.worker, recipe.device, recipe.plugins)
        if self._worker is None or self._kind != kind:
            self.stop()
            self._worker, self._kind = session.worker_for(recipe), kind
        return self._worker

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._worker is not None:
            self._worker.stop()
        self._worker = None

    def __enter__(self) -> WarmWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
