"""Nothing of a killed training is lost: the same command goes on from the checkpoint and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest

from workspace import Workspace

pytestmark = pytest.mark.slow

STEPS = 200
"""The state is kept at every 20th; the kill comes behind the second."""

RECIPE = [
    "recipe=mobilenet_v1_int8",
    "model=resnet",
    "+passes@qat=qat",
    "pipeline=[train,prune,qat,convert]",
    *(f"{label}.steps={STEPS}" for label in ("train", "prune", "qat")),
    *(f"{label}.batch_size=4" for label in ("train", "prune", "qat")),
    *(f"data.{split}={count}" for split, count in (("train", 64), ("val", 8), ("test", 8))),
    *(f"{label}budget.top1.max_drop=1" for label in ("", "prune.", "qat.", "convert.")),
    "train.average=0.9",
    "worker.checkpoint_seconds=0",
]
KILLED = {"train": ("main",), "prune": ("worker",), "qat": ("main", "worker")}
"""What is killed in the middle of each pass."""


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "TFLBUILD_STORE"}
    with (folder / "printed.txt").open("ab") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "tflbuild", *RECIPE],
            cwd=folder,
            stdout=printed,
            stderr=printed,
            env=environment,
        )


def finish(folder: Path) -> bytes:
    """Build to the end; gives the delivered file."""
    assert start(folder).wait(timeout=600) == 0, (folder / "printed.txt").read_text()
    return delivered(folder)


def finish_in_one_piece(folder: Path) -> bytes:
    """Build without a kill, by a warm worker of the tests: it starts no TensorFlow; gives the delivered file."""
    with mock.patch.dict(os.environ):
        os.environ.pop("TFLBUILD_STORE", None)
        Workspace(folder).run(*RECIPE)
    return delivered(folder)


def delivered(folder: Path) -> bytes:
    return (folder / "outputs/mobilenet_v1_int8/latest/model.tflite").read_bytes()


def kept(folder: Path) -> dict[Path, int]:
    """Give the kept state of each training that has not ended, and when it was written."""
    found = (folder / "outputs/store/checkpoints").glob("*/training.npz")
    states = {}
    for path in found:
        with suppress(FileNotFoundError):  # the pass has just ended
            states[path] = path.stat().st_mtime_ns
    return states


def kill_in_the_next_training(folder: Path, who: tuple[str, ...]) -> None:
    """Build until a pass that was not killed before has kept its state twice, then kill."""
    known = set(kept(folder))
    build = start(folder)
    deadline = time.monotonic() + 300
    first: dict[Path, int] = {}
    while all(first.setdefault(path, at) == at for path, at in kept(folder).items() if path not in known):
        assert build.poll() is None, (folder / "printed.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = psutil.Process(build.pid).children()
    if "main" in who:
        build.send_signal(signal.SIGKILL)
    if "worker" in who:
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
    code = build.wait(timeout=60)
    assert code == (-signal.SIGKILL if "main" in who else 4)
    psutil.wait_procs(workers, timeout=20)
    assert kept(folder), "what was kept is still there"


def reports(folder: Path) -> list[dict[str, Any]]:
    runs = (folder / "outputs/mobilenet_v1_int8").glob("2*/report.json")
    return [json.loads(path.read_text()) for path in sorted(runs)]


def test_a_build_that_was_killed_in_every_training_gives_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    expected = finish_in_one_piece(whole)
    for who in KILLED.values():
        kill_in_the_next_training(killed, who)
    assert finish(killed) == expected
    logs = [path.read_text() for path in sorted((killed / "outputs/mobilenet_v1_int8").glob("2*/log.txt"))]
    continued = [line for text in logs for line in text.splitlines() if "continued from step" in line]
    assert [line.split("]")[0] for line in continued] == ["[train", "[prune", "[qat"]
    assert all(21 <= int(line.split()[4]) < STEPS for line in continued), continued
    assert not kept(killed), "a state is forgotten when its pass is done"
    died = next(report for report in reports(killed) if report["status"] == "failed")
    assert "pass 'prune': its worker process was ended by signal 9" in died["error"]
