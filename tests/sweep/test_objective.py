"""What a search aims at, and how far a job is over its budget; every number by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from sweep_place import Place
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep.objective import LEAST, directions_of, excess_of, figures_at_gate, figures_of


def verdict(limit: dict[str, Any], value: float | None, baseline: float | None = None) -> dict[str, Any]:
    return {"metric": "m", "limit": limit, "value": value, "baseline": baseline, "ok": False}


@pytest.mark.parametrize(
    ("closed", "excess"),
    [
        (verdict({"max": 800}, 1000), 0.25),
        (verdict({"min": 0.5}, 0.4), 0.2),
        (verdict({"max_drop": 0.02, "since": "train"}, 0.55, 0.6), 1.5),
        (verdict({"max_drop": 0}, 0.5, 0.6), 0.1),
        (verdict({"max_rise": 2.0}, 5.0, 2.0), 0.5),
        (verdict({"max_relative_drop": 0.1}, 0.4, 0.5), 1.0),
        (verdict({"since": "train", "max_drop": 0.02}, 0.55, 0.6), 1.5),
        (verdict({"max": 0}, 3.0), 3.0),  # of a bound of 0 the excess is counted as it is
        (verdict({"min": -0.5}, -0.6), 0.2),
        (verdict({"max_relative_drop": 0.25}, -0.5, 0.0), math.inf),  # undefined
        (verdict({"max_relative_drop": 0.1}, -0.6, -0.5), 1.0),  # a share of the baseline's magnitude
        (verdict({"max_drop": 0.02}, 0.0, 0.03), 0.5),  # a value of 0 is a value
        (verdict({"max_rise": 2.0}, 5.0, 0.0), 1.5),
        (verdict({"max": 800}, None), math.inf),
        (verdict({"max_drop": 0.02}, 0.5, None), math.inf),
        (verdict({"max_drop": 0.2}, 0.5, 0.6), LEAST),  # undecided and strict: within the limit by its value
    ],
)
def test_excess_is_relative_to_the_limit(closed: dict[str, Any], excess: float) -> None:
    at_a_gate = {"passes": [{"verdicts": [closed]}], "budget": {"verdicts": []}}
    assert excess_of(at_a_gate) == pytest.approx(excess)
    in_total = {"passes": [{"verdicts": []}], "budget": {"verdicts": [closed, closed | {"ok": True}]}}
    assert excess_of(in_total) == pytest.approx(excess)


def test_several_exceeded_limits_add_up() -> None:
    closed = [verdict({"max": 800}, 1000), verdict({"min": 0.5}, 0.4)]
    assert excess_of({"passes": [], "budget": {"verdicts": closed}}) == pytest.approx(0.45)


def test_figures_come_from_the_delivered_files_metrics_or_the_rows_own() -> None:
    row = {
        "metrics": {"map": {"value": 0.6}, "size": {"value": 100}},
        "bytes": 100,
        "compressed_bytes": 70,
        "latency_ms": 3.0,
    }
    assert figures_of(row, ["map", "size", "latency", "compressed_size"]) == [0.6, 100.0, 3.0, 70.0]
    assert figures_of(row, ["map", "map50"]) is None
    assert figures_of({**row, "metrics": {"map": {"value": None}}}, ["map"]) is None


def test_figures_at_a_gate_have_a_size_for_a_flatbuffer_only() -> None:
    closed = {"metrics": {"map": {"value": 0.5}}, "bytes": 900, "kind": "TFLiteModel"}
    assert figures_at_gate({"passes": [closed]}, ["map", "size"]) == [0.5, 900.0]
    assert figures_at_gate({"passes": [closed | {"kind": "KerasModel"}]}, ["map", "size"]) is None
    assert figures_at_gate({"passes": []}, ["map"]) is None


def test_a_figure_of_a_target_is_that_target_s() -> None:
    row = {"metrics": {"map": {"value": 0.6}}, "figures": {"map@cpu": 0.6, "latency@android": 4.5}}
    assert figures_of(row, ["map", "latency@android"]) == [0.6, 4.5]
    assert figures_of(row, ["latency@cpu"]) is None
    judged = [verdict({"max": 4}, 4.5) | {"metric": "latency", "target": name} for name in ("cpu", "android")]
    judged[0]["value"] = 1.5
    closed = {"metrics": {"map": {"value": 0.5}}, "bytes": 900, "kind": "TFLiteModel"}
    report = {"passes": [closed], "budget": {"verdicts": judged}}
    assert figures_at_gate(report, ["map", "latency@android"]) == [0.5, 4.5]
    assert figures_at_gate(report, ["latency@ios"]) is None


def test_a_job_that_is_built_within_its_budget_is_hardly_over_it() -> None:
    assert excess_of({"passes": [], "budget": {"verdicts": []}}) == 1e-6
    passed = {"verdicts": [verdict({"max": 800}, 1000) | {"ok": True}]}
    assert excess_of({"passes": [passed], "budget": {"verdicts": []}}) == 1e-6


def test_the_last_pass_is_the_one_whose_gate_closed() -> None:
    passes = [{"verdicts": [verdict({"max": 800}, 1600)]}, {"verdicts": [verdict({"max": 800}, 1000)]}]
    assert excess_of({"passes": passes, "budget": {"verdicts": []}}) == 0.25
    open_, closed = {"metrics": {"map": {"value": 0.7}}}, {"metrics": {"map": {"value": 0.5}}}
    for model in (open_, closed):
        model |= {"bytes": 900, "kind": "TFLiteModel"}
    assert figures_at_gate({"passes": [open_, closed]}, ["map"]) == [0.5]


def test_limits_in_total_come_before_those_of_a_gate() -> None:
    passes = [{"verdicts": [verdict({"max": 800}, 1600)]}]
    assert excess_of({"passes": passes, "budget": {"verdicts": [verdict({"max": 800}, 1000)]}}) == 0.25


def test_figures_of_0_are_figures_and_what_is_no_number_is_none() -> None:
    row = {"metrics": {"map": {"value": 0.0}}, "bytes": 0, "compressed_bytes": 5, "latency_ms": None}
    assert figures_of(row, ["map", "size", "compressed_size"]) == [0.0, 0.0, 5.0]
    assert figures_of(row, ["latency"]) is None
    assert figures_of(row | {"metrics": {"map": {"value": float("inf")}}}, ["map"]) is None
    both = row | {"metrics": {"size": {"value": 7}}}
    assert figures_of(both, ["size"]) == [7.0], "what a metric measured comes first"
    closed = {"metrics": {"map": {"value": 0.0}}, "bytes": 9, "kind": "TFLiteModel"}
    assert figures_at_gate({"passes": [closed]}, ["map"]) == [0.0]
    assert figures_at_gate({"passes": [closed]}, ["compressed_size"]) is None


def test_each_metric_of_an_objective_has_its_direction(here: Place) -> None:
    recipe = load_recipe(["recipe=fake"])
    for objective, directions in (
        (("score",), ["maximize"]),
        (("file_bytes",), ["minimize"]),
        (("file_bytes", "score"), ["minimize", "maximize"]),
    ):
        assert directions_of(replace(recipe, objective=objective)) == directions
    with pytest.raises(
        RecipeError, match=r"objective: a search needs an objective, e\.g\. objective=\[map,size\]"
    ):
        directions_of(recipe)


def test_a_misspelled_metric_is_named_with_the_right_one(here: Place) -> None:
    recipe = replace(load_recipe(["recipe=fake"]), objective=("scor",))
    with pytest.raises(RecipeError, match=r"'scor' is not a metric for fake; .* Did you mean 'score'"):
        directions_of(recipe)


def test_a_metric_of_another_task_is_no_objective(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from tflbuild.core.metric import METRICS

    recipe = load_recipe(["recipe=fake", "objective=[score]"])
    monkeypatch.setattr(METRICS.get("score"), "tasks", ("other",))
    with pytest.raises(
        RecipeError, match="objective: 'score' is not a metric for fake; there are fake_latency, file_bytes"
    ):
        directions_of(recipe)
    monkeypatch.setattr(METRICS.get("score"), "tasks", ("other", "fake"))
    assert directions_of(recipe) == ["maximize"]
