"""Time what starts often: `python benchmarks/startup.py`.

Prints wall seconds of `--help`, `plan` and a fully cached build, their ratio to `import hydra` in the same run, the
peak memory of the main process of a cached build, and whether the bars are held. Builds the recipe first if the store
in the current folder lacks it. Other words are overrides of the recipe.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS, RATIO, MEMORY = 0.8, 3.5, 120
"""What a fully cached build may take: seconds, multiples of `import hydra`, MiB in its main process."""


def main() -> None:
    """Print one line per command and one per bar; end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
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
    with tempfile.TemporaryDirectory(prefix="tflbuild-startup-") as folder:
        environment = users_environment(folder)
        for command in commands.values():
            timed(command, environment)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                times[name].append(timed(command, environment))
        memory = peak_mib(build, environment)
    ratios = {name: paired(times[name], times["import hydra"]) for name in commands}
    for name, seconds in times.items():
        median, spread = statistics.median(seconds), f"[{min(seconds):.3f}, {max(seconds):.3f}]"
        print(f"{name:<14} {median:6.3f} s  {spread}  {ratios[name]:5.2f} x import hydra")
    held = [
        bar("cached build, seconds", statistics.median(times["cached build"]), SECONDS),
        bar("cached build, x import hydra", ratios["cached build"], RATIO),
        bar("main process, MiB", memory, MEMORY),
    ]
    sys.exit(not all(held))


def paired(times: list[float], references: list[float]) -> float:
    """Give the median of ratios, each of two runs that followed one another: a busy machine slows both."""
    return statistics.median(time / reference for time, reference in zip(times, references, strict=True))


def bar(what: str, value: float, limit: float) -> bool:
    """Print a figure beside its bar; say whether it is held."""
    print(f"{what:<30} {value:7.2f}  bar {limit:g}: {'held' if value <= limit else 'MISSED'}")
    return value <= limit


def users_environment(folder: str) -> dict[str, str]:
    """Give an environment in which Python keeps bytecode, as after an installation."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Give the wall seconds of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


def peak_mib(command: list[str], environment: dict[str, str]) -> float:
    """Give the peak memory of one process, not of its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    scale = 2**20 if sys.platform == "darwin" else 2**10
    assert isinstance(usage, resource.struct_rusage)
    return float(usage.ru_maxrss) / scale


if __name__ == "__main__":
    main()
