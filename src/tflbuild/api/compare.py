"""Compare from Python: runs side by side, or two model files on the same samples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from tflbuild.commands.compare import compared
from tflbuild.commands.compare_files import refuse_over_budget
from tflbuild.core.content import ToldContent
from tflbuild.core.errors import BudgetExceeded, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.session import listed_overrides
from tflbuild.show.file_comparison import FileComparison
from tflbuild.show.notebook import lines_html

Name = str | os.PathLike[str]


class Comparison(ToldContent):
    """A comparison: a mapping of what `tflbuild compare --json` prints."""

    def __repr__(self) -> str:
        return f"Comparison of {' and '.join(self._names)}"

    def _repr_html_(self) -> str:
        return lines_html(f"{' and '.join(self._names)}", self.lines)

    @property
    def _names(self) -> list[str]:
        return [str(name) for name in self.content.get("runs") or self.content.get("files") or ()]


def compare(*models: Name, overrides: Iterable[str] = ()) -> Comparison:
    """Compare runs, or two model files on the same samples.

    Args:
        models: folders of two or more runs or sweeps; or two model files.
        overrides: for files, the data, and limits that the second file is held to, e.g. ["data.root=photos/",
            "budget.top1.max_drop=0.01"].

    Returns:
        Of runs what differs in recipe, causes and figures; of files the paired difference of each metric, with its
        95 % interval.

    Raises:
        BudgetExceeded: the second file is over a limit; `error.report` is the comparison.
        RecipeError: a run, a file or the data cannot be used.
    """
    if len(models) < 2:
        raise RecipeError(f"compare: {len(models)} given; name two or more runs, or two model files.")
    made = compared([*(os.fspath(model) for model in models), *listed_overrides(overrides)])
    if not isinstance(made, FileComparison):
        content = made.to_json()
        jobs = content.get("jobs", {"": content})
        return Comparison(content, [line for name, job in jobs.items() for line in _lines(job, name)])
    found = Comparison(made.to_json(), made.lines())
    try:
        refuse_over_budget(made)
    except BudgetExceeded as error:
        error.report = found
        raise
    return found


def _lines(content: Mapping[str, Any], job: str) -> list[str]:
    """Say what differs between runs, and of which job where sweeps are compared."""
    before = f"{plain(job)}: " if job else ""
    return [
        f"{before}{section} {key}: {' | '.join(map(_said, values))}"
        for section in ("recipe", "causes", "figures")
        for key, values in content.get(section, {}).items()
    ]


def _said(value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        value = value["value"]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
