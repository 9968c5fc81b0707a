"""Time a sweep of which everything is in the store: `python benchmarks/sweep_cached.py`.

Runs `tflbuild -m` over jobs that differ in nothing that costs (the limit of the delivered file's size) and prints the
wall seconds a job, start-up and summary included, beside what composing the same jobs takes by itself in this process,
which is Hydra's. Builds the recipe first if the store in the current folder lacks it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

BAR = 0.15
"""Seconds a job, of which composing was measured at 0.08."""


def main() -> None:
    """Print seconds a job, and the share of composing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    tflbuild = [sys.executable, "-m", "tflbuild"]
    subprocess.run([*tflbuild, *options.overrides], check=True, stdout=subprocess.DEVNULL)
    limits = range(10**9, 10**9 + options.jobs)
    swept = f"budget.size.max=range({limits.start},{limits.stop})"
    sweeps, composings = [], []
    for _ in range(options.runs):
        sweeps.append(timed([*tflbuild, "-m", *options.overrides, swept]) / options.jobs)
        composings.append(composing(options.overrides, limits) / options.jobs)
    sweep, compose = statistics.median(sweeps), statistics.median(composings)
    spread = f"[{min(sweeps):.4f}, {max(sweeps):.4f}]"
    print(f"cached sweep of {options.jobs} jobs: {sweep:.4f} s a job {spread} (bar: {BAR})")
    print(f"composing by itself: {compose:.4f} s a job, {compose / sweep:.0%} of it")


def timed(command: list[str]) -> float:
    """Give the wall seconds of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def composing(overrides: list[str], limits: range) -> float:
    """Give the wall seconds of composing and validating every job, imports left out."""
    from tflbuild.recipe.load import load_recipe

    load_recipe([*overrides, f"budget.size.max={limits[0]}"])
    started = time.perf_counter()
    for limit in limits:
        load_recipe([*overrides, f"budget.size.max={limit}"])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
