from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.target import TARGETS, Target, target


def test_a_target_that_says_nothing_runs_the_pipelines_own_file_here() -> None:
    made = Target()
    model = TFLiteModel(path=Path("x"), digest="d", fingerprint="f")
    assert (made.name, made.needs, made.files(), made.inspect(model)) == ("", (), (), {})
    assert (made.compiles, made.executes, made.integer_only) == (False, True, False)
    with pytest.raises(NotImplementedError):
        made.compile(model, Path())


def test_targets_are_declared_as_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TARGETS, "_classes", {})
    declared: Any = target("mine")(type("Mine", (Target,), {}))
    assert TARGETS.get("mine") is declared
    assert TARGETS.noun == "target"
