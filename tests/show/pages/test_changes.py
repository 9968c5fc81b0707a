"""The tile that says how far the delivered file is from the base: its interval and its colour."""

from __future__ import annotations

from typing import Any

import pytest

import made_up
from tflbuild.show.pages.changes import change_tiles

BASE, MADE = 0.684, 0.671


def shown(report: dict[str, Any]) -> dict[str, Any]:
    measured = report["targets"][0]["metrics"]["map"] if report["targets"] else None
    (tile,) = change_tiles(report, "map", "1", measured)
    return tile


def judged(**changed: Any) -> dict[str, Any]:
    verdict = made_up.verdict(0.04, BASE, MADE, target="cpu", split="test") | changed
    return made_up.report() | {"budget": {"ok": True, "verdicts": [verdict]}}


@pytest.mark.parametrize(
    ("changed", "state", "word"),
    [
        ({"decided": True}, "good", "within the limit"),
        ({"limit": {"max_drop": 0.7}}, "warned", "within a limit that allows the loss of all of it"),
        ({"decided": False}, "warned", "within the limit, but undecided"),
        ({"ok": False}, "bad", "over the limit"),
        ({"metric": "map50"}, "warned", "no limit on map was set"),
        ({"target": "ethos_u55"}, "warned", "no limit on map was set"),
    ],
)
def test_the_colour_is_that_of_the_limit(changed: dict[str, Any], state: str, word: str) -> None:
    tile = shown(judged(**changed))
    assert (tile["state"], tile["notes"][-1]) == (state, word)
    assert tile["value"] == "−0.013"


def test_the_interval_is_the_paired_one_of_a_limit_with_the_sign_of_the_change() -> None:
    # A fall of 0.013, in 0.007 to 0.018.
    assert shown(judged())["notes"][0] == "−0.018 to −0.0070, paired"


def test_a_measured_difference_goes_before_a_limit() -> None:
    report = judged()
    report["targets"][0]["differences"] = {"map": {"value": -0.013, "low": -0.02, "high": 0.001, "n": 500}}
    assert shown(report)["notes"][0] == "−0.020 to +0.0010, paired"
    report["targets"][0]["differences"]["map"] |= {"low": None, "high": None}
    assert shown(report)["notes"][0] == "−0.018 to −0.0070, paired"


def test_an_interval_of_another_kind_of_limit_is_not_that_of_the_change() -> None:
    tile = shown(judged(limit={"min": 0.5}, low=0.65, high=0.69))
    assert tile["notes"] == ["since train, which had 0.684", "within the limit"]


def test_a_file_over_its_budget_is_set_against_the_base_by_its_verdict() -> None:
    report = judged(ok=False, value=0.6, low=0.07, high=0.1) | {"targets": []}
    tile = shown(report)
    assert (tile["value"], tile["state"]) == ("−0.084", "bad")
    assert tile["notes"][0] == "−0.100 to −0.070, paired"
