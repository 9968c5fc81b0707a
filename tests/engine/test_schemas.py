"""The JSON Schemas of what a build writes, against the forms that read it: one declaration, two judges."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import fakes
from altered import every, paths, without
from building import FakeBuild, change, drop
from conforming import problems, validator
from tflbuild.core.form import Malformed, check
from tflbuild.core.recipe import Recipe
from tflbuild.engine.event_form import EVENT, KINDS
from tflbuild.engine.report_form import REPORT

LATER = {
    "curve",
    *("description", "subject", "reproduce", "stopped_after", "locked", "started", "model", "labels"),
    *("recognised", "analyses", "findings", "key", "device", "threads", "split", "root", "classes"),
    *("inputs", "outputs", "name", "run", "ok", "type"),
}
"""Fields that a report of an earlier tflbuild may lack, and one that is written today has."""


def refused(value: Any, form: Any) -> bool:
    try:
        check(value, form)
    except Malformed:
        return True
    return False


@pytest.fixture
def report(build_here: FakeBuild, recipe: Recipe) -> dict[str, Any]:
    """Give the report of a build with a closed gate, an analysis and measurements."""
    recipe = replace(recipe, analyses={"one": fakes.FakeAnalysis()}, limits=(drop(1.0),))
    recipe = change(
        recipe, "prune", limits=(drop(0.001),), on_breach="skip", options=fakes.FakePrune(cost=0.2)
    )
    folder = build_here(recipe).report.folder
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_form_and_schema_refuse_the_same_reports(report: dict[str, Any]) -> None:
    assert problems("report", report) == []
    assert report["passes"][1]["tried"], "what was tried is in it, too"
    valid = validator("report").is_valid
    apart = []
    for altered in every(report, most=4000):
        by_form, by_schema = refused(altered, REPORT), not valid(altered)
        if by_form != by_schema:
            apart.append(altered)
    for altered in apart:
        gone = [path for path in paths(report) if _lacks(altered, path)]
        large = "1" + "0" * 300 in json.dumps(altered)
        assert large or (gone and gone[0][-1] in LATER), problems("report", altered) or gone
    assert len(apart) > 5


def _lacks(altered: Any, path: tuple[Any, ...]) -> bool:
    for name in path:
        try:
            altered = altered[name]
        except (KeyError, IndexError, TypeError):
            return isinstance(altered, dict)
    return False


@pytest.mark.parametrize("field", sorted(KINDS))
def test_every_kind_of_event_has_a_form_of_its_own(field: str) -> None:
    """A field that its form wants is missed, by both."""
    bare = {"time": 0.0, "event": field}
    assert problems("event", bare)
    assert refused(bare, EVENT) or field == "analysis"
    assert problems("event", {"event": field})
    assert not problems("event", {"time": 0.0, "event": "of a later tflbuild"})


def test_events_of_a_build_lack_nothing(build_here: FakeBuild, recipe: Recipe) -> None:
    folder = build_here(recipe).report.folder
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert {"plan", "pass_started", "pass_ended", "measuring", "finished"} <= {one["event"] for one in lines}
    for line in lines:
        for key in line:
            wanted = {"time", "event"} if line["event"] == "measuring" else {"event"}
            if key in wanted:
                assert problems("event", without(line, (key,)))
