"""Build some jobs of a sweep, keep a row of each whatever happens, and sum up when the last has ended."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Set
from contextlib import nullcontext
from pathlib import Path

from tflbuild.core.errors import INTERRUPTED, UNEXPECTED
from tflbuild.sweep.job import JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.pace import Pace
from tflbuild.sweep.record import SweepRecord
from tflbuild.sweep.show import show_row, show_summary, show_times
from tflbuild.sweep.summary import write_json, write_summary

HERE = ("serial", "basic")
"""Launchers that build in this process, where each build shows itself."""

EXIT_ORDER = (INTERRUPTED, UNEXPECTED, 4, 3, 6, 2, 5, 7, 0)
"""Exit codes by precedence: a sweep exits with the first of these that any job had."""


def settle(
    record: SweepRecord,
    positions: list[int],
    work: Callable[[Done], None],
    total: int,
    first: int = 1,
    parallel: int = 1,
) -> bool:
    """Have some of the jobs built; whatever happens, each has its row in the summary.

    Args:
        record: the sweep.
        positions: of the jobs in the record.
        work: launches them.
        total: how many jobs there will be, as the user is told.
        first: the number of the first.
        parallel: how many run at once.

    Returns:
        Whether the user interrupted it.
    """
    ended = itertools.count(first)
    interrupted = False
    pace = Pace([record.entries[position].about for position in positions], total - first + 1, parallel)
    live = None
    if record.launcher not in HERE and sys.stdout.isatty():
        from tflbuild.sweep.live_jobs import LiveJobs

        live = LiveJobs(record.frozen(positions), pace)

    def done(position: int, result: JobResult) -> None:
        nonlocal interrupted
        interrupted = interrupted or result.exit_code == INTERRUPTED
        record.note(positions[position], result)
        pace.end(position)
        if live is not None:
            live.end(position)
        number = next(ended)
        show_row(result.row, f"[{number}/{total}]", pace.left() if number < total else None)
        frozen = record.entries[positions[position]].frozen
        if frozen is not None and frozen.mapping.get("time_passes"):
            show_times(Path(frozen.folder))

    try:
        with live.shown() if live is not None else nullcontext():
            work(done)
    except KeyboardInterrupt:
        interrupted = True
    except BaseException:
        record.close(positions, interrupted=False)
        write_json(record.summary(), record.folder)
        raise
    record.close(positions, interrupted=interrupted)
    return interrupted


def finish(record: SweepRecord) -> int:
    """Write and show the summary of a sweep that has ended; gives its exit code."""
    summary = record.summary()
    write_summary(summary, record.folder)
    show_summary(summary, record.folder)
    return exit_code_of({job["exit_code"] for job in summary["jobs"]})


def exit_code_of(codes: Set[int]) -> int:
    """Give the exit code of a sweep whose jobs would have ended with these."""
    return next((code for code in EXIT_ORDER if code in codes), max(codes, default=0))
