"""A live row for each job of a sweep that a launcher's processes build now, and the time left of all of it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tflbuild.core.plain_text import plain
from tflbuild.show.audience import Sheltered
from tflbuild.show.durations import about, whole_seconds
from tflbuild.sweep.job import FrozenJob
from tflbuild.sweep.pace import Pace
from tflbuild.sweep.running_job import RunningJob

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import RenderableType

LOOK_EVERY = 0.5
"""Seconds between two looks at the jobs' folders."""

STEPS, BAR, TIME, LEFT, GAP = 5, 16, 10, 12, 2
"""Columns that a job's count of steps, its bar, its time and the time left need, and between two of them."""

LEAST_NAME, DOING = 16, 26
"""Columns that a job's name, and what it does, should have at least."""

MOST_ROWS = 20
"""Jobs that are shown at once; of a cluster's hundreds, those that began first."""


class LiveJobs:
    """The table of running jobs.

    Args:
        jobs: that are launched.
        pace: how fast they end.
        console: where it is drawn; None for the terminal.
    """

    def __init__(self, jobs: Sequence[FrozenJob], pace: Pace, console: Console | None = None) -> None:
        self._jobs = [RunningJob(job.name, Path(job.folder)) for job in jobs]
        self._differs = {job.name: job.differs for job in jobs}
        self._gone: set[int] = set()
        self._pace = pace
        self._looked = 0.0
        self._began = time.time()
        self.console = console or Console(
            file=cast("TextIO", Sheltered(sys.stdout)), markup=False, emoji=False, highlight=False
        )

    def end(self, position: int) -> None:
        """Drop the row of a job that has ended."""
        self._gone.add(position)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the rows meanwhile; what is printed appears above them."""
        with Live(
            self.render(),
            console=self.console,
            refresh_per_second=2,
            get_renderable=self.render,
            transient=True,
            redirect_stderr=False,
        ):
            yield

    def render(self) -> RenderableType:
        """Draw a row for each job that runs, and below them how far the sweep is."""
        now = time.time()
        if now - self._looked > LOOK_EVERY:
            self._looked = now
            for number, job in enumerate(self._jobs):
                if number not in self._gone:
                    job.look()
        running = [
            job
            for number, job in enumerate(self._jobs)
            if number not in self._gone
            and job.began is not None
            and job.began >= self._began - 1
            and not job.ended
        ]
        running.sort(key=lambda job: job.began or 0.0)
        table = self._table(running[:MOST_ROWS], now)
        waiting = len(self._jobs) - len(self._gone) - len(running)
        counts = [f"{len(running)} running", f"{waiting} waiting" if waiting > 0 else ""]
        left = self._left(running, now)
        counts.append("" if left is None else f"{about(left)} left for the sweep")
        return Group(
            table, Text(", ".join(filter(None, counts)), style="dim", no_wrap=True, overflow="ellipsis")
        )

    def _left(self, running: Sequence[RunningJob], now: float) -> float | None:
        """Estimate the seconds that the sweep takes yet: no fewer than one of its jobs."""
        left = self._pace.left()
        each = [job.left(now) for job in running]
        return None if left is None else max(left, *(one or 0.0 for one in each), 0.0)

    def _table(self, running: Sequence[RunningJob], now: float) -> Table:
        rest = self.console.width - (STEPS + TIME + LEFT + 4 * GAP)
        bar = BAR if rest >= LEAST_NAME + DOING + BAR + GAP else 0
        rest -= bar + GAP if bar else 0
        name = max(LEAST_NAME, min(rest - DOING, rest // 2))
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=False)
        for columns in (name, STEPS, max(rest - name, LEAST_NAME), *([bar] if bar else []), TIME, LEFT):
            table.add_column(width=columns, no_wrap=True, overflow="ellipsis")
        for job in running:
            label = short_name(job.name, self._differs[job.name], name)
            table.add_row(Text(plain(label)), *self._cells(job, now, with_bar=bool(bar)))
        return table

    def _cells(self, job: RunningJob, now: float, *, with_bar: bool) -> list[RenderableType]:
        bar: list[RenderableType] = [""] if with_bar else []
        what = ": ".join(filter(None, (job.label, job.note))) or "preparing"
        if job.progress:
            step, total = job.progress
            what = f"{job.label}: {step:,} of {total:,}"
            bar = [ProgressBar(total=total, completed=step, width=BAR)] if with_bar else []
        left = job.left(now)
        rest = "" if left is None else f"{about(left).removeprefix('about ').removeprefix('a few ')} left"
        count = f"{min(job.done + 1, job.steps)}/{job.steps}" if job.steps else ""
        return [
            count,
            Text(what),
            *bar,
            whole_seconds(now - (now if job.began is None else job.began)),
            rest,
        ]


def short_name(name: str, differs: Mapping[str, str], columns: int) -> str:
    """Name a job so that it can be told from others where there is little room: by its values alone.

    >>> differs = {"prune.sparsity": "0.5", "model.input_size": "96"}
    >>> [short_name("prune.sparsity=0.5,model.input_size=96", differs, columns) for columns in (40, 30, 20)]
    ['prune.sparsity=0.5,model.input_size=96', 'sparsity=0.5,input_size=96', '0.5, 96']
    """
    short = ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in differs.items())
    values = ", ".join(differs.values())
    return next((text for text in (name, short) if text and len(text) <= columns), values or name)
