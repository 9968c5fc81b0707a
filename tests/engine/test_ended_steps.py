"""A pass that failed says failed, one that was interrupted says so: in events, hooks and the report."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fakes
from building import FakeBuild, change, outcomes
from tflbuild.core.errors import PassError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event


def ended(events: list[Event]) -> list[tuple[str, str]]:
    return [(e.fields["label"], e.fields["outcome"]) for e in events if e.kind == "pass_ended"]


def test_a_pass_that_failed_says_so(recipe: Recipe, build_here: FakeBuild) -> None:
    events: list[Event] = []
    outcome = build_here(change(recipe, "quantize", options=fakes.FakeBad()), events.append)
    assert isinstance(outcome.error, PassError)
    assert ended(events) == [
        *((label, "ran") for label in ("train", "prune", "convert")),
        ("quantize", "failed"),
    ]
    assert outcomes(outcome)["quantize"] == "failed"
    assert outcome.report["passes"][3]["seconds"] >= 0
    lines = (outcome.report.folder / "events.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["outcome"] for one in told if one["event"] == "pass_ended"] == ["ran"] * 3 + ["failed"]


def test_a_pass_that_was_interrupted_says_so(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.engine import run

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    compute = run.recall_or_compute

    def until_convert(*given: Any, **named: Any) -> Any:
        return interrupt() if named["what"] == "'convert'" else compute(*given, **named)

    monkeypatch.setattr(run, "recall_or_compute", until_convert)
    events: list[Event] = []
    outcome = build_here(recipe, events.append)
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert ended(events) == [("train", "ran"), ("prune", "ran"), ("convert", "interrupted")]
    assert outcomes(outcome)["convert"] == "interrupted"
    assert outcome.report["status"] == "interrupted"


def test_the_curve_of_a_training_is_told_kept_and_reported_once_more(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    events: list[Event] = []
    first = build_here(recipe, events.append).report
    curve = {
        "step": [1, 21, 40],
        "loss": [1.0, 1 / 21, 1 / 40],
        "learning_rate": [0.1, 0.1, 0.1],
        "images_per_second": [None, 100.0, 100.0],
        "epoch": [0.1, 2.1, 4.0],
    }
    assert first["passes"][0]["curve"] == curve
    assert [step["curve"] for step in first["passes"][1:]] == [None] * 3, "they do not train"
    assert "training_curve" not in first["passes"][0]["notes"]
    points = [event.fields for event in events if event.kind == "training"]
    assert [(point["step"], point["total"], point["images_per_second"]) for point in points] == [
        (1, 40, None),
        (21, 40, 100.0),
        (40, 40, 100.0),
    ]
    again = build_here(recipe).report
    assert again["passes"][0]["cached"]
    assert again["passes"][0]["curve"] == curve
