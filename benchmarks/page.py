"""What the page of a run costs: `python benchmarks/page.py RUN`.

    RUN            the folder of a run that was not cached, e.g. outputs/ssd_mobilenet_int8/2026-12-01_03-20-00
    --times N      drawing and opening are done so often; the median is told

Printed: seconds that the build took for the analyses of the page (by the run's own events), for drawing and writing
`report.html` in a fresh process, imports and templates included, and together; the size of the page; seconds until
Chromium has opened it. Nothing in the run's folder is written.

Bars: 2 s together, 6 MB, 2 s to open.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import browsing  # noqa: E402 - the browser of the tests

ANALYSES = ("disagreements", "thresholds", "operator_times")
"""Analyses that every build runs for its page."""

MOST_SECONDS, MOST_BYTES = 2.0, 6 * 2**20

DRAW = """
import sys, time
from pathlib import Path
from tflbuild.engine.report_form import read_report
report = read_report(Path(sys.argv[1]))
begun = time.perf_counter()
from tflbuild.show.pages.beside import beside
from tflbuild.show.pages.page import render
Path(sys.argv[2]).write_text(render(report, beside(Path(sys.argv[1]))), encoding="utf-8")
print(time.perf_counter() - begun)
"""


def looking(run: Path, analysis: str) -> float:
    """Read off a run's events what an analysis took, the worker's start included; 0 where it was recalled."""
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    begun = [one["time"] for one in events if one.get("what") == f"analysis {analysis}"]
    ended = [one["time"] for one in events if one["event"] == "analysis" and one["name"] == analysis]
    return float(ended[-1] - begun[-1]) if begun and ended else 0.0


def drawing(run: Path, out: Path) -> float:
    """Draw the page in a process of its own; gives the seconds that it took."""
    command = [sys.executable, "-c", DRAW, str(run), str(out)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def opening(browser: browsing.Browser, page: Path) -> float:
    """Open the page; gives the seconds until it was loaded."""
    begun = time.perf_counter()
    with browser.open(page):
        return time.perf_counter() - begun


def median(measure: Callable[[], float], times: int) -> float:
    """Give the median of several times, after one that is left out."""
    measure()
    return statistics.median(measure() for _ in range(times))


def main() -> int:
    """Measure, and hold what was measured to the bars."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        found = {name: looking(given.run, name) for name in ANALYSES}
        samples, drawn = sum(found.values()), median(lambda: drawing(given.run, page), given.times)
        size, opened = page.stat().st_size, None
        if browsing.chromium():
            with browsing.browser() as browser:
                opened = median(lambda: opening(browser, page), given.times)
    for name, seconds in found.items():
        print(
            f"{f'{name}:':20} {seconds:.2f} s{'' if seconds else ' (recalled: give a run that was built anew)'}"
        )
    print(f"drawing and writing: {drawn:.2f} s")
    print(f"together:            {samples + drawn:.2f} s, bar {MOST_SECONDS:.0f}")
    print(f"size:                {size:,} bytes, bar {MOST_BYTES:,}")
    print(
        "opened in Chromium:  "
        + ("there is none" if opened is None else f"{opened:.2f} s, bar {MOST_SECONDS:.0f}")
    )
    return int(samples + drawn > MOST_SECONDS or size > MOST_BYTES or (opened or 0.0) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
