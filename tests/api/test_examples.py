"""The examples of docs/python.md: those that mypy checks, and they run, one after the other."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import own_files
import workspace
from tflbuild import session

DOCS = Path(__file__).resolve().parents[2] / "docs"


def without_blank_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_file_that_mypy_checks_holds_the_examples_of_the_page() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 6
    checked = (DOCS / "python_examples.py").read_text(encoding="utf-8")
    assert without_blank_lines(checked)[1:] == without_blank_lines("\n".join(blocks))


@pytest.mark.slow
def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "worker_for", workspace._worker_for)
    Path("best.tflite").write_bytes(own_files.classifier())
    own_files.write_photos(Path("photos"), 12)
    before = set(sys.modules)
    names: dict[str, Any] = {}
    exec(compile((DOCS / "python_examples.py").read_text(encoding="utf-8"), "python_examples", "exec"), names)
    assert "tensorflow" not in set(sys.modules) - before
    said = capsys.readouterr().out
    assert "budget: size" in said
    report = names["report"]
    assert dict(report) == report.content
    assert report == names["tflbuild"].load_report(report.folder)
    assert names["earlier"].folder != report.folder
    assert [one.drawn.parent.name for one in names["tflbuild"].predict(report.folder, "photos")[:1]] == [
        "predictions"
    ]
    assert names["predicted"].outputs["scores"].shape == (3,)
    assert {one.status for one in names["sweep"].reports().values()} == {"built"}
    html = [names[name]._repr_html_() for name in ("plan", "report", "comparison", "diagnosis", "sweep")]
    assert all(part.startswith("<div") and "<script" not in part for part in html)
