"""Run `driver.py` in processes of its own, kill them, and check by hand what they leave."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from forked import Forked

HERE = Path(__file__).parent
Job = dict[str, Any]


class Workshop:
    """A folder with a store, runs and a log, and processes that build there.

    Args:
        folder: empty or not there yet.
        pause: seconds that slow fakes wait at every stop.
    """

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.log = folder / "fake.log"
        self.log.touch()
        self._started: list[Forked] = []
        self._numbers = itertools.count()
        self.environment = {
            **os.environ,
            "FAKE_LOG": str(self.log),
            "FAKE_PAUSE": str(pause),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join([str(folder), str(HERE), *sys.path]),
        }

    def job(self, **fields: Any) -> Job:
        """Give a job in this folder's store."""
        return {"store": str(self.store), "outputs": str(self.outputs), **fields}

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def start(self, *jobs: Job, **environment: str) -> Forked:
        """Start building jobs, one after the other, in one process."""
        name = str(next(self._numbers))  # threads start builds at the same time
        process = Forked([json.dumps(jobs)], {**self.environment, **environment}, self.folder, name)
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
                process.communicate()

    def run(self, *jobs: Job, code: int = 0, **environment: str) -> list[dict[str, Any]]:
        """Build jobs to the end; gives what was said of each."""
        said, errors, given = self.finish(self.start(*jobs, **environment))
        assert given == code, errors
        return said

    def finish(self, process: Forked) -> tuple[list[dict[str, Any]], str, int]:
        """Wait for a process; gives what it said of each job, its errors and its exit code."""
        said, errors = process.communicate(timeout=300)
        assert process.returncode is not None
        return [json.loads(line) for line in said.splitlines()], errors, process.returncode

    def workers(self) -> list[psutil.Process]:
        """Find every process that serves builds of this folder, whoever its parent is now."""
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    "tflbuild.engine" in " ".join(process.cmdline())
                    and process.environ().get("FAKE_LOG") == str(self.log)
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def wait_for(self, text: str) -> None:
        """Wait until a fake has written `text` into the log."""
        limit = time.monotonic() + 60
        while text not in self.log.read_text():
            assert time.monotonic() < limit, f"no '{text}' in the log"
            time.sleep(0.01)

    def computed(self) -> list[tuple[str, str]]:
        """List what was begun: the process of the build, and what it computed, out of which causes."""
        rows = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        return [(main, what) for main, what in rows if what.startswith("begin:")]


def kill(process: Forked, who: str, workers: list[psutil.Process]) -> None:
    """End the main process, its workers or both with SIGKILL, as `who` says."""
    if who in ("main", "both"):
        process.send_signal(signal.SIGKILL)
    if who in ("worker", "both"):
        for worker in workers:
            try:
                worker.kill()
            except psutil.NoSuchProcess:
                continue


def ended(workers: list[psutil.Process], seconds: float = 20.0) -> bool:
    """Wait until processes have ended; one that nobody reaps has ended too."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not any(_runs(worker) for worker in workers):
            return True
        time.sleep(0.01)
    return False


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def problems_of_store(store: Path) -> list[str]:
    """Check a store without the engine's help: whole records, and each blob what its name says."""
    found = [
        f"{blob} holds something else" for blob in _visible(store / "blobs") if sha256_of(blob) != blob.name
    ]
    for path in _visible(store / "actions"):
        try:
            record = json.loads(path.read_text())
        except ValueError:
            found.append(f"{path} cannot be read")
            continue
        if record["key"] != path.stem:
            found.append(f"{path} belongs to another key")
        lost = [sha256 for sha256 in record["blobs"] if not (store / "blobs" / sha256).is_file()]
        found += [f"{path} has lost its blob {sha256}" for sha256 in lost]
    return found


def problems_of_runs(outputs: Path, right: set[str]) -> list[str]:
    """Check that whatever lies under a final name is whole: reports, delivered files and `latest`.

    Args:
        outputs: folder of the runs.
        right: digests that a delivered file may have.
    """
    found = []
    for path in outputs.rglob("report.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            found.append(f"{path} is cut short")
    wrong = (path for path in outputs.rglob("model.tflite") if sha256_of(path) not in right)
    found += [f"{path} is not what was built" for path in wrong]
    found += [f"{path} points nowhere" for path in outputs.rglob("latest") if not path.is_dir()]
    return found


def _visible(folder: Path) -> list[Path]:
    """List a folder without the files that are being written, which are hidden."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    """Wait until processes have ended; one that nobody reaps has ended too."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(runs(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
