"""Sweep from Python as the command line does: `tflbuild.sweep("int8", ["quantize.scheme=int8,int16x8"])`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core import json_text
from tflbuild.core.content import Content
from tflbuild.core.errors import INTERRUPTED, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.session import words_of
from tflbuild.show.notebook import Report, load_report, table_html
from tflbuild.sweep.run import run_sweep
from tflbuild.sweep.summary import SCHEMA, table_of


class Sweep(Content):
    """A sweep: a mapping of what `summary.json` holds, which a notebook shows as a table.

    Args:
        folder: of the sweep.
        content: what `summary.json` holds.

    Attributes:
        folder: as given; its `summary.html` is the page, and each job has a folder in it.
        content: as given.
    """

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.folder = folder
        self.content = content

    def __repr__(self) -> str:
        ended = ", ".join(f"{job['name']} {job['status']}" for job in self.jobs[:8])
        more = ", ..." if len(self.jobs) > 8 else ""
        return f"Sweep({len(self.jobs)} jobs: {ended}{more}; {os.path.relpath(self.folder)})"

    def _repr_html_(self) -> str:
        headings, rows = table_of(self.content)
        return table_html(f"{len(rows)} jobs in {os.path.relpath(self.folder)}", headings, rows)

    @property
    def jobs(self) -> list[Mapping[str, Any]]:
        """Give a row for each job, in the order of the grid: `name`, `overrides`, `status`, `metrics`, `bytes`, ..."""
        return list(self.content["jobs"])

    def reports(self) -> dict[str, Report]:
        """Give the report of every job that left one, by the job's name."""
        folders = {job["name"]: self.folder / job["name"] for job in self.jobs}
        return {
            name: load_report(folder)
            for name, folder in folders.items()
            if (folder / "report.json").is_file()
        }


def sweep(recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Sweep:
    """Build every combination, as `tflbuild -m` does.

    Args:
        recipe: name of a recipe.
        overrides: as on the command line; one with several values, e.g. "prune.sparsity=0.5,0.7", is swept.
            `hydra/launcher=...` and `hydra/sweeper=...` choose where jobs run, and a search.
        show: print progress.

    Returns:
        The summary. Jobs that failed, or that are over their budget, are rows in it and raise nothing.

    Raises:
        RecipeError: a word is wrong, or no job of the sweep is valid.
        KeyboardInterrupt: it was interrupted; `tflbuild rerun FOLDER` continues.
    """
    words = words_of(recipe, overrides)
    folders: list[Path] = []
    plugins.load(plugins.default_folder())
    with contextlib.ExitStack() as stack:
        if not show:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        code = run_sweep(words, folders.append)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return load_sweep(folders[0])


def load_sweep(folder: str | os.PathLike[str]) -> Sweep:
    """Read the summary of a sweep that was built earlier.

    Raises:
        RecipeError: there is none.
    """
    path = Path(folder)
    file = path / "summary.json"
    try:
        content = json_text.read_mapping(file)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{plain(path)} is not a folder of a sweep: it has no summary.json that can be read."
        ) from error
    if content.get("schema") != SCHEMA:
        raise RecipeError(f"{plain(file)} is not a summary of a sweep; its schema is not {SCHEMA}.")
    return Sweep(path, content)
