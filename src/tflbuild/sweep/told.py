"""Tell of a sweep once more: its summary, from what its jobs have left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.plain_text import plain
from tflbuild.show.audience import warn
from tflbuild.sweep.record import SweepRecord, read_ended
from tflbuild.sweep.show import say, show_summary
from tflbuild.sweep.summary import write_summary


def tell_again(folder: Path) -> int:
    """Print a sweep's summary, and write it again where nobody is building the sweep; gives 0.

    Raises:
        RecipeError: the folder holds no sweep that can be read.
    """
    record = read_ended(folder)
    summary = record.summary()
    show_summary(summary, folder)
    counts = Counter(job["status"].replace("_", " ") for job in summary["jobs"])
    say(f"{len(summary['jobs'])} jobs: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    if _written(record):
        left = [job for job in summary["jobs"] if job["status"] in ("waiting", "interrupted", "failed")]
        if left:
            say(f"to build the missing jobs: tflbuild rerun {plain(folder)}")
    return 0


def _written(record: SweepRecord) -> bool:
    """Write the summary again; gives whether nobody else is building the sweep."""
    try:
        with record.lock():
            write_summary(record.summary(), record.folder)
    except StoreError as error:
        warn(f"warning: {error}")
    except RecipeError:  # somebody holds it
        say("a build is running; some jobs are still waiting")
        return False
    return True
