"""`tflbuild compare`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.commands.compare_files import compare_files, is_model_file, refuse_over_budget
from tflbuild.commands.paired_runs import Paired, paired_with_first
from tflbuild.commands.sweep_folders import in_every, is_sweep, with_jobs
from tflbuild.commands.words import say
from tflbuild.core.change import signed, unsigned
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.file_size import signed_size, size
from tflbuild.core.plain_text import plain
from tflbuild.engine.explaining import short
from tflbuild.engine.lock import NAME, read_lock
from tflbuild.engine.report_form import read_report
from tflbuild.show import comparison
from tflbuild.show.file_comparison import FileComparison

USAGE = (
    "usage: tflbuild compare RUN_OR_SWEEP [RUN_OR_SWEEP ...] [--json], or compare FILE FILE data.root=FOLDER "
    "[KEY=VALUE ...]"
)

LEAST_CHANGE = 0.0001
"""A smaller change is written by its first digits: four places would make it +0.0000."""


class ComparedRuns(NamedTuple):
    """Runs side by side, and each held against the first, sample by sample."""

    made: comparison.Comparison
    paired: Sequence[Paired]

    def to_json(self) -> dict[str, Any]:
        """Give the form that `--json` prints."""
        return self.made.to_json() | {"paired": [one.to_json() for one in self.paired]}


class ComparedSweeps(NamedTuple):
    """Sweeps side by side.

    Attributes:
        jobs: those that all sweeps have, by name.
        others: names of the others, by the sweep's folder.
    """

    jobs: Mapping[str, ComparedRuns]
    others: Mapping[str, Sequence[str]]

    def to_json(self) -> dict[str, Any]:
        """Give the form that `--json` prints."""
        return {"jobs": {name: one.to_json() for name, one in self.jobs.items()}, "others": dict(self.others)}


@command("compare", "two runs, or two model files on the same samples", usage="A B [data.root=D]")
def compare(words: list[str]) -> int:
    """Print what differs between runs in recipe, causes and figures, or how two model files differ on the same samples.

    Of two runs on the same test samples it gives the paired difference of the task's metrics, with its interval, and
    it says in one line what does not differ. A sweep stands for its jobs, and of two sweeps the jobs of the
    same name are compared. Of files it gives the paired difference of the task's metrics and
    of `fidelity`, sizes, latencies and operators; limits, e.g. `budget.top1.max_drop=0.01`, are judged on the second.

    Raises:
        RecipeError: fewer than two runs or files, or one that left no report.
        BudgetExceeded: the second file is over a limit.
    """
    made = compared([word for word in words if word != "--json"])
    if "--json" in words:
        say(json.dumps(made.to_json(), indent=1))
    elif isinstance(made, ComparedRuns):
        _show(*made)
    elif isinstance(made, ComparedSweeps):
        _show_sweeps(made)
    else:
        for line in made.lines():
            say(line)
    if isinstance(made, FileComparison):
        refuse_over_budget(made)
    return 0


def compared(runs: list[str]) -> ComparedRuns | ComparedSweeps | FileComparison:
    """Compare what words name, runs, sweeps or two model files; prints nothing.

    Raises:
        RecipeError: fewer than two runs or files, or one that left no report.
    """
    files = [word for word in runs if is_model_file(word)]
    if files:
        return _files(files, [word for word in runs if word not in files])
    if any(run.startswith("-") for run in runs) or (len(runs) < 2 and not any(map(is_sweep, runs))):
        raise RecipeError(USAGE)
    if len(runs) == 1:
        runs = with_jobs("compare", runs)
        if len(runs) < 2:
            raise RecipeError(
                f"compare: {plain(runs[0])} is the only job of its sweep with a report; name another run."
            )
    if all(map(is_sweep, runs)):
        return _sweeps(runs)
    return _runs(with_jobs("compare", runs))


def _sweeps(folders: list[str]) -> ComparedSweeps:
    """Compare the jobs that some sweeps have in common."""
    shared, others = in_every(folders)
    if not shared:
        raise RecipeError(
            f"compare: no job of {' and '.join(map(plain, folders))} has the same name and a report."
        )
    jobs = {name: _runs([str(Path(folder) / name) for folder in folders]) for name in shared}
    return ComparedSweeps(jobs, others)


def _runs(runs: list[str]) -> ComparedRuns:
    folders = [Path(run) for run in runs]
    reports = [read_report(folder) for folder in folders]

    @cache
    def steps(position: int) -> Mapping[str, Any]:
        path = _folder(folders[position]) / NAME
        return read_lock(path)["steps"] if path.is_file() else {}

    def causes(position: int, label: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = steps(position).get(label, {}).get("causes")
        return found

    made = comparison.compare(runs, reports, causes)
    return ComparedRuns(made, paired_with_first(runs, [_folder(folder) for folder in folders], reports))


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


def _show_sweeps(made: ComparedSweeps) -> None:
    for name, one in made.jobs.items():
        say(f"\n{plain(name)}")
        _show(*one)
    for folder, names in made.others.items():
        if names:
            say(f"only in {plain(folder)}: {', '.join(map(plain, names))}")


def _show(made: comparison.Comparison, paired: Sequence[Paired]) -> None:
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
            told = next((text for one in paired if (text := one.change(key))), "")
            change = [escape(told) or _change(values, key)] if two else []
            table.add_row(f"  {escape(plain(key))}", *(_text(value, key) for value in values), *change)
    Console(width=None if sys.stdout.isatty() else 200, markup=True, emoji=False).print(table)
    first, *others = _names(made.runs)
    for name, one in zip(others, paired, strict=False):
        for line in one.lines(name, first):
            say(line)
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


def _text(value: Any, key: str = "") -> str:
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, Mapping) and "value" in value:
        return _measurement(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return size(value) if _is_size(key) else f"{value:,}"
    text = plain(value, 2000)
    return escape(short(text) if len(text) == 64 else text)


def _measurement(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "not measured"
    if found["unit"] == "bytes":
        return size(found["value"])
    return unsigned(found["value"], found.get("low"), found.get("high"))


def _change(values: Sequence[Any], key: str = "") -> str:
    """Give the difference of two figures, where they are numbers."""
    before, after = (value.get("value") if isinstance(value, Mapping) else value for value in values)
    if isinstance(before, bool) or isinstance(after, bool):
        return ""
    if isinstance(before, int) and isinstance(after, int):
        change = after - before
        return signed_size(change) if _is_size(key) else f"{change:+,}"
    if isinstance(before, int | float) and isinstance(after, int | float):
        moved = after - before
        return signed(moved) if not moved or abs(moved) >= LEAST_CHANGE else f"{moved:+.3g}"
    return ""


def _is_size(key: str) -> bool:
    return key.rpartition(".")[2] in ("bytes", "compressed_bytes")
