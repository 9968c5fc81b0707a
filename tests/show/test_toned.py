"""The end of a build on a terminal: coloured, and no word broken."""

from __future__ import annotations

import io

import pytest

from tflbuild.show import toned
from tflbuild.show.audience import say, warn
from tflbuild.show.toned import say_toned

LONG = "  map 0.1290 [0.1000, 0.1500] on 500 test samples; train had 0.2340"
COMMAND = "  tflbuild recipe=ssd_mobilenet_int8 model.input_size=96 data.train=300"


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Put a terminal of 40 columns behind both streams."""
    made = Screen()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(toned.sys, name, made)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return made


def test_lines_are_broken_at_blanks_and_commands_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch)
    say(LONG, fold=True)
    warn(COMMAND, fold=True)
    assert screen.getvalue().splitlines() == [
        "  map 0.1290 [0.1000, 0.1500] on 500",
        "    test samples; train had 0.2340",
        COMMAND,
    ]


def test_a_sentence_has_the_colour_of_its_tone(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch)
    for tone, code in (("good", "32"), ("unsure", "33"), ("bad", "31")):
        screen.truncate(0)
        say_toned("Built.\x1b[2J", tone)  # type: ignore[arg-type]
        assert f"\x1b[1;{code}mBuilt.\\x1b[2J\x1b[0m" in screen.getvalue()
    screen.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    say_toned("Built.", "good")
    assert screen.getvalue().strip("\0") == "Built.\n"


def test_a_pipe_gets_lines_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say_toned("Built.", "good")
    say(LONG, fold=True)
    assert capsys.readouterr().out.splitlines() == ["Built.", LONG]
