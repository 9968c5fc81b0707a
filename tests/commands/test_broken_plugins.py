"""A broken plugin is warned of wherever somebody might look for what it declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.cli import main


@pytest.fixture(autouse=True)
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("raise ValueError('\\x1b[2Jnot today')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})


@pytest.mark.parametrize("words", [["list", "passes"], ["list", "hooks"], ["describe", "nothing_like_it"]])
def test_a_broken_plugin_is_warned_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == (0 if words[0] == "list" else 2)
    said = capsys.readouterr().err
    assert "warning: plugin" in said
    assert "broken.py is skipped: ValueError" in said
    assert "\x1b" not in said


def test_what_is_found_is_described_without_a_word_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "quantize"]) == 0
    assert "warning" not in capsys.readouterr().err
