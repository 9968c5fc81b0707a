"""The models of the ladder, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import keras_files
from tflbuild.analyses.attribution import rungs
from tflbuild.core.artifact import KerasModel


def test_a_run_that_stopped_before_conversion_has_a_rung_for_each_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rungs, "has_norms", lambda base: False)
    base, pruned, tuned = (
        KerasModel(
            path=keras_files.h5(tmp_path / f"{name}.h5", keras_files.dense()), digest=name, fingerprint=""
        )
        for name in ("trained", "pruned", "tuned")
    )
    models: dict[str, Any] = {"base": base, "model": tuned, "step:train": base}
    models |= {"step:prune": pruned, "step:tune": tuned}
    found = list(rungs.rungs(models, None))  # type: ignore[arg-type]
    assert [(one.name, one.model.digest) for one in found] == [
        (rungs.BASE, "trained"),
        (f"{rungs.PASS}prune", "pruned"),
        (f"{rungs.PASS}tune", "tuned"),
    ]
