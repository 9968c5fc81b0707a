"""Files of others are read in a process of its own, which they may crash, hang or fill."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tflbuild.core.errors import RecipeError, WorkerDied
from tflbuild.engine.workers import apart as module
from tflbuild.engine.workers.apart import Apart, Suspect

READERS = """
import os, signal, time

def crash(report):
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(report):
    os._exit(3)

def hang(report):
    time.sleep(60)

def swell(report):
    kept = []
    while True:
        kept.append(bytearray(b"x" * 10_000_000))
        time.sleep(0.02)

def fail(report):
    raise KeyError("\\x1b[2J")

def read(report):
    return os.getpid()
"""


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "readers.py").write_text(READERS)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])


def suspect() -> Suspect:
    return Suspect(Path("a\x1b.bin"), "the reader", "it is damaged")


@pytest.mark.slow
@pytest.mark.usefixtures("readers")
def test_a_file_that_ends_its_reader_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_free_mib", lambda: 300.0)
    with Apart(seconds=5) as apart:
        for how, said in (
            ("crash", "the reader crashed (signal 11) on this file; it is damaged."),
            ("leave", "the reader ended its process (exit code 3) on this file; it is damaged."),
            ("swell", "the reader asked for more than 210 MiB of memory on this file; it is damaged."),
            ("hang", "the reader did not end within 5 s on this file; it is damaged."),
            ("fail", "cannot be read: KeyError: '\\x1b[2J'."),
        ):
            with pytest.raises(RecipeError) as caught:
                apart.call(f"readers:{how}", suspect=suspect)
            assert str(caught.value).startswith("a\\x1b.bin")
            assert said in str(caught.value)
        assert apart.call("readers:read", suspect=suspect), "the next file is read"


@pytest.mark.usefixtures("readers")
def test_the_process_is_kept_from_file_to_file() -> None:
    with Apart() as apart:
        first = apart.call("readers:read", suspect=suspect)
        assert apart.call("readers:read", suspect=suspect) == first


def test_a_process_that_cannot_start_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Apart() as apart, pytest.raises(WorkerDied, match="while it started"):
        apart.call("readers:read", suspect=suspect)
