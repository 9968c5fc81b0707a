"""Time what starts often: `python benchmarks/startup.py`.

Prints wall seconds (median of several runs) of `--help`, `plan`, a fully cached build, and `import hydra` for
comparison, and the peak memory of the main process in a cached build. Builds the recipe first if the store in the
current folder lacks it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time


def main() -> None:
    """Print one line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    tflbuild = [sys.executable, "-m", "tflbuild"]
    build = [*tflbuild, *options.overrides]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    commands = {
        "import hydra": [sys.executable, "-c", "import hydra"],
        "--help": [*tflbuild, "--help"],
        "plan": [*tflbuild, "plan", *options.overrides],
        "cached build": build,
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - started)
    hydra = statistics.median(times["import hydra"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        spread = f"[{min(seconds):.3f}, {max(seconds):.3f}]"
        print(f"{name:<14} {median:6.3f} s  {spread}  {median / hydra:5.2f} x import hydra")
    print(f"main process of a cached build: {peak_mib(build):.0f} MiB")


def peak_mib(command: list[str]) -> float:
    """Give the peak memory of one process, not of its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    scale = 2**20 if sys.platform == "darwin" else 2**10
    assert isinstance(usage, resource.struct_rusage)
    return float(usage.ru_maxrss) / scale


if __name__ == "__main__":
    main()
