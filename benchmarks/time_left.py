"""How good the estimate of a build's total time is, ten seconds after its start.

    python benchmarks/time_left.py [--runs 10] [--after 10] [OVERRIDE ...]

Builds a small recipe again and again, each time in a fresh process and with nothing in the store but what its passes
took: the first build teaches the times, the others are estimated. The estimate is the one that is shown to a person,
the time so far and the time left. Bar: within 30 % in 8 of 10 builds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BAR, WANTED = 0.3, 0.8
RECIPE = [
    "recipe=mobilenet_v1_int8",
    "model.input_size=64",
    "data.train=400",
    "data.val=100",
    "data.test=100",
    "train.steps=200",
    "prune.steps=100",
    "quantize.method=fixed",
    "prune.budget.top1.max_drop=1",
    "convert.budget.top1.max_drop=1",
    "quantize.budget.top1.max_drop=1",
    "budget.top1.max_drop=1",
    "quantize.fallback=null",
]
RESULTS = ("blobs", "actions", "checkpoints", "quarantine")


def main() -> int:
    """Print estimate and truth of each build; gives 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--after", type=float, default=10.0)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    overrides = given.overrides or RECIPE
    if given.once:
        print(json.dumps(built(overrides, given.after)))
        return 0
    within = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.runs + 1):
            for name in RESULTS:
                shutil.rmtree(Path(folder) / "outputs" / "store" / name, ignore_errors=True)
            estimate, actual = started(overrides, given.after, folder)
            if number == 0:
                print(f"first build: {actual:.1f} s", flush=True)
                continue
            apart = float("inf") if estimate is None else (estimate - actual) / actual
            within += abs(apart) <= BAR
            said = "none" if estimate is None else f"{estimate:.1f} s"
            print(f"build {number}: estimate {said}, took {actual:.1f} s, {apart:+.0%}", flush=True)
    held = within >= WANTED * given.runs
    print(f"within {BAR:.0%} in {within} of {given.runs}, bar {WANTED:.0%}: {'held' if held else 'MISSED'}")
    return int(not held)


def started(overrides: list[str], after: float, folder: str) -> tuple[float | None, float]:
    """Build in a fresh process; gives the estimate and what it took."""
    command = [sys.executable, str(Path(__file__).resolve()), "--once", f"--after={after}", *overrides]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    estimate, actual = json.loads(done.stdout.splitlines()[-1])
    return estimate, actual


def built(overrides: list[str], after: float) -> tuple[float | None, float]:
    """Build here; gives the estimate of the whole after some seconds, and what the whole took."""
    from tflbuild.recipe.load import load_recipe
    from tflbuild.session import build_once
    from tflbuild.show.time_left import TimeLeft

    time_left = TimeLeft()
    found: list[float | None] = []
    began = time.time()

    def look() -> None:
        left = time_left.left(time.time())
        found.append(None if left is None else time.time() - began + left)

    timer = threading.Timer(after, look)
    timer.start()
    outcome = build_once(load_recipe(overrides), (time_left,))
    took = time.time() - began
    timer.cancel()
    if outcome.error is not None:
        raise outcome.error
    return (found[0] if found else took), took


if __name__ == "__main__":
    sys.exit(main())
