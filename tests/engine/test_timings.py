"""What builds took is known to the next one: with fake passes, and entry by entry."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, change
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event
from tflbuild.engine.stopwatch import Stopwatch
from tflbuild.engine.timings import DELIVERY, KEPT, LOADING, Taken, Timings


def planned(events: list[Event]) -> dict[str, Any]:
    (plan,) = (event.fields for event in events if event.kind == "plan")
    return plan


def built(build: FakeBuild, recipe: Recipe) -> dict[str, Any]:
    events: list[Event] = []
    assert build(recipe, events.append).error is None
    return planned(events)


def test_a_repeated_build_knows_about_how_long_it_takes(recipe: Recipe, build_here: FakeBuild) -> None:
    """Nothing is left of the results, but what they took."""
    first = built(build_here, recipe)
    assert {step["about_seconds"] for step in first["steps"]} == {None}
    assert first["about_delivery_seconds"] is None
    for name in ("blobs", "actions"):
        shutil.rmtree(recipe.store / name)
    again = built(build_here, recipe)
    assert [step["status"] for step in again["steps"]] == ["RUN", *["UNKNOWN"] * 3]
    assert all(0 < step["about_seconds"] < 60 for step in again["steps"])
    assert again["about_delivery_seconds"] > 0


def test_what_is_in_the_store_takes_no_time(recipe: Recipe, build_here: FakeBuild) -> None:
    built(build_here, recipe)
    assert [step["about_seconds"] for step in built(build_here, recipe)["steps"]] == [0.0] * 4


def test_a_step_that_never_ran_is_unknown_and_one_with_another_option_is_about_the_same(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    built(build_here, recipe)
    changed = change(recipe, "prune", options=fakes.FakePrune(cost=0.02))
    assert all(step["about_seconds"] is not None for step in built(build_here, changed)["steps"])
    new = replace(recipe, store=recipe.store.parent / "other")
    assert built(build_here, new)["steps"][1]["about_seconds"] is None


def test_a_pass_that_fails_is_no_measure(recipe: Recipe, build_here: FakeBuild) -> None:
    bad = change(recipe, "quantize", options=fakes.FakeBad())
    build_here(bad)
    assert Timings(recipe.store).expected("fake_bad", {}) is None
    assert Timings(recipe.store).expected("fake_train", {}) is not None


TRAITS = {"label": "train", "options": {"steps": 100, "rate": 0.5}, "data": {"train": 10}}


def test_the_nearest_build_is_taken_and_of_equally_near_ones_the_median(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    for seconds in (1.0, 2.0, 90.0, 80.0, 30.0, 20.0, 10.0):
        timings.keep("train", TRAITS, Taken(seconds))
    timings.keep("train", {**TRAITS, "data": {"train": 99}}, Taken(500.0))
    assert timings.expected("train", TRAITS) == Taken(30.0), "of the last five"
    assert timings.expected("train", {**TRAITS, "data": {"train": 99}}) == Taken(500.0)
    assert timings.expected("train", {**TRAITS, "label": "other"}) == Taken(30.0)
    assert timings.expected("prune", TRAITS) is None


def test_a_longer_training_takes_longer_by_what_it_works(tmp_path: Path) -> None:
    """40 s of 50 were the training itself: twice the steps take 90 s."""
    timings = Timings(tmp_path)
    timings.keep("train", TRAITS, Taken(50.0, 40.0, 3.0))
    longer = {**TRAITS, "options": {"steps": 200, "rate": 0.5}}
    assert timings.expected("train", longer) == Taken(90.0, 80.0, 3.0)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"traits": {}, "seconds": -1}]', "[" * 10_000])
def test_a_file_that_is_damaged_only_costs_the_estimate(tmp_path: Path, content: str) -> None:
    timings = Timings(tmp_path)
    timings.keep("train", TRAITS, Taken(1.0))
    (path,) = tmp_path.rglob("train.json")
    path.write_text(content)
    assert timings.expected("train", TRAITS) is None
    timings.keep("train", TRAITS, Taken(2.0))
    assert timings.expected("train", TRAITS) == Taken(2.0)


def test_only_the_latest_are_kept_and_no_name_leads_elsewhere(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    for seconds in range(KEPT + 5):
        timings.keep("train", {"n": seconds}, Taken(float(seconds)))
    assert timings.expected("train", {"n": 0}) != Taken(0.0)
    timings.keep("../train", TRAITS, Taken(1.0))
    assert timings.expected("../train", TRAITS) is None
    assert [path.name for path in tmp_path.rglob("*.json")] == ["train.json"]


def timed(*events: tuple[float, str, dict[str, Any]]) -> dict[str, Taken]:
    kept: dict[str, Taken] = {}
    watch = Stopwatch(kept.__setitem__)
    watch(Event("plan", {"steps": [{"label": "a"}, {"label": "b"}]}, time=0.0))
    for now, kind, fields in events:
        watch(Event(kind, fields, time=now))
    return kept


def test_a_step_is_timed_from_its_start_to_its_end_with_its_gate() -> None:
    kept = timed(
        (1, "pass_started", {"label": "a"}),
        (5, "progress", {"label": "a", "done": 1, "total": 9, "note": ""}),
        (15, "progress", {"label": "a", "done": 9, "total": 9, "note": ""}),
        (16, "progress", {"done": 4, "total": 9, "note": ""}),
        (18, "pass_ended", {"label": "a", "cached": False, "outcome": "ran"}),
        (19, "pass_started", {"label": "b"}),
        (20, "pass_ended", {"label": "b", "cached": True, "outcome": "cached"}),
        (24, "finished", {"status": "built"}),
    )
    assert kept == {"a": Taken(17, 10, 3), DELIVERY: Taken(4)}


def test_the_import_of_a_heavy_package_is_timed_too() -> None:
    kept = timed(
        (1, "pass_started", {"label": "a"}),
        (2, "doing", {"label": "", "text": "loading TensorFlow"}),
        (8, "doing", {"label": "", "text": ""}),
        (9, "doing", {"label": "a", "text": "reading data"}),
        (10, "doing", {"label": "a", "text": "compiling the graph"}),
        (18, "pass_ended", {"label": "a", "cached": False, "outcome": "ran"}),
    )
    assert kept[LOADING] == Taken(6)


def test_what_a_fallback_tries_is_time_of_its_step_and_a_failure_is_none() -> None:
    kept = timed(
        (1, "pass_started", {"label": "a"}),
        (3, "pass_started", {"label": "gentle"}),
        (7, "pass_ended", {"label": "gentle", "cached": False, "outcome": "ran"}),
        (8, "pass_ended", {"label": "a", "cached": False, "outcome": "replaced"}),
        (8, "pass_started", {"label": "b"}),
        (9, "pass_ended", {"label": "b", "cached": False, "outcome": "interrupted"}),
        (9, "finished", {"status": "interrupted"}),
    )
    assert kept == {"a": Taken(7, 0, 7)}
