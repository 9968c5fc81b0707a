"""Time `tflbuild check` of a file: `python benchmarks/check_time.py FILE`.

Prints wall and processor seconds of a fresh process each time, as a user starts it, and whether the bar on the wall
seconds is held and no framework was imported. Other words are those of the command; without any, three targets.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

SECONDS = 1.5
"""What a check of a file of 4 MB on three targets may take."""
TARGETS = "target=[edgetpu,cpu,tflite_micro]"
FRAMEWORKS = ("tensorflow", "tf_keras", "litert_quantizer", "onnx")


def main() -> None:
    """Print a line for each kind of time and one for each bar; end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("file")
    parser.add_argument("words", nargs="*", default=[TARGETS])
    options = parser.parse_args()
    words = ["check", options.file, *options.words]
    timed(words)
    walls, processors = zip(*(timed(words) for _ in range(options.runs)), strict=True)
    load = os.getloadavg()[0]
    print(f"{' '.join(words)}: {os.path.getsize(options.file):,} bytes, n {options.runs}, load {load:.1f}")
    for name, seconds in {"wall": walls, "processor": processors}.items():
        print(f"{name:<10} {statistics.median(seconds):.2f} s  [{min(seconds):.2f}, {max(seconds):.2f}]")
    held = [
        bar(f"at most {SECONDS} s", statistics.median(walls) <= SECONDS),
        bar("no framework imported", not imported(words)),
    ]
    sys.exit(not all(held))


def timed(words: list[str]) -> tuple[float, float]:
    """Give wall and processor seconds of one command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "tflbuild", *words], check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imported(words: list[str]) -> list[str]:
    """Name the frameworks that the command imports."""
    code = (
        f"import sys; from tflbuild.cli import main; main({words!r}); "
        f"print(*[name for name in {FRAMEWORKS!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stderr.split()


def bar(name: str, held: bool) -> bool:
    """Print whether a bar is held."""
    print(f"{'held' if held else 'MISSED'}: {name}")
    return held


if __name__ == "__main__":
    main()
