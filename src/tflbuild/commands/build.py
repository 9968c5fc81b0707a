"""Building, the command without a name: one build, shown as it goes."""

from __future__ import annotations

import os

from tflbuild.core.errors import INTERRUPTED
from tflbuild.core.recipe import Recipe
from tflbuild.show.audience import say
from tflbuild.show.interrupted import show_interrupted


def build(recipe: Recipe, command: str) -> int:
    """Build one recipe into a new run folder; gives the exit code.

    Args:
        recipe: what is wanted.
        command: that goes on with it where it is interrupted.

    Raises:
        TflbuildError: what the build ended with.
    """
    from tflbuild.session import build_once
    from tflbuild.show import terminal

    try:
        outcome = build_once(recipe, (terminal.listener(),))
    except KeyboardInterrupt:  # before there was a run folder
        show_interrupted(command)
        return INTERRUPTED
    for line in terminal.outcome_lines(outcome.report.content, os.path.relpath(outcome.report.folder)):
        say(line, fold=True)
    if recipe.run.time_passes:
        from tflbuild.show.timings import time_lines

        say("\n".join(time_lines(outcome.report.content)))
    if outcome.error is None:
        return 0
    if isinstance(outcome.error, KeyboardInterrupt):
        show_interrupted(command)
        return INTERRUPTED
    raise outcome.error
