"""The curve that a pass tells its context: all of it is kept, of a long one a point a second is told."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.curve import KEPT
from tflbuild.engine.workers import context as module
from tflbuild.engine.workers.context import WorkerContext


def context(told: list[Any], said: list[str]) -> WorkerContext:
    assignment: Any = type("Assignment", (), {"label": "train"})()
    index: Any = None
    return WorkerContext(
        assignment=assignment,
        index=index,
        given=None,
        report=lambda done, total, note: None,
        external=lambda source, data: index,
        log=said.append,
        tell=lambda kind, fields: told.append((kind, fields)),
    )


def test_a_long_training_tells_one_point_a_second_and_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    told: list[Any] = []
    made = context(told, [])
    total = KEPT + 100
    for step in range(1, total + 1):
        now[0] += 0.1
        made.trained(step, total, loss=1.0, learning_rate=0.1)
    steps = [fields["step"] for _, fields in told]
    assert steps[:KEPT] == [*range(1, KEPT + 1)]
    assert len(steps) == pytest.approx(KEPT + 10, abs=2)
    assert steps[-1] == total
    assert len(made.curve.points) == total


def test_going_on_is_told_and_logged() -> None:
    told: list[Any] = []
    said: list[str] = []
    made = context(told, said)
    made.continued(58, 2000)
    made.doing("compiling the graph")
    assert said == ["continued from step 58 of 2000"]
    assert told == [
        ("continued", {"label": "train", "step": 58, "total": 2000}),
        ("doing", {"label": "train", "text": "compiling the graph"}),
    ]
