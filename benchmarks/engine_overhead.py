"""Compare a cold build with a hand-written script of the same steps: `python benchmarks/engine_overhead.py`.

Both start from nothing in a fresh process and end with the same figures: train, prune, convert, quantize to int8,
mAP of each on the val split and of the first and last on the test split with the same intervals and paired
differences, latency. The script (`benchmarks/by_hand.py`) uses the same stack and is one process. They alternate
A B B A, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run both in turn and print the ratio of their wall times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--train-steps", type=int, default=1000)
    parser.add_argument("--prune-steps", type=int, default=300)
    options = parser.parse_args()
    ratios = []
    for pair in range(options.pairs):
        order = ["tflbuild", "by hand"] if pair % 2 == 0 else ["by hand", "tflbuild"]
        seconds = {name: timed(name, options) for name in order}
        ratios.append(seconds["tflbuild"] / seconds["by hand"])
        rounded = {name: round(value, 1) for name, value in seconds.items()}
        print(json.dumps({**rounded, "ratio": round(ratios[-1], 3)}), flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} over {len(ratios)} pairs (bar: 1.05)")


def timed(name: str, options: argparse.Namespace) -> float:
    """Give the wall seconds of one cold run in an empty folder."""
    steps = [f"train.steps={options.train_steps}", f"prune.steps={options.prune_steps}"]
    with tempfile.TemporaryDirectory() as folder:
        if name == "tflbuild":
            free = [f"{label}budget.map.max_drop=1" for label in ("", "prune.", "quantize.")]
            command = [sys.executable, "-m", "tflbuild", "recipe=ssd_mobilenet_int8", *steps, *free]
        else:
            command = [
                sys.executable,
                str(HERE / "by_hand.py"),
                *map(str, (options.train_steps, options.prune_steps)),
            ]
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
