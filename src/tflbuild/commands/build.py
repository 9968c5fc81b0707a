"""Building, the command without a name: one build, shown as it goes."""

from __future__ import annotations

import os

from tflbuild.core.errors import INTERRUPTED
from tflbuild.core.recipe import Recipe
from tflbuild.show.audience import say, warn


def build(recipe: Recipe) -> int:
    """Build one recipe into a new run folder; gives the exit code.

    Raises:
        TflbuildError: what the build ended with.
    """
    from tflbuild.session import build_once
    from tflbuild.show import terminal

    outcome = build_once(recipe, (terminal.listener(),))
    for line in terminal.outcome_lines(outcome.report.content, os.path.relpath(outcome.report.folder)):
        say(line)
    if recipe.run.time_passes:
        from tflbuild.show.timings import time_lines

        say("\n".join(time_lines(outcome.report.content)))
    if outcome.error is None:
        return 0
    if isinstance(outcome.error, KeyboardInterrupt):
        warn("interrupted; the same command continues")
        return INTERRUPTED
    raise outcome.error
