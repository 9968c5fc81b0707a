"""The record of a sweep in its folder: `sweep.json` with the frozen jobs, and the summary as far as it goes.

`sweep.json` is written once, before the first job starts. What has been built since is found in the jobs' own
reports, so that a sweep that is killed loses no result.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.errors import RecipeError
from tflbuild.core.form import Malformed, check
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.report_form import read_report
from tflbuild.engine.run_folder import make_stamped_folder, stamped
from tflbuild.engine.storage.disk import replace_file
from tflbuild.engine.storage.kernel_lock import take
from tflbuild.engine.storage.store import writing
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.record_form import FINISHED, SAID, SCHEMA, SWEEP
from tflbuild.sweep.row import row_of_interruption, row_of_loss, row_of_report, row_of_waiting
from tflbuild.sweep.summary import summarise, write_json

SUMMARY_EVERY = 1.0
"""Seconds between two writings of `summary.json` while jobs end."""


@dataclass(kw_only=True)
class Entry:
    """One job of a sweep.

    Attributes:
        frozen: what to build; None where its recipe could not be composed.
        row: what the summary says of it.
        about: seconds that it will take, given that those before it are built; None where nobody knows.
    """

    frozen: FrozenJob | None
    row: dict[str, Any]
    about: float | None = None


@dataclass(kw_only=True)
class SweepRecord:
    """A sweep and its folder.

    Attributes:
        folder: where it lies.
        command: what was typed.
        launcher: where its jobs run.
        launcher_options: of the launcher.
        entries: one a job, in the order of the grid.
    """

    folder: Path
    command: list[str]
    launcher: str
    launcher_options: Mapping[str, Any]
    entries: list[Entry]
    _written: float = field(default=0.0, repr=False)

    def write(self) -> None:
        """Write `sweep.json`, flushed to the disk: it is what a killed sweep continues from."""
        content = {
            "schema": SCHEMA,
            "command": self.command,
            "launcher": self.launcher,
            "launcher_options": dict(self.launcher_options),
            "jobs": [_entry_to_json(entry) for entry in self.entries],
        }
        with writing(self.folder):
            replace_file(self.folder / "sweep.json", json.dumps(content) + "\n")

    def summary(self) -> dict[str, Any]:
        """Give the content of `summary.json`."""
        known = [str(entry.frozen.mapping.get("recipe", "")) for entry in self.entries if entry.frozen]
        recipes = ", ".join(dict.fromkeys(name for name in known if name))
        return summarise([entry.row for entry in self.entries], self.command, recipes, stamped(self.folder))

    def unfinished(self) -> list[int]:
        """Give the positions of the jobs that can be built and are not."""
        return [
            position
            for position, entry in enumerate(self.entries)
            if entry.frozen is not None and entry.row["status"] not in FINISHED
        ]

    def frozen(self, positions: list[int]) -> list[FrozenJob]:
        """Give the frozen jobs at some positions, each of which can be built."""
        jobs = [self.entries[position].frozen for position in positions]
        assert all(job is not None for job in jobs)
        return [job for job in jobs if job is not None]

    def note(self, position: int, result: JobResult) -> None:
        """Take a job's result, and write the summary as far as it goes."""
        self.entries[position].row = result.row
        if time.monotonic() - self._written > SUMMARY_EVERY:
            write_json(self.summary(), self.folder)
            self._written = time.monotonic()

    def close(self, positions: list[int], *, interrupted: bool) -> None:
        """Mark the jobs that were launched and of which no result came."""
        row = row_of_interruption if interrupted else row_of_loss
        for entry in (self.entries[position] for position in positions):
            if entry.row["status"] == "waiting":
                entry.row = row(entry.row["name"], entry.row["overrides"])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the sweep, so that no second process builds into its folders; gone with the process.

        Raises:
            RecipeError: another process holds it.
        """
        with writing(self.folder):
            held = take(self.folder / ".lock", wait=False)
        if held is None:
            raise RecipeError(f"{self.folder}: another process is building this sweep.")
        try:
            yield
        finally:
            held.remove()


def read_ended(folder: Path) -> SweepRecord:
    """Read a sweep's folder with what its summary says of the jobs that left no finished report: failed, interrupted.

    Raises:
        RecipeError: there is no `sweep.json`, or it is none.
    """
    record = read_record(folder)
    try:
        content = json_text.read_mapping(folder / "summary.json")
        check(content, SAID)
    except (OSError, ValueError, Malformed):
        return record  # it was killed before its first job ended
    said = {row["name"]: row for row in content["jobs"]}
    for entry in record.entries:
        row = said.get(entry.row["name"])
        if entry.row["status"] == "waiting" and row is not None and row["status"] not in FINISHED:
            entry.row = row
    return record


def make_sweep_folder(recipes: Sequence[Recipe]) -> Path:
    """Make `<outputs>/<recipe>/sweep-<timestamp>`, exclusively; `<outputs>/sweep/` for several recipes."""
    names = {recipe.name for recipe in recipes}
    parent = recipes[0].outputs / (names.pop() if len(names) == 1 else "sweep")
    return make_stamped_folder(parent, "sweep-")


def read_record(folder: Path) -> SweepRecord:
    """Read a sweep's folder, the results that its jobs left included.

    Raises:
        RecipeError: there is no `sweep.json`, or it is none.
    """
    path = folder / "sweep.json"
    try:
        content = json_text.read_mapping(path)
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise RecipeError(f"{plain(path)} cannot be read: {error}.") from error
    if content.get("schema") != SCHEMA:
        raise RecipeError(
            f"{plain(path)}: its schema is {plain(content.get('schema'))}, this tflbuild reads {SCHEMA}."
        )
    try:
        check(content, SWEEP)
    except Malformed as error:
        raise RecipeError(f"{plain(path)} is not a sweep: {error}.") from error
    _check_different([entry["row"]["name"] for entry in content["jobs"]], path)
    return SweepRecord(
        folder=folder,
        command=content["command"],
        launcher=content["launcher"],
        launcher_options=content["launcher_options"],
        entries=[_entry_from_json(entry, folder) for entry in content["jobs"]],
    )


def _check_different(names: list[str], path: Path) -> None:
    """Refuse two jobs of one name: the second would remove what the first has built."""
    for name, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise RecipeError(
                f"{plain(path)} is not a sweep: {count} of its jobs are called '{plain(name)}'."
            )


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    job = entry.frozen
    if job is None:
        return {"frozen": None, "row": entry.row}
    frozen = {
        "mapping": job.mapping,
        "overrides": list(job.overrides),
        "plugins": job.plugins,
        "cwd": job.cwd,
        "assumed": job.assumed,
    }
    return {"frozen": frozen, "row": entry.row}


def _entry_from_json(content: Mapping[str, Any], folder: Path) -> Entry:
    row, frozen = content["row"], content["frozen"]
    if frozen is None:
        return Entry(frozen=None, row=row)
    name, differs = row["name"], row["overrides"]
    job = FrozenJob(
        mapping=frozen["mapping"],
        overrides=tuple(frozen["overrides"]),
        differs=differs,
        name=name,
        plugins=frozen["plugins"],
        folder=str(folder.resolve() / name),
        cwd=frozen["cwd"],
        assumed=frozen.get("assumed", False),
    )
    report = _report_of(folder / name)
    status = report.get("status", "")
    if status in FINISHED:
        row = row_of_report(name, differs, report, FINISHED[status])
    elif row["status"] in FINISHED:
        row = row_of_waiting(name, differs)  # what is not in the job's own report was not built
    return Entry(frozen=job, row=row)


def _report_of(folder: Path) -> dict[str, Any]:
    """Give the report that a job left; empty where it was killed before it had written everything, or is none."""
    if folder.is_symlink() or not (folder / "report.html").is_file():
        return {}
    try:
        return read_report(folder / "report.json")
    except RecipeError:
        return {}
