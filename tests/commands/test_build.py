"""What building prints at its end, and its exit code, with builds that are made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import session
from tflbuild.commands.build import build
from tflbuild.core.errors import BudgetExceeded, PassError

VERDICT = {
    "metric": "map",
    "limit": {"max_drop": 0.1},
    "value": 0.4,
    "baseline": 0.6,
    "ok": False,
    "decided": True,
}
STEP = {
    "label": "quantize",
    "kind": "TFLiteModel",
    "verdicts": [VERDICT | {"text": "map fell by 0.2"}],
    "tried": [],
    "outcome": "ran",
}
REPORT: dict[str, Any] = {
    "status": "over_budget",
    "recipe": "r",
    "overrides": [],
    "targets": [],
    "passes": [STEP],
    "base": {"label": "", "metrics": {}},
    "budget": {"verdicts": []},
}
RECIPE: Any = SimpleNamespace(run=SimpleNamespace(time_passes=False))


def ending(monkeypatch: pytest.MonkeyPatch, folder: Path, error: Any, **more: Any) -> None:
    report = SimpleNamespace(content=REPORT | more, folder=folder)
    outcome = SimpleNamespace(report=report, error=error)
    monkeypatch.setattr(session, "build_once", lambda recipe, listeners: outcome)


def test_a_breach_is_an_error_that_is_said_once_with_exit_code_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ending(monkeypatch, tmp_path / "run", BudgetExceeded("prune: map fell by 0.2"))
    assert build(RECIPE, "tflbuild recipe=r") == 5
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["Over budget: no model was delivered.", "report: run/report.html"]
    assert printed.err.splitlines() == [
        "error: over budget: quantize: map fell by 0.2; 0.1000 too much",
        "nothing else was tried: quantize has no fallback that can run, and its on_breach is fail",
        "no file was kept",
        "next:",
        "  tflbuild diagnose run",
        "  tflbuild recipe=r quantize.budget.map.max_drop=0.201",
    ]


def test_any_other_error_is_raised_and_a_model_is_delivered_with_exit_code_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, tmp_path, PassError("it broke"), status="failed")
    with pytest.raises(PassError, match="it broke"):
        build(RECIPE, "tflbuild recipe=r")
    ending(monkeypatch, tmp_path, None, status="built", passes=[])
    assert build(RECIPE, "tflbuild recipe=r") == 0
    assert "Built. No accuracy limit was set." in capsys.readouterr().out
