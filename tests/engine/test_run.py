"""Policies of steps by hand: which model is judged, against what, by which limits, and what the report says of it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, add, change, drop, steps
from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.errors import BudgetExceeded, PassError
from tflbuild.core.recipe import Recipe
from tflbuild.engine import run as run_module
from tflbuild.engine.build import Outcome
from tflbuild.engine.events import Event
from tflbuild.engine.gate import judge
from tflbuild.engine.judging import gate_event
from tflbuild.engine.plan import Planned

# Scores of the standard recipe: train 0.9, prune 0.89, convert 0.89. `quantize` is given cost 0.3 here: 0.59.


def quantizing(recipe: Recipe, *fallback: Fallback, limits: tuple[Limit, ...] = (drop(0.1),)) -> Recipe:
    worse = fakes.FakeQuantize(cost=0.3)
    return change(recipe, "quantize", options=worse, limits=limits, fallback=fallback)


def last(outcome: Outcome) -> Any:
    return outcome.report["passes"][-1]


def score(outcome: Outcome) -> float:
    return fakes.score_of(outcome.report.folder / "model.tflite")


def test_the_work_is_done_here_as_a_worker_does_it(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    assert score(build_here(recipe)) == pytest.approx(0.89)
    assert [who for _, what, who in here.asked if what == "run_pass"] == [
        f"pass '{label}'" for label in ("train", "prune", "convert", "quantize")
    ]


def test_every_limit_of_a_step_counts(recipe: Recipe, build_here: FakeBuild) -> None:
    small, tiny = (Limit(metric="file_bytes", form="max", bound=bound) for bound in (1_000, 1))
    held = (small, tiny, drop(0.1), drop(0.4))
    outcome = build_here(quantizing(recipe, limits=held))
    assert isinstance(outcome.error, BudgetExceeded)
    verdicts = last(outcome)["verdicts"]
    assert [verdict["ok"] for verdict in verdicts] == [True, False, False, True]
    assert str(outcome.error) == f"quantize: {verdicts[1]['text']}; {verdicts[2]['text']}"
    assert last(outcome)["reason"] == f"it exceeded its limit: {verdicts[1]['text']}; {verdicts[2]['text']}"
    assert last(outcome)["outcome"] == "ran"


def test_a_limit_is_held_against_the_step_s_own_input(recipe: Recipe, build_here: FakeBuild) -> None:
    recipe = change(recipe, "prune", options=fakes.FakePrune(cost=0.4), limits=(drop(0.5),))
    recipe = change(recipe, "quantize", options=fakes.FakeQuantize(cost=0.2), limits=(drop(0.3),))
    outcome = build_here(recipe)
    assert outcome.error is None
    baselines = [step["verdicts"][0]["baseline"] for step in outcome.report["passes"] if step["verdicts"]]
    assert baselines == [pytest.approx(0.9), pytest.approx(0.5)]


def test_a_limit_since_a_step_is_held_against_what_that_gave(recipe: Recipe, build_here: FakeBuild) -> None:
    recipe = change(recipe, "prune", options=fakes.FakePrune(cost=0.2))
    held = (drop(0.9, since="train"), drop(0.9, since="prune"), drop(0.9))
    recipe = change(recipe, "quantize", options=fakes.FakeQuantize(cost=0.1), limits=held)
    verdicts = last(build_here(recipe))["verdicts"]
    assert [verdict["baseline"] for verdict in verdicts] == [
        pytest.approx(0.9),
        pytest.approx(0.7),
        pytest.approx(0.7),
    ]


def test_since_a_step_whose_place_a_fallback_took_means_what_the_fallback_gave(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    recipe = change(
        add(recipe, gentle=(fakes.FakePrune(cost=0.1),)),
        "prune",
        options=fakes.FakePrune(cost=0.5),
        limits=(drop(0.2),),
        fallback=(Fallback(run=("gentle",)),),
    )
    outcome = build_here(change(recipe, "quantize", limits=(drop(0.9, since="prune"),)))
    assert last(outcome)["verdicts"][0]["baseline"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("start", "bound", "ok"), [("", 0.16, False), ("", 0.26, True), ("prune", 0.16, False)]
)
def test_a_fallback_is_judged_against_the_input_of_the_step_whose_place_it_takes(
    recipe: Recipe, build_here: FakeBuild, start: str, bound: float, ok: bool
) -> None:
    """Its first pass loses 0.2 and its second 0.05: 0.25 in all, whatever the last one's own input had."""
    first, second = fakes.FakePrune(cost=0.2), fakes.FakeQuantize(cost=0.05)
    if start:
        recipe = add(recipe, first=(first,), between=(fakes.FakeConvert(),), second=(second,))
        fallback = Fallback(run=("first", "between", "second"), start=start)
    else:
        recipe = add(recipe, first=(fakes.FakeQuantize(cost=0.2),), second=(second,))
        fallback = Fallback(run=("first", "second"))
    outcome = build_here(quantizing(recipe, fallback, limits=(drop(bound),)))
    assert (outcome.error is None) is ok
    tried = last(outcome)["tried"][1]
    assert tried["run"] == fallback.text
    assert tried["verdicts"][0]["baseline"] == pytest.approx(0.89)
    assert tried["verdicts"][0]["value"] == pytest.approx(0.64)
    assert tried["ok"] is ok


def test_a_limit_of_a_pass_of_a_fallback_is_held_against_that_pass_s_own_input(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    recipe = add(
        recipe,
        first=(fakes.FakeQuantize(cost=0.2), drop(0.3)),
        second=(fakes.FakeQuantize(cost=0.05), drop(0.1)),
    )
    outcome = build_here(quantizing(recipe, Fallback(run=("first", "second")), limits=(drop(0.28),)))
    assert outcome.error is None
    passes = last(outcome)["tried"][1]["passes"]
    assert [[v["baseline"] for v in part["verdicts"]] for part in passes] == [
        [pytest.approx(0.89)],
        [pytest.approx(0.89), pytest.approx(0.69)],  # of the step first, then its own
    ]
    assert [part["label"] for part in passes] == ["first", "second"]
    assert [part["input"] == before for part, before in zip(passes, inputs(outcome), strict=True)] == [
        True
    ] * 2


def inputs(outcome: Outcome) -> list[str]:
    parts = last(outcome)["tried"][1]["passes"]
    return [outcome.report["passes"][-2]["output"], parts[0]["output"]]


@pytest.mark.parametrize("position", [0, 1])
def test_a_fallback_whose_own_limit_is_exceeded_does_not_take_the_place(
    recipe: Recipe, build_here: FakeBuild, position: int
) -> None:
    strict = [(), ()]
    strict[position] = (drop(0.01),)  # type: ignore[call-overload]
    recipe = add(
        recipe,
        first=(fakes.FakeQuantize(cost=0.02), *strict[0]),
        second=(fakes.FakeQuantize(cost=0.02), *strict[1]),
    )
    outcome = build_here(quantizing(recipe, Fallback(run=("first", "second"))))
    assert isinstance(outcome.error, BudgetExceeded)
    tried = last(outcome)["tried"][1]
    assert tried["ok"] is False
    assert [part["label"] for part in tried["passes"]] == ["first", "second"][: position + 1]


def test_the_first_fallback_that_holds_takes_the_place_and_no_further_one_is_tried(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce, events: list[Event]
) -> None:
    recipe = add(
        recipe,
        worse=(fakes.FakeQuantize(cost=0.5),),
        good=(fakes.FakeQuantize(cost=0.05),),
        better=(fakes.FakeQuantize(cost=0.01),),
    )
    fallbacks = [Fallback(run=(label,)) for label in ("worse", "good", "better")]
    outcome = build_here(quantizing(recipe, *fallbacks))
    report = last(outcome)
    assert outcome.error is None
    assert score(outcome) == pytest.approx(0.84)
    assert (report["outcome"], report["reason"]) == ("replaced", "it exceeded its limit; good replaced it")
    before, after = (step["metrics"]["score"]["value"] for step in outcome.report["passes"][-2:])
    assert report["differences"]["score"]["value"] == pytest.approx(after - before), "of what took its place"
    assert [(tried["run"], tried["ok"]) for tried in report["tried"]] == [
        ("quantize", False),
        ("worse", False),
        ("good", True),
    ]
    assert report["output"] == report["tried"][2]["output"] == outcome.report["targets"][0]["sha256"]
    assert report["metrics"]["score"]["value"] == pytest.approx(0.84)
    assert [verdict["value"] for verdict in report["verdicts"]] == [pytest.approx(0.84)]
    assert report["bytes"] == (outcome.report.folder / "model.tflite").stat().st_size
    assert "pass 'better'" not in [who for _, _, who in here.asked]
    warned = [event.fields["text"] for event in events if event.kind == "warning"]
    assert warned == [f"quantize exceeds its limit; trying {label}" for label in ("worse", "good")]


def test_what_was_tried_keeps_what_it_measured(recipe: Recipe, build_here: FakeBuild) -> None:
    recipe = add(recipe, good=(fakes.FakeQuantize(cost=0.05),))
    first, second = last(build_here(quantizing(recipe, Fallback(run=("good",)))))["tried"]
    assert first["metrics"]["score"]["value"] == pytest.approx(0.59)
    assert [verdict["ok"] for verdict in first["verdicts"]] == [False]
    assert second["metrics"]["score"]["value"] == pytest.approx(0.84)
    assert first["output"] != second["output"]
    part = second["passes"][0]
    assert (part["pass"], part["outcome"], part["options"]["cost"]) == ("fake_quantize", "ran", 0.05)
    assert (first["seconds"], second["seconds"], part["seconds"]) == (2.5, 2.5, 2.5)


def test_a_fallback_that_fails_gives_way_to_the_next_and_says_why(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    recipe = add(
        recipe,
        first=(fakes.FakeQuantize(cost=0.01),),
        bad=(fakes.FakeBad(),),
        good=(fakes.FakeQuantize(cost=0.05),),
    )
    outcome = build_here(quantizing(recipe, Fallback(run=("first", "bad")), Fallback(run=("good",))))
    assert outcome.error is None
    tried = last(outcome)["tried"][1]
    assert (tried["run"], tried["ok"]) == ("first -> bad", False)
    assert tried["error"] == "pass 'bad' failed: ValueError: seven is right out"
    assert [part["label"] for part in tried["passes"]] == ["first"]
    warned = [event.fields["text"] for event in events if event.kind == "warning"]
    assert f"fallback first -> bad: {tried['error']}" in warned
    assert outcome.report["reproduce"] is None, "the build went on: there is nothing to reproduce"


def test_a_fallback_from_a_step_starts_from_what_that_gave(recipe: Recipe, build_here: FakeBuild) -> None:
    recipe = add(recipe, again=(fakes.FakePrune(cost=0.05),), close=(fakes.FakeConvert(),))
    outcome = build_here(quantizing(recipe, Fallback(run=("again", "close"), start="train")))
    assert score(outcome) == pytest.approx(0.85)
    parts = last(outcome)["tried"][1]["passes"]
    assert parts[0]["input"] == outcome.report["passes"][0]["output"]
    assert last(outcome)["verdicts"][0]["baseline"] == pytest.approx(0.89)


def test_a_fallback_from_a_step_that_does_not_run_is_said_to_be_left_out(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    recipe = change(quantizing(recipe, Fallback(run=("convert",), start="prune")), "prune", enabled=False)
    outcome = build_here(recipe)
    assert isinstance(outcome.error, BudgetExceeded)
    warned = [event.fields["text"] for event in events if event.kind == "warning"]
    assert warned == ["fallback convert from prune is skipped, since prune does not run"]
    assert [tried["run"] for tried in last(outcome)["tried"]] == ["quantize"]


def test_warn_keeps_the_model_that_is_over_its_budget(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    recipe = add(recipe, worse=(fakes.FakeQuantize(cost=0.5),))
    recipe = change(quantizing(recipe, Fallback(run=("worse",))), "quantize", on_breach="warn")
    outcome = build_here(recipe)
    assert outcome.error is None
    assert score(outcome) == pytest.approx(0.59)
    report = last(outcome)
    breach = report["verdicts"][0]["text"]
    assert report["outcome"] == "ran"
    assert report["reason"] == "over its limit and kept (on_breach: warn); never run before"
    assert report["metrics"]["score"]["value"] == pytest.approx(0.59)
    assert f"quantize exceeds its limit and is kept (on_breach: warn): {breach}" in outcome.report["warnings"]
    assert outcome.report["budget"]["ok"] is True


def test_skip_goes_on_from_the_input_and_judges_the_next_step_against_it(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    recipe = change(recipe, "prune", options=fakes.FakePrune(cost=0.5), limits=(drop(0.1),), on_breach="skip")
    outcome = build_here(change(recipe, "convert", limits=(drop(0.5),)))
    train, prune, convert, _ = outcome.report["passes"]
    assert (prune["outcome"], prune["output"], prune["kind"]) == ("skipped", train["output"], "KerasModel")
    assert prune["bytes"] == train["bytes"]
    assert prune["reason"] == f"it exceeded its limit (on_breach: skip): {prune['verdicts'][0]['text']}"
    assert prune["tried"][0]["output"] != train["output"]
    assert convert["verdicts"][0]["baseline"] == pytest.approx(0.9)
    assert convert["input"] == train["output"]


def test_a_gate_that_stays_closed_ends_the_build_and_says_so_to_who_listens(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    outcome = build_here(quantizing(recipe))
    ended = [event.fields for event in events if event.kind == "pass_ended"]
    assert [fields["label"] for fields in ended] == ["train", "prune", "convert", "quantize"]
    assert ended[-1] == last(outcome)
    gates = [event.fields for event in events if event.kind == "gate"]
    assert [(gate["label"], gate["ok"]) for gate in gates] == [("quantize", False)]
    assert gates[0]["text"] == last(outcome)["verdicts"][0]["text"]
    assert gates[0]["verdict"] == last(outcome)["verdicts"][0]
    rejected = outcome.report.folder / "rejected" / "quantize.tflite"
    assert fakes.score_of(rejected) == pytest.approx(0.59)


def test_the_pass_is_given_its_options_its_input_its_limits_and_its_time(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    made = {**recipe.steps, **steps(fakes.FakeMixed(), mixed={"limits": (drop(0.15, "train"),)})}
    made["mixed"] = replace(made["mixed"], timeout=17.0)
    made |= steps(fakes.FakeTeach())
    wanted = replace(
        recipe, steps=made, pipeline=("train", "prune", "teach", "convert", "mixed"), strict=False
    )
    wanted = replace(wanted, seed=5)
    outcome = build_here(wanted)
    assert outcome.error is None
    given = [
        arguments
        for (_, name, _), arguments in zip(here.asked, here.arguments, strict=True)
        if name == "run_pass"
    ]
    by_label = {assignment.label: (options, model, assignment) for options, model, assignment in given}
    options, model, assignment = by_label["mixed"]
    assert options == made["mixed"].options
    assert model.digest == outcome.report["passes"][3]["output"]
    assert [held.limit for held in assignment.held] == [drop(0.15, "train")]
    assert assignment.held[0].baseline.digest == outcome.report["passes"][0]["output"]
    assert (assignment.seed, assignment.strict) == (5, False)
    assert assignment.checkpoint_seconds == wanted.worker.checkpoint_seconds
    assert assignment.checkpoints == wanted.store / "checkpoints" / outcome.report["passes"][4]["action"]
    assert by_label["train"][2].reads == ("data.train",)
    assert by_label["train"][1] is None
    assert by_label["teach"][2].models["train"].digest == outcome.report["passes"][0]["output"]
    timeouts = [limit for limit in here.timeouts if limit is not None]
    assert timeouts == [17.0]


def test_a_judging_pass_of_a_fallback_holds_candidates_against_the_input_of_the_step_it_stands_for(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    """From 0.79, which is 0.1 below that input, a further 0.1 is too much and 0.04 is not."""
    recipe = add(recipe, first=(fakes.FakeQuantize(cost=0.1),), mixed=(fakes.FakeMixed(costs=(0.1, 0.04)),))
    outcome = build_here(quantizing(recipe, Fallback(run=("first", "mixed")), limits=(drop(0.15),)))
    assert last(outcome)["tried"][1]["passes"][1]["notes"] == {"0.1": [False], "0.04": [True]}
    assert score(outcome) == pytest.approx(0.75)


def test_a_strict_recipe_judges_candidates_strictly(recipe: Recipe, build_here: FakeBuild) -> None:
    """The difference of fakes is known to 0.001, so that a drop of 0.1 may be one of more than 0.1005."""
    made = {**recipe.steps, **steps(fakes.FakeMixed(costs=(0.1, 0.05)), mixed={"limits": (drop(0.1005),)})}
    wanted = replace(recipe, steps=made, pipeline=("train", "prune", "convert", "mixed"))
    assert last(build_here(wanted))["notes"] == {"0.1": [True]}
    assert last(build_here(replace(wanted, strict=True)))["notes"] == {"0.1": [False], "0.05": [True]}


def test_a_second_build_says_what_was_cached_and_what_it_had_cost(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    first = build_here(recipe).report["passes"]
    events.clear()
    second = build_here(recipe).report["passes"]
    for before, after in zip(first, second, strict=True):
        assert (before["cached"], after["cached"]) == (False, True)
        assert (before["outcome"], after["outcome"]) == ("ran", "cached")
        assert (before["seconds"], after["seconds"]) == (2.5, 0)
        for step in (before, after):
            assert (step["cost_seconds"], step["cpu_seconds"], step["peak_rss_mib"]) == (2.5, 4.062, 7)
        assert after["reason"] == "saves 2.5 s"
        same = ("action", "input", "output", "kind", "bytes", "options", "notes", "metrics")
        assert [after[field] for field in same] == [before[field] for field in same]
    started = [event.fields for event in events if event.kind == "pass_started"]
    assert [(fields["label"], fields["status"]) for fields in started] == [
        (label, "HIT") for label in ("train", "prune", "convert", "quantize")
    ]


def test_a_step_that_stands_where_the_recipe_says_another_is_said_to_be_skipped(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    outcome = build_here(change(recipe, "prune", instead="there is nothing to prune"))
    report = outcome.report["passes"][1]
    assert (report["outcome"], report["reason"]) == ("skipped", "there is nothing to prune")


def test_progress_says_whose_it_is_and_how_far(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    build_here(recipe)
    told = [event.fields for event in events if event.kind == "progress"]
    assert {"label": "train", "done": 1, "total": 2, "note": "half"} in told


def test_a_pass_that_fails_is_the_failure_with_its_inputs(
    recipe: Recipe, build_here: FakeBuild, tmp_path: Path
) -> None:
    wanted = add(recipe, bad=(fakes.FakeBad(),))
    outcome = build_here(replace(wanted, pipeline=(*recipe.pipeline, "bad")))
    assert isinstance(outcome.error, PassError)
    assert last(outcome)["outcome"] == "failed"
    assert last(outcome)["input"] == outcome.report["passes"][3]["output"]
    assert last(outcome)["output"] is None
    assert outcome.report["reproduce"] == f"tflbuild reproduce {outcome.report.folder}"


def test_what_a_source_held_is_kept_for_the_next_build_that_asks_why(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    build_here(recipe)
    kept = list((recipe.store / "memo" / "contents").iterdir())
    assert len(kept) == 1, "train reads data.train; nothing else reads"
    again = build_here(replace(recipe, data=fakes.FakeData(train=11)))
    assert again.report["passes"][0]["reason"].startswith("data.train content changed: 1 file added")


def test_a_gate_of_a_step_is_strict_where_the_recipe_is(recipe: Recipe, build_here: FakeBuild) -> None:
    """The difference of fakes is known to 0.001, so that a drop of 0.01 may be one of more than 0.0105."""
    recipe = change(recipe, "prune", limits=(drop(0.0105),))
    assert build_here(recipe).error is None
    strict = build_here(replace(recipe, strict=True))
    assert isinstance(strict.error, BudgetExceeded)
    assert strict.report["passes"][1]["verdicts"][0]["decided"] is False


def test_a_verdict_of_the_total_is_told_with_its_target_and_without_a_step() -> None:
    verdict = judge(Limit(metric="score", form="min", bound=0.5), None)
    step, total = gate_event("thin", verdict), gate_event("", verdict, "cpu")
    assert step.fields == {"label": "thin", "ok": False, "text": verdict.text, "verdict": verdict.to_json()}
    assert total.fields == {
        "label": "",
        "ok": False,
        "text": f"in total: {verdict.text}",
        "verdict": verdict.to_json() | {"target": "cpu"},
    }


def test_what_another_process_has_just_computed_counts_as_cached(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_here(recipe)
    known = run_module.look_up

    def a_moment_earlier(*given: Any) -> Planned:
        return replace(known(*given), record=None, status="RUN")

    monkeypatch.setattr(run_module, "look_up", a_moment_earlier)
    for step in build_here(recipe).report["passes"]:
        assert (step["outcome"], step["cached"], step["seconds"], step["cost_seconds"]) == (
            "cached",
            True,
            0,
            2.5,
        )


def test_measuring_is_timed_apart_and_adds_up(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that goes on by 1.5 s whenever it is looked at: once before and once behind each judgement."""
    looks = itertools.count()
    monkeypatch.setattr(run_module, "time", SimpleNamespace(perf_counter=lambda: 1.5 * next(looks)))
    recipe = add(recipe, first=(fakes.FakeQuantize(cost=0.02),), second=(fakes.FakeQuantize(cost=0.02),))
    report = build_here(quantizing(recipe, Fallback(run=("first", "second")))).report
    assert [step["measuring_seconds"] for step in report["passes"]] == [1.5] * 4
    parts = report["passes"][-1]["tried"][1]["passes"]
    assert [part["measuring_seconds"] for part in parts] == [1.5, 3.0], "the last is held to two budgets"


def test_what_a_pass_changed_in_the_graph_is_a_note_of_its_step_and_cached_with_it(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(before: Artifact, after: Artifact) -> dict[str, Any]:
        return {"unread": f"{before.kind} to {after.kind}"} if before.kind != after.kind else {}

    monkeypatch.setattr("fakes.unchanged", told)
    notes = {step["label"]: step["notes"].get("graph") for step in build_here(recipe).report["passes"]}
    assert notes == {
        "train": None,
        "prune": None,
        "convert": {"unread": "KerasModel to TFLiteModel"},
        "quantize": None,
    }
    monkeypatch.setattr("fakes.unchanged", None)
    again = build_here(recipe).report["passes"]
    assert {step["label"]: step["notes"].get("graph") for step in again} == notes
