"""Kill a real build at random moments, then let it finish: `python benchmarks/faults.py --kills 50`.

The build trains, prunes, converts and quantizes with TensorFlow, on few steps, in a store that is empty at first. The
main process, its workers or both are ended with SIGKILL after a random time, in turn, and the same command is given
again; after every kill the store is verified and no process may be left. When a run gets through, the digest of every
pass's output and of the delivered file is compared with those of a build that was never disturbed, and the next
round begins with another empty store. Random moments come from `--seed`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

SHORT = ["train.steps=60", "prune.steps=40", "data.train=160", "data.val=40", "data.test=40"]
OPEN_GATES = [f"{label}budget.map.max_drop=1" for label in ("", "prune.", "quantize.")]
OFTEN = ["worker.checkpoint_seconds=0"]  # a checkpoint whenever the loss is looked at, every 20 steps
VICTIMS = ("main", "worker", "both")


def main() -> None:
    """Print a line for every kill and every round, and the counts; exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    command = [sys.executable, "-m", "tflbuild", *options.overrides, *SHORT, *OPEN_GATES, *OFTEN]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        faults = Faults(command, Path(folder), random.Random(options.seed))
        faults.run(options.kills)
    print(json.dumps({**faults.counts(), "seconds": round(time.perf_counter() - started)}))
    sys.exit(bool(faults.wrong))


class Faults:
    """Rounds of kills, each in a store of its own.

    Args:
        command: the build.
        folder: where the rounds' folders go.
        chance: gives moments.
    """

    def __init__(self, command: list[str], folder: Path, chance: random.Random) -> None:
        self._command, self._folder, self._chance = command, folder, chance
        self._victims: Counter[str] = Counter()
        self._phases: Counter[str] = Counter()
        self._rounds, self._resumed = 0, 0
        self.wrong: list[str] = []

    def run(self, kills: int) -> None:
        """Kill so often, letting every round finish."""
        clean = self._folder / "clean"
        clean.mkdir()
        started = time.perf_counter()
        subprocess.run(self._command, cwd=clean, check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - started
        right = outputs(clean)
        while self._victims.total() < kills:
            self._rounds += 1
            folder = self._folder / f"round-{self._rounds}"
            folder.mkdir()
            while self._victims.total() < kills and self._killed(folder, self._chance.uniform(0, whole)):
                self._verify(folder)
            done = subprocess.run(self._command, cwd=folder, capture_output=True, text=True, check=False)
            self._judge(folder, right, done)

    def counts(self) -> dict[str, Any]:
        """Say what was done and what came of it."""
        return {
            "kills": self._victims.total(),
            "of": dict(self._victims),
            "during": dict(self._phases),
            "rounds": self._rounds,
            "trainings_continued": self._resumed,
            "wrong": self.wrong,
        }

    def _killed(self, folder: Path, delay: float) -> bool:
        """Start the build and kill it after a while; gives False if it had ended before."""
        process = subprocess.Popen(
            self._command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            pass
        else:
            return False
        workers = psutil.Process(process.pid).children(recursive=True)
        victim = VICTIMS[self._victims.total() % 3] if workers else "main"
        for killed in [*(workers if victim != "main" else []), *([process] if victim != "worker" else [])]:
            killed.kill()
        process.wait()
        self._expect(bool(psutil.wait_procs(workers, timeout=20)[1]), False, "a worker outlived its build")
        during = phase(folder)
        self._victims[victim] += 1
        self._phases[during] += 1
        print(json.dumps({"killed": victim, "after": round(delay, 1), "during": during}), flush=True)
        return True

    def _verify(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tflbuild", "cache", "verify"]
        if (folder / "outputs" / "store").is_dir():
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            self._expect(done.returncode, 0, f"cache verify: {done.stdout}{done.stderr}")

    def _judge(self, folder: Path, right: dict[str, str], done: subprocess.CompletedProcess[str]) -> None:
        self._expect(done.returncode, 0, f"{folder.name} did not finish: {done.stderr}")
        if done.returncode == 0:
            self._expect(outputs(folder), right, f"{folder.name} gave other bytes")
        logs = folder.glob("outputs/*/*/log.txt")
        resumed = sum(
            path.read_text(encoding="utf-8").count("continued from step")
            for path in logs
            if path.parent.name != "latest"
        )
        self._resumed += resumed
        print(json.dumps({"round": self._rounds, "trainings_continued": resumed}), flush=True)

    def _expect(self, found: object, wanted: object, text: str) -> None:
        if found != wanted:
            self.wrong.append(text)
            print(text, file=sys.stderr)


def outputs(folder: Path) -> dict[str, str]:
    """Give the digests of what the newest run made, by label, and of what it delivered."""
    report = json.loads(next(folder.glob("outputs/*/latest/report.json")).read_text(encoding="utf-8"))
    made = {step["label"]: step["output"] for step in report["passes"]}
    return made | {f"delivered for {target['name']}": target["sha256"] for target in report["targets"]}


def phase(folder: Path) -> str:
    """Name what the newest run was doing, by the last event it wrote."""
    runs = sorted((path for path in folder.glob("outputs/*/2*")), key=lambda path: path.stat().st_ctime_ns)
    if not runs or not (runs[-1] / "events.jsonl").exists():
        return "start"
    events = [json.loads(line) for line in (runs[-1] / "events.jsonl").read_text().splitlines()]
    if events[-1]["event"] in ("failed", "finished") and len(events) > 1:
        events = [event for event in events if event["event"] not in ("failed", "finished", "warning")]
    last = events[-1] if events else {"event": "start"}
    return {
        "pass_started": f"pass {last.get('label')}",
        "measuring": f"measuring {last.get('what')}",
    }.get(last["event"], f"after {last['event']}")


if __name__ == "__main__":
    main()
