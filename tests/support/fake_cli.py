"""The command line with fake passes, in a process of its own: `python -m fake_cli -m recipe=fake prune.cost=0,1`."""

from __future__ import annotations

import sys

import fakes
import sweep_fakes  # noqa: F401 - declares
from tflbuild import plugins, session
from tflbuild.cli import main
from tflbuild.core import toolchain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.worker import Worker


def worker_for(recipe: Recipe) -> Worker:
    """Give a worker that knows the fakes."""
    return Worker(recipe.worker, recipe.device, ("sweep_fakes:load", None), fakes.NAMES)


if __name__ == "__main__":
    session.worker_for = worker_for
    plugins._loaded[None] = plugins.Loaded()  # the built-in declarations are left out
    toolchain._providers = dict  # reading every installed distribution takes a while, and none has the fakes
    sys.exit(main())
