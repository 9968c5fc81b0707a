"""Builds whose reader, terminal or parent goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweep_place import Place
from tflbuild import build
from tflbuild.cli import main

WAITS = ["recipe=fake", "wait.below=2"]


def report_of(here: Place) -> dict[str, Any]:
    (path,) = [p for p in here.folder.glob("outputs/fake/*/report.json") if not p.parent.is_symlink()]
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def start(here: Place, words: list[str], **streams: Any) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-m", "fake_cli", *words], cwd=here.folder, **streams)
    here.started.append(process)
    return process


def wait_for(process: subprocess.Popen[bytes], here: Place) -> None:
    """Wait until the pass `wait` waits."""
    deadline = time.monotonic() + 120
    while not any(
        '"label": "wait"' in log.read_text() for log in here.folder.glob("outputs/fake/*/events.jsonl")
    ):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_build_goes_on_without_its_audience(here: Place) -> None:
    reading, writing = os.pipe()
    process = start(here, ["recipe=fake"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 0, errors
    assert b"Broken" not in errors
    report = report_of(here)
    assert report["status"] == "built"
    assert len(report["passes"]) == 7


@pytest.mark.slow
@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_a_build_needs_no_standard_streams(here: Place, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    assert start(here, ["recipe=fake"], preexec_fn=close).wait(timeout=120) == 0
    assert report_of(here)["status"] == "built"


@pytest.mark.slow
def test_a_full_output_is_no_reason_to_end_a_build(here: Place) -> None:
    with Path("/dev/full").open("w") as full:
        assert start(here, ["recipe=fake"], stdout=full, stderr=full).wait(timeout=120) == 0
    assert report_of(here)["status"] == "built"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_report_like_ctrl_c(here: Place, number: signal.Signals) -> None:
    default = partial(signal.signal, number, signal.SIG_DFL)
    process = start(here, [*WAITS, "wait.file=never"], stdout=subprocess.DEVNULL, preexec_fn=default)
    wait_for(process, here)
    process.send_signal(number)
    process.send_signal(number)  # as a terminal that is closed does
    assert process.wait(timeout=120) == 130
    report = report_of(here)
    assert report["status"] == "interrupted"
    assert report["error"] == f"interrupted by {number.name}"


@pytest.mark.slow
def test_nohup_is_obeyed(here: Place) -> None:
    ignore = partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    process = start(here, [*WAITS, "wait.file=go"], stdout=subprocess.DEVNULL, preexec_fn=ignore)
    wait_for(process, here)
    process.send_signal(signal.SIGHUP)
    (here.folder / "go").touch()
    assert process.wait(timeout=120) == 0
    assert report_of(here)["status"] == "built"


@pytest.mark.slow
def test_a_sweep_that_is_ended_marks_its_jobs(here: Place) -> None:
    default = partial(signal.signal, signal.SIGTERM, signal.SIG_DFL)
    words = ["-m", *WAITS, "wait.file=never", "prune.cost=0.01,0.02"]
    process = start(here, words, stdout=subprocess.DEVNULL, preexec_fn=default)
    deadline = time.monotonic() + 120
    while not list(here.folder.glob("outputs/fake/sweep-*/*/events.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 130
    summary = json.loads((here.sweep() / "summary.json").read_text())
    assert {job["status"] for job in summary["jobs"]} == {"interrupted"}


def test_python_keeps_its_signals_and_its_streams(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        encoding = "ascii"

        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    gone: Any = Gone()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    monkeypatch.setattr(sys, "stdout", gone)
    assert build("fake").status == "built"
    assert sys.stdout is gone
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers
    assert main(["--version"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers
