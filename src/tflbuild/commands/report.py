"""`tflbuild report`: a run's outcome."""

from __future__ import annotations

import json
from pathlib import Path

from tflbuild.commands.words import one, say
from tflbuild.core.errors import RecipeError


def report(words: list[str]) -> int:
    """Print a run's outcome."""
    from tflbuild import terminal
    from tflbuild.timings import time_lines

    folder = Path(one(words, "report RUN"))
    path = folder / "report.json" if folder.is_dir() else folder
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"report: {path} cannot be read: {error}") from error
    for step in content["passes"]:
        say(f"{step['label']:<18} {step['outcome']:<9} {terminal.primary_metric(step['metrics'])}")
        for verdict in step["verdicts"]:
            say(f"  gate {'open' if verdict['ok'] else 'CLOSED'}: {verdict['text']}")
    for line in (*time_lines(content), *terminal.outcome_lines(content, str(path.parent))):
        say(line)
    if content["error"]:
        say(f"error: {content['error']}")
    return 0
