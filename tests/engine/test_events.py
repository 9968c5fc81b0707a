"""What a run writes down while it goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tflbuild.core.errors import StoreError
from tflbuild.engine import events
from tflbuild.engine.events import Event, EventLog


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int, content: bytes) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(events, "append", no_space)


def test_events_and_log_lines_are_there_at_once(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log(Event("pass_started", {"label": "train"}, time=1.0))
    log(Event("progress", {"done": 1}))
    log(Event("log", {"text": "a line\n"}))
    written = (tmp_path / "events.jsonl").read_text()
    assert json.loads(written) == {"time": 1.0, "event": "pass_started", "label": "train"}
    assert (tmp_path / "log.txt").read_text() == "a line\n"
    log.close()


def test_an_event_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path, full: None) -> None:
    log = EventLog(tmp_path)
    with pytest.raises(StoreError, match="No space left on device; nothing built was lost"):
        log(Event("pass_started"))
    log.close()


def test_a_log_line_that_cannot_be_written_is_said_by_the_next_event(tmp_path: Path, full: None) -> None:
    log = EventLog(tmp_path)
    log(Event("log", {"text": "its thread goes on"}))
    with pytest.raises(StoreError, match="No space left"):
        log(Event("pass_started"))
    log.close()


def test_a_line_that_comes_after_the_run_has_ended_is_dropped(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.close()
    log(Event("log", {"text": "late"}))
    assert (tmp_path / "log.txt").read_text() == ""
