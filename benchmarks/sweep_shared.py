"""Compare a sweep with as many separate cold builds: `python benchmarks/sweep_shared.py`.

The grid is 2 input sizes x 4 sparsities. The sweep trains each size once and starts one worker; a separate build is a
process of its own with a store of its own, one after another on the same cores. Both start from nothing, and the files
that both deliver are compared byte by byte. They alternate if there are several pairs, so that a machine that slows
down slows both.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR = 0.5


def main() -> None:
    """Print the wall seconds of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 128])
    parser.add_argument("--sparsities", type=float, nargs="+", default=[0.5, 0.6, 0.7, 0.8])
    parser.add_argument("--train-steps", type=int, default=800)
    parser.add_argument("--prune-steps", type=int, default=60)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    ratios = []
    for pair in range(options.pairs):
        order = [sweep, separately] if pair % 2 == 0 else [separately, sweep]
        seconds, files = {}, {}
        for run in order:
            seconds[run.__name__], files[run.__name__] = run(options)
        same = files["sweep"] == files["separately"]
        ratios.append(seconds["sweep"] / seconds["separately"])
        rounded = {name: round(value, 1) for name, value in seconds.items()}
        print(json.dumps({**rounded, "ratio": round(ratios[-1], 3), "same_bytes": same}), flush=True)
    jobs = len(options.sizes) * len(options.sparsities)
    print(
        f"sweep of {jobs} against {jobs} cold builds: median ratio {statistics.median(ratios):.3f} (bar: {BAR})"
    )


def sweep(options: argparse.Namespace) -> tuple[float, list[str]]:
    """Build the grid as one sweep; gives wall seconds and the digests of what was delivered."""
    sizes, sparsities = (",".join(map(str, values)) for values in (options.sizes, options.sparsities))
    words = ["-m", *common(options), f"model.input_size={sizes}", f"prune.sparsity={sparsities}"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = timed(words, folder)
        summary = next(Path(folder).glob("outputs/*/sweep-*/summary.json"))
        jobs = json.loads(summary.read_text(encoding="utf-8"))["jobs"]
        return seconds, [digest(summary.parent / job["run"] / "model.tflite") for job in jobs]


def separately(options: argparse.Namespace) -> tuple[float, list[str]]:
    """Build the grid one by one, each with a store of its own; gives wall seconds and digests likewise."""
    total, files = 0.0, []
    for size, sparsity in itertools.product(options.sizes, options.sparsities):
        words = [*common(options), f"model.input_size={size}", f"prune.sparsity={sparsity}"]
        with tempfile.TemporaryDirectory() as folder:
            total += timed(words, folder)
            files.append(digest(next(Path(folder).glob("outputs/*/latest/model.tflite"))))
    return total, files


def common(options: argparse.Namespace) -> list[str]:
    """Give what every job has: short trainings, and limits that none of them exceeds."""
    steps = [f"train.steps={options.train_steps}", f"prune.steps={options.prune_steps}"]
    free = [f"{label}budget.map.max_drop=1" for label in ("", "prune.", "quantize.")]
    return [*options.overrides, *steps, *free]


def timed(words: list[str], folder: str) -> float:
    """Give the wall seconds of one command in an empty folder."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tflbuild", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


def digest(path: Path) -> str:
    """Give the digest of a delivered file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
