"""What a plugin raises in a worker: its own line in the error, and the whole story in the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.core.errors import PassError
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.worker import Worker
from tflbuild.wiring import NAMES

TEXT = '''"""A plugin."""

def run(report):
    """Fail."""
    return len(3)
'''


def test_the_line_of_a_plugin_is_in_the_error_and_the_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "mine.py").write_text(TEXT)
    lines: list[str] = []
    worker = Worker(WorkerOptions(), "cpu", (plugins.LOADER, folder), NAMES, lines.append)
    try:
        with pytest.raises(PassError) as caught:
            worker.crew.ask("call", "tflbuild_plugins.mine:run", who="pass 'mine'")
    finally:
        worker.stop()
    assert str(caught.value) == (
        "pass 'mine' failed: TypeError: object of type 'int' has no len()\n"
        "  plugins/mine.py:5, in run\n    return len(3)"
    )
    story = "\n".join(lines)
    assert story.startswith("pass 'mine': Traceback (most recent call last):")
    assert 'plugins/mine.py", line 5, in run' in story
