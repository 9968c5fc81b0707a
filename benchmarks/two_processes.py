"""Compare two processes that build the same recipe in one cold store with one: `python benchmarks/two_processes.py`.

Whoever comes second waits for each result and then has a hit, so that both together compute what one alone does.
They alternate A B B A, so that a machine that slows down slows both.
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
from typing import Any

BAR = 1.1


def main() -> None:
    """Print the wall seconds of both, their ratio, and what was computed how often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--train-steps", type=int, default=800)
    parser.add_argument("--prune-steps", type=int, default=300)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    steps = [f"train.steps={options.train_steps}", f"prune.steps={options.prune_steps}"]
    gates = [f"{label}budget.map.max_drop=1" for label in ("", "prune.", "quantize.")]
    command = [sys.executable, "-m", "tflbuild", *options.overrides, *steps, *gates]
    ratios = []
    for pair in range(options.pairs):
        found = {count: together(command, count) for count in ((1, 2) if pair % 2 == 0 else (2, 1))}
        ratios.append(found[2]["seconds"] / found[1]["seconds"])
        same = found[2]["delivered"] == found[1]["delivered"]
        shown = {
            "alone": round(found[1]["seconds"], 1),
            "two": round(found[2]["seconds"], 1),
            "ratio": round(ratios[-1], 3),
            "computed_alone": found[1]["computed"],
            "computed_by_two": found[2]["computed"],
            "same_bytes": same,
        }
        print(json.dumps(shown), flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} over {len(ratios)} pairs (bar: {BAR})")


def together(command: list[str], count: int) -> dict[str, Any]:
    """Build with so many processes at once in a new store; gives seconds and what they did."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        processes = [subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) for _ in range(count)]
        codes = [process.wait() for process in processes]
        seconds = time.perf_counter() - started
        if any(codes):
            sys.exit(f"a build ended with {codes}")
        runs = [path.parent for path in Path(folder).glob("outputs/*/2*/report.json")]
        reports = [json.loads((run / "report.json").read_text(encoding="utf-8")) for run in runs]
        ran = sum(step["outcome"] == "ran" for report in reports for step in report["passes"])
        measured = sum(
            (run / "events.jsonl").read_text(encoding="utf-8").count('"event": "measuring"') for run in runs
        )
        delivered = {target["sha256"] for report in reports for target in report["targets"]}
        return {
            "seconds": seconds,
            "computed": {"passes": ran, "measurements": measured},
            "delivered": delivered,
        }


if __name__ == "__main__":
    main()
