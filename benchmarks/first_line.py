"""Time from Enter to the first line on the terminal, and to the rest of the header.

    python benchmarks/first_line.py [--runs 10] [OVERRIDE ...]

Starts `tflbuild recipe=...` on a pseudo-terminal in a fresh process each time, reads what is written there, and ends
the build once its header is whole. Bar: the first line within 0.5 s.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR = 0.5
LINES = ("recipe ", "folder ", "log ", "steps ")
RECIPE = ["recipe=mobilenet_v1_int8", "data.train=60", "data.val=20", "data.test=20", "train.steps=200"]


def main() -> int:
    """Print when each line of the header came; gives 1 where the first is over the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    found: dict[str, list[float]] = {line: [] for line in LINES}
    spent: list[float] = []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            seen, processor = header(given.overrides or RECIPE, Path(folder))
            spent.append(processor)
            for line, seconds in seen.items():
                found[line].append(seconds)
    for line, times in found.items():
        if times:
            low, high = min(times), max(times)
            print(
                f"{line.strip():8} median {statistics.median(times):.2f} s  [{low:.2f}, {high:.2f}]  n {len(times)}"
            )
    first = statistics.median(found[LINES[0]])
    processor, load = statistics.median(spent), os.getloadavg()[0]
    print(f"processor time until the first line: {processor:.2f} s; the machine's load is {load:.1f}")
    print(f"first line: {first:.2f} s, bar {BAR} s: {'held' if first <= BAR else 'MISSED'}")
    return int(first > BAR)


def header(overrides: list[str], folder: Path) -> tuple[dict[str, float], float]:
    """Start a build on a terminal.

    Returns:
        The seconds after which each line of its header was there, and the processor time until the first.
    """
    ours, theirs = pty.openpty()
    program = shutil.which("tflbuild", path=str(Path(sys.executable).parent)) or "tflbuild"
    began = time.monotonic()
    process = subprocess.Popen(
        [program, *overrides], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen: dict[str, float] = {}
    text, processor = "", 0.0
    while len(seen) < len(LINES) and time.monotonic() - began < 120:
        ready, _, _ = select.select([ours], [], [], 1.0)
        try:
            text += os.read(ours, 4096).decode(errors="replace") if ready else ""
        except OSError:  # the program has ended
            break
        for line in LINES:
            if line not in seen and any(one.startswith(line) for one in text.splitlines()):
                seen[line] = time.monotonic() - began
                processor = processor or processor_time(process.pid)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
    os.close(ours)
    return seen, processor


def processor_time(pid: int) -> float:
    """Give the seconds that a process has computed so far."""
    figures = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
