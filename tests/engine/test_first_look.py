"""A first look at a base that came from the user's file, with fake passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, steps
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Outcome
from tflbuild.engine.events import Event

Own = Callable[[float], Recipe]


@pytest.fixture
def own(recipe: Recipe, tmp_path: Path) -> Own:
    """Give a recipe that starts from a file with a score."""
    (tmp_path / "own.h5").write_bytes(b"own")

    def start_from(score: float) -> Recipe:
        made = steps(fakes.FakeLoad(score=score), fakes.FakeConvert(), fakes.FakeQuantize())
        model = fakes.FakeOwn(path=str(tmp_path / "own.h5"))
        return replace(recipe, model=model, steps=made, pipeline=tuple(made))

    return start_from


def analyses(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.error is None
    written = json.loads((outcome.report.folder / "report.json").read_text())
    found: list[dict[str, Any]] = written["analyses"]
    return found


@pytest.mark.parametrize("score", [0.9, 0.6])
def test_a_good_base_is_looked_at_and_not_talked_about(
    own: Own, build: FakeBuild, log: Path, score: float
) -> None:
    outcome = build(own(score))
    assert analyses(outcome) == []
    assert outcome.report["warnings"] == []
    assert log.read_text().split().count("chance") == 1
    assert "readings" not in log.read_text()


def test_a_base_at_chance_is_built_and_stays_in_the_report(
    own: Own, build: FakeBuild, events: list[Event]
) -> None:
    outcome = build(own(0.2))
    (entry,) = analyses(outcome)
    text = "chance val [] predict_file by keras True"
    assert (entry["name"], len(entry["key"])) == ("chance", 64)
    assert entry["findings"] == [{"verdict": "chance", "text": text, "try_readings": True}]
    assert outcome.report["warnings"] == [text]
    assert outcome.report["status"] == "built"
    assert [event.fields for event in events if event.kind == "analysis"] == [entry]


def test_what_was_found_is_kept_and_said_again(own: Own, build: FakeBuild, log: Path) -> None:
    first = build(own(0.2))
    done = log.read_text()
    again = build(own(0.2))
    assert log.read_text() == done
    assert analyses(again) == analyses(first)
    assert again.report["warnings"] == first.report["warnings"]


def test_a_list_of_labels_beside_the_file_is_looked_at_anew(
    own: Own, build: FakeBuild, tmp_path: Path
) -> None:
    build(own(0.2))
    (tmp_path / "labels.txt").write_text("b\na\n")
    outcome = build(own(0.2))
    assert "chance val ['labels.txt']" in analyses(outcome)[0]["findings"][0]["text"]
    assert outcome.report["labels"] == {"labels.txt": ["b", "a"]}
    side_by_side = "labels.txt names the model's classes b, a; the data's are a: 2 and 1"
    assert outcome.report["warnings"][0] == side_by_side


def test_other_readings_are_tried_only_of_what_is_at_chance(own: Own, build: FakeBuild, log: Path) -> None:
    (entry,) = analyses(build(own(0.4)))
    assert entry["findings"][0]["verdict"] == "order"
    assert "readings" not in log.read_text()


def test_a_look_that_fails_or_dies_ends_no_build(own: Own, build: FakeBuild) -> None:
    cannot = build(own(0.0))
    assert analyses(cannot) == []
    assert "could not be compared with chance" in cannot.report["warnings"][0]
    dead = build(own(0.1))
    assert analyses(dead)[0]["findings"][0]["verdict"] == "chance"
    assert "could not be tried with other preprocessing" in dead.report["warnings"][0]


def test_what_was_trained_here_is_not_looked_at(
    recipe: Recipe, own: Own, build: FakeBuild, log: Path
) -> None:
    for model in (recipe.model, own(0.1).model):  # without a file, and with one that is trained further
        train = replace(recipe.steps["train"], options=fakes.FakeTrain(score=0.2))
        outcome = build(replace(recipe, model=model, steps={**recipe.steps, "train": train}))
        assert analyses(outcome) == []
    assert "chance" not in log.read_text()


def test_what_was_recognised_is_in_the_report_as_loading_saw_it(own: Own, build: FakeBuild) -> None:
    assert build(own(0.9)).report["recognised"] == [
        {"what": "outputs", "value": "one score", "evidence": "4 samples\\x1b[2J"},
        {"what": "input", "value": "nothing", "evidence": ""},
    ]


def test_the_report_names_what_was_built(own: Own, build: FakeBuild) -> None:
    recipe = replace(own(0.9), description="A model on some data")
    assert build(recipe).report["description"] == "A model on some data"
    replaced = build(replace(recipe, overrides=("model=fake_own", "model.path=own.h5"))).report
    assert replaced["description"] == replaced["subject"] == "fake_own own.h5 on fake_data"
