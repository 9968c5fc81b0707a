"""The store, keys and workers of a recipe, opened for whatever measures outside a build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflbuild.core.recipe import Recipe
from tflbuild.engine.analyses import Analyst
from tflbuild.engine.events import Listener
from tflbuild.engine.measure import Measurer
from tflbuild.engine.prepare import Prepared, prepare
from tflbuild.engine.run import Runner
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.workers.worker import Worker


@dataclass(frozen=True)
class Opened:
    """A recipe whose store is open.

    Attributes:
        prepared: the recipe on its data.
        measurer: measures models, and keeps what it found.
        runner: runs steps of the recipe.
        analyst: runs analyses.
    """

    prepared: Prepared
    measurer: Measurer
    runner: Runner
    analyst: Analyst


@contextmanager
def opened(
    recipe: Recipe,
    worker: Worker,
    tell: Listener = lambda event: None,
    warn: Callable[[str], None] = lambda text: None,
) -> Iterator[Opened]:
    """Open the store of a recipe, with the keys of its data; who asks stops the worker.

    Args:
        recipe: what is wanted.
        worker: what computes.
        tell: is told what happens.
        warn: is told what the user should know.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: its data are missing or empty.
    """
    prepared = prepare(recipe, worker.names, warn)
    prepared.store.prepare()
    try:
        index: Path = keep_index(prepared.index, prepared.store.root)
        parts = (prepared.recipe, prepared.keys, prepared.store, worker)
        measurer = Measurer(*parts, index, tell)
        runner, analyst = Runner(*parts, measurer, index, tell), Analyst(*parts, index, measurer, tell)
        yield Opened(prepared, measurer, runner, analyst)
    finally:
        prepared.store.close()
