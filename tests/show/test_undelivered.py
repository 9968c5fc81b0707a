"""Runs that delivered no model say why, and what to name instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.commands.verify import verify
from tflbuild.core.errors import RecipeError
from tflbuild.show.undelivered import undelivered


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ({"status": "over_budget"}, "this run is over its budget and delivered no model"),
        ({"status": "failed"}, "this run failed and delivered no model"),
        ({"status": "interrupted"}, "this run was interrupted and delivered no model"),
        (
            {"status": "built", "stopped_after": "prune"},
            "stop before the end (stop_after=prune) and delivered no model",
        ),
        ({"status": "odd"}, "this run delivered no model (odd)"),
    ],
)
def test_why_there_is_no_model_is_said(tmp_path: Path, report: dict[str, Any], sentence: str) -> None:
    assert sentence in undelivered(tmp_path, report)


def test_the_rejected_file_and_an_older_run_are_named(tmp_path: Path) -> None:
    older, newer = tmp_path / "2026-01-01_10-00-00", tmp_path / "2026-01-01_11-00-00"
    (newer / "rejected").mkdir(parents=True)
    (newer / "rejected" / "model.tflite").touch()
    older.mkdir()
    (older / "recipe.lock.yaml").touch()
    (tmp_path / "latest").symlink_to(newer.name)
    said = undelivered(tmp_path / "latest", {"status": "over_budget"})
    assert f"its rejected file is {tmp_path}/latest/rejected/model.tflite" in said
    assert f"the newest run with a model is {older}." in said


def test_verify_says_it_of_a_run_over_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.json").write_text("{}")
    report: dict[str, Any] = {"status": "over_budget", "targets": []}
    monkeypatch.setattr("tflbuild.commands.verify.read_report", lambda file: report)
    with pytest.raises(RecipeError, match="over its budget and delivered no model"):
        verify([str(tmp_path)])
    report |= {"status": "built", "targets": [{}]}
    with pytest.raises(RecipeError, match="cannot be read as a lock"):
        verify([str(tmp_path)])


def test_verify_says_what_it_takes(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.touch()
    with pytest.raises(RecipeError, match=r"model\.tflite is a file; expected the folder of a run"):
        verify([str(file)])
    with pytest.raises(RecipeError, match="nowhere does not exist; expected the folder of a run"):
        verify([str(tmp_path / "nowhere")])
