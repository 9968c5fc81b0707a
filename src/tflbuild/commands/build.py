"""Building, the command without a name: one build, shown as it goes."""

from __future__ import annotations

import os

from tflbuild.core.errors import INTERRUPTED, BudgetExceeded
from tflbuild.core.recipe import Recipe
from tflbuild.show.audience import say, warn
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
    from tflbuild.show.breach import breach_lines
    from tflbuild.show.conclusion import conclusion
    from tflbuild.show.toned import say_toned

    try:
        outcome = build_once(recipe, (terminal.listener(),))
    except KeyboardInterrupt:  # before there was a run folder
        show_interrupted(command)
        return INTERRUPTED
    report, folder = outcome.report.content, os.path.relpath(outcome.report.folder)
    sentence, *lines = terminal.outcome_lines(report, folder)
    say_toned(sentence, conclusion(report).tone)
    for line in lines:
        say(line, fold=True)
    if recipe.run.time_passes:
        from tflbuild.show.timings import time_lines

        say("\n".join(time_lines(report)))
    if outcome.error is None:
        return 0
    if isinstance(outcome.error, KeyboardInterrupt):
        show_interrupted(command)
        return INTERRUPTED
    breach = breach_lines(report, folder) if isinstance(outcome.error, BudgetExceeded) else []
    if not breach:
        raise outcome.error
    for line in (f"error: {breach[0]}", *breach[1:]):
        warn(line, fold=True)
    return outcome.error.exit_code
