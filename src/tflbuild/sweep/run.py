"""Sweeps: every job of a grid is composed and frozen before the first one starts."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from rich.console import Console
from rich.table import Table

from tflbuild import session, terminal
from tflbuild.core import digest
from tflbuild.core.errors import INTERRUPTED, RecipeError, TflbuildError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Build
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import Prepared, prepare
from tflbuild.engine.store import writing
from tflbuild.engine.worker import Worker
from tflbuild.recipe import load_recipe

SCHEMA = "tflbuild.summary/1"
EXIT_ORDER = (INTERRUPTED, 4, 3, 6, 2, 5, 7, 0)
"""A sweep exits with the first of these that any job had."""


@dataclass(kw_only=True)
class Job:
    """One combination of a grid.

    Attributes:
        overrides: everything that was typed for it, `recipe=` included.
        differs: what distinguishes it, e.g. {"prune.sparsity": "0.5"}.
        recipe: None where it is invalid.
        prepared: the recipe with its data; None where it is invalid.
        exit_code: as a build by itself would have ended.
        row: what the summary says of it.
    """

    overrides: list[str]
    differs: dict[str, str]
    recipe: Recipe | None = None
    prepared: Prepared | None = None
    exit_code: int = 0
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name its folder by what differs."""
        text = ",".join(f"{key}={value}" for key, value in self.differs.items()) or "only"
        name = re.sub(r"[^\w=.,+-]+", "_", text)
        return name if len(name) <= 180 else f"{name[:160]}-{digest.of_bytes(text.encode())[:12]}"


def run_sweep(overrides: list[str]) -> int:
    """Build every combination; gives the exit code."""
    jobs = expand(overrides)
    for job in jobs:
        _freeze(job)
    valid = [job for job in jobs if job.recipe is not None]
    if not valid:
        raise RecipeError(f"no job of the sweep is valid: {jobs[0].row['error']}")
    print(_announcement(jobs))  # noqa: T201 - this is the terminal
    folder = _make_folder(valid)
    _run_all(valid, folder)
    summary = {"schema": SCHEMA, "command": overrides, "jobs": [job.row for job in jobs]}
    write_summary(summary, folder)
    show_summary(summary)
    print(f"summary: {os.path.relpath(folder)}/summary.html")  # noqa: T201
    codes = {job.exit_code for job in jobs}
    return next(code for code in EXIT_ORDER if code in codes)


def expand(overrides: list[str]) -> list[Job]:
    """Give the jobs of a grid in the order Hydra would run them."""
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise RecipeError(str(error)) from error
    choices = []
    swept = []
    for override in parsed:
        key = override.get_key_element()
        if override.is_sweep_override():
            swept.append(key.lstrip("+"))
            choices.append([(key, str(value)) for value in override.sweep_string_iterator()])
        else:
            choices.append([(key, override.input_line or "")])
    jobs = []
    for combination in itertools.product(*choices):
        typed = [f"{key}={value}" if key.lstrip("+") in swept else value for key, value in combination]
        differs = {key.lstrip("+"): value for key, value in combination if key.lstrip("+") in swept}
        jobs.append(Job(overrides=typed, differs=differs))
    return jobs


def _freeze(job: Job) -> None:
    try:
        job.recipe = load_recipe(job.overrides)
        job.prepared = prepare(job.recipe)
    except TflbuildError as error:
        job.recipe = None
        job.exit_code = error.exit_code
        job.row = {
            "overrides": job.differs,
            "status": "invalid",
            "run": None,
            "error": str(error),
            "metrics": {},
        }


def _announcement(jobs: list[Job]) -> str:
    """Say how many jobs and distinct passes there are, and how many of them would run."""
    distinct: dict[str, bool] = {}
    for job in jobs:
        if job.prepared is None:
            continue
        chain = ""
        for planned in plan(job.prepared.recipe, job.prepared.keys, job.prepared.store).steps:
            chain = planned.key or digest.of_json([chain, _symbol(job.prepared, planned.step.label)])
            distinct[chain] = planned.status == "HIT"
    running = sum(not hit for hit in distinct.values())
    return f"{len(jobs)} jobs, {len(distinct)} distinct passes, {running} to run"


def _symbol(prepared: Prepared, label: str) -> dict[str, Any]:
    """Give what decides a step whose input is not known yet."""
    return prepared.keys.action(prepared.recipe.steps[label], None)


def _make_folder(jobs: list[Job]) -> Path:
    recipes = {job.recipe.name for job in jobs if job.recipe}
    first = jobs[0].recipe
    assert first is not None
    parent = first.outputs / (recipes.pop() if len(recipes) == 1 else "sweep")
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(1):
            folder = parent / (f"sweep-{stamp}" if count == 1 else f"sweep-{stamp}-{count}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    return folder


def _run_all(jobs: list[Job], folder: Path) -> None:
    worker: Worker | None = None
    stopped = False
    try:
        for position, job in enumerate(jobs):
            assert job.recipe is not None
            if worker is None or (worker.options, worker.device) != (job.recipe.worker, job.recipe.device):
                if worker is not None:
                    worker.stop()
                worker = session.worker_for(job.recipe)
            if stopped:
                job.exit_code = INTERRUPTED
                job.row = {"overrides": job.differs, "status": "interrupted", "run": None, "metrics": {}}
                continue
            print(f"[{position + 1}/{len(jobs)}] {job.name}", flush=True)  # noqa: T201
            _run_one(job, folder / job.name, worker)
            stopped = job.exit_code == INTERRUPTED
    finally:
        if worker is not None:
            worker.stop()


def _run_one(job: Job, folder: Path, worker: Worker) -> None:
    assert job.recipe is not None
    started = time.time()

    def make_folder() -> Path:
        with writing(folder.parent):
            folder.mkdir()
        return folder

    try:
        outcome = Build(job.recipe, make_folder, worker, (terminal.listener(),), session.publish).run()
    except TflbuildError as error:
        job.exit_code = error.exit_code
        job.row = {
            "overrides": job.differs,
            "status": "failed",
            "run": None,
            "error": str(error),
            "metrics": {},
        }
        return
    if outcome.error is not None:
        interrupted = isinstance(outcome.error, KeyboardInterrupt)
        job.exit_code = INTERRUPTED if interrupted else getattr(outcome.error, "exit_code", 4)
        print(f"  {outcome.report['error']}")  # noqa: T201
    job.row = summary_row(job.differs, outcome.report.content, folder, time.time() - started)


def summary_row(
    differs: Mapping[str, str], report: Mapping[str, Any], folder: Path, seconds: float
) -> dict[str, Any]:
    """Give what a summary says of a finished job."""
    row: dict[str, Any] = {
        "overrides": dict(differs),
        "status": report["status"],
        "run": folder.name,
        "error": report["error"],
        "seconds": round(seconds, 2),
        "base": report["base"],
        "metrics": {},
    }
    if report["targets"]:
        target = report["targets"][0]
        row |= {
            "metrics": target["metrics"],
            "bytes": target["bytes"],
            "compressed_bytes": target["compressed_bytes"],
            "latency_ms": (target.get("latency_ms") or {}).get("median"),
            "sha256": target["sha256"],
        }
    return row


def table_of(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give a summary as headings and rows of text: what differs, accuracy, drop, size, latency, time, status."""
    keys = list(dict.fromkeys(key for job in summary["jobs"] for key in job["overrides"]))
    metric = next(
        (name for job in summary["jobs"] for name in ("map", "top1") if name in job["metrics"]), "map"
    )
    headings = [*keys, metric, "drop", "bytes", "compressed", "latency ms", "seconds", "status"]
    rows = []
    for job in summary["jobs"]:
        value = job["metrics"].get(metric, {}).get("value")
        base = job.get("base", {}).get("metrics", {}).get(metric, {}).get("value")
        drop = base - value if value is not None and base is not None else None
        figures = [
            _text(value, "{:.4f}"),
            _text(drop, "{:+.4f}"),
            _text(job.get("bytes"), "{}"),
            _text(job.get("compressed_bytes"), "{}"),
            _text(job.get("latency_ms"), "{:.3f}"),
            _text(job.get("seconds"), "{:.1f}"),
        ]
        rows.append([*(str(job["overrides"].get(key, "")) for key in keys), *figures, job["status"]])
    return headings, rows


def write_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Write `summary.json`, `summary.csv` and `summary.html`."""
    from tflbuild.pages.page import render_summary

    headings, rows = table_of(summary)
    text = io.StringIO()
    csv.writer(text).writerows([headings, *rows])
    writers: dict[str, Callable[[], str]] = {
        "summary.json": lambda: json.dumps(summary, indent=1) + "\n",
        "summary.csv": text.getvalue,
        "summary.html": lambda: render_summary(dict(summary)),
    }
    with writing(folder):
        for name, content in writers.items():
            (folder / name).write_text(content(), encoding="utf-8")


def show_summary(summary: Mapping[str, Any]) -> None:
    """Print a summary's table."""
    headings, rows = table_of(summary)
    table = Table(*headings, box=None, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for job in summary["jobs"]:
        if job.get("error"):
            print(f"{job['overrides']}: {job['error']}")  # noqa: T201


def _text(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
