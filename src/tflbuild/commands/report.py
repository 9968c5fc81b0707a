"""`tflbuild report`: a run's outcome, and its page anew."""

from __future__ import annotations

from pathlib import Path

from tflbuild.commands.sweep_folders import is_sweep
from tflbuild.commands.words import one, say, warn
from tflbuild.core.command import command


@command("report", "print the outcome, and the time of each pass or job", usage="RUN_OR_SWEEP")
def report(words: list[str]) -> int:
    """Print a run's outcome, and write its page again: it leads to what was found out about the run since.

    Of a sweep it prints the summary, also while jobs are still being built.
    """
    from tflbuild.engine.report_form import read_report
    from tflbuild.show import terminal
    from tflbuild.show.breach import breach_lines
    from tflbuild.show.pages.publishing import publish_again
    from tflbuild.show.step_lines import LOADED, mark_of
    from tflbuild.show.timings import time_lines

    path = Path(one(words, "report RUN_OR_SWEEP"))
    if is_sweep(path):
        from tflbuild.sweep.told import tell_again

        return tell_again(path)
    content = read_report(path)
    folder = path if path.is_dir() else path.parent
    for step in content["passes"]:
        outcome = LOADED if mark_of(step) == LOADED else step["outcome"]
        say(f"{step['label']:<18} {outcome:<9} {terminal.primary_metric(step['metrics'])}")
        for verdict in step["verdicts"]:
            say(f"  gate {'open' if verdict['ok'] else 'CLOSED'}: {verdict['text']}", fold=True)
    for line in (*time_lines(content), *terminal.outcome_lines(content, str(folder))):
        say(line, fold=True)
    breach = breach_lines(content, str(folder))
    for line in breach:
        say(line, fold=True)
    if content["error"] and not breach:
        say(f"error: {content['error']}", fold=True)
    if path.is_dir() or path.name == "report.json":
        publish_again(folder, lambda text: warn([text]))
    return 0
