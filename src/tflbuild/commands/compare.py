"""`tflbuild compare`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tflbuild.commands.compare_files import compare_files, is_model_file, refuse_over_budget
from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.engine.explaining import short
from tflbuild.engine.lock import NAME, read_lock
from tflbuild.engine.report_form import read_report
from tflbuild.show import comparison
from tflbuild.show.file_comparison import FileComparison

USAGE = "usage: tflbuild compare RUN RUN [RUN ...] [--json], or compare FILE FILE data.root=FOLDER [KEY=VALUE ...]"


@command("compare", "two runs, or two model files on the same samples", usage="A B [data.root=D]")
def compare(words: list[str]) -> int:
    """Print what differs between runs in recipe, causes and figures, or how two model files differ on the same samples.

    Of runs it says in one line what does not differ. Of files it gives the paired difference of the task's metrics and
    of `fidelity`, sizes, latencies and operators; limits, e.g. `budget.top1.max_drop=0.01`, are judged on the second.

    Raises:
        RecipeError: fewer than two runs or files, or one that left no report.
        BudgetExceeded: the second file is over a limit.
    """
    made = compared([word for word in words if word != "--json"])
    if "--json" in words:
        say(json.dumps(made.to_json(), indent=1))
    elif isinstance(made, comparison.Comparison):
        _show(made)
    else:
        for line in made.lines():
            say(line)
    if not isinstance(made, comparison.Comparison):
        refuse_over_budget(made)
    return 0


def compared(runs: list[str]) -> comparison.Comparison | FileComparison:
    """Compare what words name, runs or two model files; prints nothing.

    Raises:
        RecipeError: fewer than two runs or files, or one that left no report.
    """
    files = [word for word in runs if is_model_file(word)]
    if files:
        return _files(files, [word for word in runs if word not in files])
    if len(runs) < 2 or any(run.startswith("-") for run in runs):
        raise RecipeError(USAGE)
    folders = [Path(run) for run in runs]
    reports = [_report(folder) for folder in folders]

    @cache
    def steps(position: int) -> Mapping[str, Any]:
        path = _folder(folders[position]) / NAME
        return read_lock(path)["steps"] if path.is_file() else {}

    def causes(position: int, label: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = steps(position).get(label, {}).get("causes")
        return found

    return comparison.compare(runs, reports, causes)


def _files(files: list[str], rest: list[str]) -> FileComparison:
    """Measure two model files on the same samples."""
    for word in rest:
        if Path(word).is_dir():
            raise RecipeError(
                f"compare: '{plain(word)}' is a folder, and '{plain(files[0])}' a file; name two runs, or two model "
                f"files."
            )
        if "=" not in word:
            raise RecipeError(f"compare: '{plain(word)}' is neither a model file nor KEY=VALUE. {USAGE}")
    return compare_files(files, rest)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _report(path: Path) -> dict[str, Any]:
    if (path / "sweep.json").is_file():
        raise RecipeError(f"compare: {plain(path)} is a sweep; name its jobs, e.g. {plain(path)}/*/")
    return read_report(path)


def _show(made: comparison.Comparison) -> None:
    import sys

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "",
        *(escape(plain(name)) for name in _names(made.runs)),
        box=None,
        header_style="bold",
        padding=(0, 2, 0, 0),
    )
    two = len(made.runs) == 2
    if two:
        table.add_column("change")
    for section in comparison.SECTIONS:
        if made.differing[section]:
            table.add_row(f"[bold]{section}[/bold]")
        for key, values in made.differing[section].items():
            change = [_change(values)] if two else []
            table.add_row(f"  {escape(plain(key))}", *(_text(value) for value in values), *change)
    Console(width=None if sys.stdout.isatty() else 200, markup=True, emoji=False).print(table)
    say(_equal(made))


def _names(runs: Sequence[str]) -> list[str]:
    """Leave out the folders that all names begin with."""
    parts = [Path(run).parts for run in runs]
    common = 0
    while all(len(part) > common + 1 and part[common] == parts[0][common] for part in parts):
        common += 1
    return [str(Path(*part[common:])) for part in parts]


def _equal(made: comparison.Comparison) -> str:
    counts = [f"{len(made.equal[section])} of {section}" for section in comparison.SECTIONS]
    return f"equal: {', '.join(counts)}"


def _text(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, Mapping) and "value" in value:
        return _measurement(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = plain(value, 2000)
    return escape(short(text) if len(text) == 64 else text)


def _measurement(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "not measured"
    text = f"{found['value']:,.0f}" if found["unit"] == "bytes" else f"{found['value']:.4f}"
    return text if found.get("low") is None else f"{text} ({found['low']:.4f} to {found['high']:.4f})"


def _change(values: Sequence[Any]) -> str:
    """Give the difference of two figures, where they are numbers."""
    before, after = (value.get("value") if isinstance(value, Mapping) else value for value in values)
    if isinstance(before, bool) or isinstance(after, bool):
        return ""
    if isinstance(before, int) and isinstance(after, int):
        return f"{after - before:+,}"
    if isinstance(before, int | float) and isinstance(after, int | float):
        return f"{after - before:+.4f}"
    return ""
