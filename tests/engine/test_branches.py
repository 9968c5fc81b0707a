"""Branches of a pipeline: which steps run for which target, and what is delivered where one of them fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, add, change, drop
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.errors import BudgetExceeded, PassError, RecipeError
from tflbuild.core.metric import TargetMetric, metric
from tflbuild.core.recipe import Recipe, RunOptions, Step
from tflbuild.engine.build import Outcome
from tflbuild.engine.checks import check
from tflbuild.engine.lock import NAME
from tflbuild.engine.order import as_in_line, delivered_step, line_to, main_line, order_of, sources_of
from tflbuild.engine.placing import Foreseen, foreseen
from tflbuild.engine.plan import plan, resolve
from tflbuild.engine.prepare import prepare

# Scores of the standard recipe: train 0.9, prune 0.89, convert 0.89. `quantize` costs nothing, the branch 0.05.

BRANCH = "quantize@chip"


class FakeRefusing(fakes.FakeCompiler):
    """Compile nothing."""

    name = "fake_refusing"

    def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
        raise PassError("nothing of it runs on the chip")


class FakeUnexecuted(fakes.FakeCompiler):
    """Compile for what is not here."""

    name = "fake_unexecuted"
    executes = False


class FakeIntegers(fakes.FakeTarget):
    """Compute in integers alone."""

    name = "fake_integers"

    integer_only = True


class BadQuantize(fakes.FakeBad):
    """Go wrong where it would quantize."""

    name = "bad_quantize"

    def output_quantized(self) -> bool:
        return True


def branched(recipe: Recipe, cost: float = 0.05, **fields: Any) -> Recipe:
    """Give the target `chip` a step of its own, behind `convert`."""
    own = Step(
        label=BRANCH, options=fakes.FakeQuantize(cost=cost), takes="convert", wanted={"cost": cost}, **fields
    )
    return replace(
        recipe,
        steps={**recipe.steps, BRANCH: own},
        pipeline=(*recipe.pipeline, BRANCH),
        targets={**recipe.targets, "chip": FakeIntegers(step=BRANCH)},
    )


def ran(here: AtOnce) -> list[str]:
    return [who.split("'")[1] for _, what, who in here.asked if what == "run_pass"]


def scores(outcome: Outcome) -> dict[str, float]:
    folder = outcome.report.folder
    return {
        path.parent.name: round(fakes.score_of(path), 6) for path in sorted(folder.glob("*/model.tflite"))
    }


def names(outcome: Outcome) -> list[str]:
    return [one["name"] for one in outcome.report["targets"]]


def test_what_targets_share_runs_once_and_each_gets_its_own_file(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    outcome = build_here(branched(recipe))
    assert outcome.error is None
    assert ran(here) == ["train", "prune", "convert", "quantize", BRANCH]
    assert scores(outcome) == {"any": 0.89, "chip": 0.84}
    assert {one["name"]: one["step"] for one in outcome.report["targets"]} == {
        "any": "quantize",
        "chip": BRANCH,
    }
    steps = {one["label"]: one for one in outcome.report["passes"]}
    assert steps[BRANCH]["input"] == steps["convert"]["output"] == steps["quantize"]["input"]
    assert (steps[BRANCH]["takes"], steps[BRANCH]["wanted"]) == ("convert", {"cost": 0.05})
    assert "takes" not in steps["quantize"]
    assert steps[BRANCH]["differences"]["score"]["value"] == pytest.approx(-0.05), (
        "since convert, not quantize"
    )


def test_a_branch_is_planned_behind_the_step_that_it_takes(recipe: Recipe, build_here: FakeBuild) -> None:
    wanted = branched(recipe)

    def statuses(of: Recipe) -> dict[str, str]:
        found = prepare(of, names=fakes.NAMES)
        return {one.step.label: one.status for one in plan(found.recipe, found.keys, found.store).steps}

    build_here(replace(wanted, targets=recipe.targets, pipeline=recipe.pipeline))
    shared = dict.fromkeys(("train", "prune", "convert", "quantize"), "HIT")
    assert statuses(wanted) == {**shared, BRANCH: "RUN"}, "its input is known"
    build_here(wanted)
    assert statuses(wanted) == {**shared, BRANCH: "HIT"}


def test_the_order_says_which_step_takes_which_and_what_each_target_is_given(recipe: Recipe) -> None:
    wanted = branched(recipe)
    order, _ = order_of(wanted)
    assert sources_of(wanted, order) == {
        "train": "",
        "prune": "train",
        "convert": "prune",
        "quantize": "convert",
        BRANCH: "convert",
    }
    assert main_line(wanted, order) == ("train", "prune", "convert", "quantize")
    between = replace(wanted, pipeline=("train", "prune", "convert", BRANCH, "quantize"))
    assert sources_of(between, order_of(between)[0])["quantize"] == "convert"
    assert [delivered_step(wanted, order, name) for name in wanted.targets] == ["quantize", BRANCH]
    assert line_to(wanted, order, BRANCH) == ("train", "prune", "convert", BRANCH)


def test_what_a_step_that_does_not_run_would_give_is_what_it_would_take(recipe: Recipe) -> None:
    behind = Step(label="more@chip", options=fakes.FakeAny(), takes=BRANCH)
    wanted = branched(recipe)
    wanted = replace(
        wanted,
        steps={**wanted.steps, "more@chip": behind},
        pipeline=(*wanted.pipeline, "more@chip"),
        targets={**wanted.targets, "chip": FakeIntegers(step=BRANCH)},
    )
    without = change(wanted, BRANCH, enabled=False)
    order, _ = order_of(without)
    assert sources_of(without, order)["more@chip"] == "convert"
    assert delivered_step(without, order, "chip") == "convert"


def test_a_step_takes_what_runs_before_it(recipe: Recipe) -> None:
    with pytest.raises(RecipeError) as caught:
        check(change(branched(recipe), BRANCH, takes="later"))
    assert str(caught.value) == f"{BRANCH}.takes: 'later' is not a step that comes before it."


def test_each_branch_knows_whether_its_targets_compute_in_integers_alone(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[float, bool] = {}

    def told(self: fakes.FakeQuantize, facts: Any) -> fakes.FakeQuantize:
        seen[self.cost] = facts.integer_only
        return self

    monkeypatch.setattr(fakes.FakeQuantize, "resolve", told)
    other = Fallback(run=("other",))
    wanted = add(change(branched(recipe), BRANCH, fallback=(other,)), other=(fakes.FakeQuantize(cost=0.01),))
    resolve(wanted, prepare(recipe, names=fakes.NAMES).index)
    assert seen == {0.0: False, 0.05: True, 0.01: True}


def test_a_branch_that_fails_loses_nothing_of_the_others(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(change(branched(recipe), BRANCH, options=BadQuantize()))
    assert isinstance(outcome.error, PassError)
    assert (outcome.report.status, outcome.error.exit_code) == ("failed", 4)
    assert scores(outcome) == {"any": 0.89}
    assert names(outcome) == ["any"]
    assert BRANCH in outcome.report["error"]
    assert not (outcome.report.folder / NAME).exists(), "a lock is of all that a recipe delivers"


def test_a_main_line_that_fails_loses_nothing_of_a_branch(
    recipe: Recipe, build_here: FakeBuild, events: list[Any]
) -> None:
    outcome = build_here(change(branched(recipe), "quantize", options=fakes.FakeBad()))
    assert isinstance(outcome.error, PassError)
    assert scores(outcome) == {"chip": 0.84}
    assert any(
        text.startswith("quantize ends here, and what other targets are given") for text in warnings(events)
    )
    assert [event.fields["label"] for event in events if event.kind == "failed"] == ["quantize"]


def warnings(events: list[Any]) -> list[str]:
    return [event.fields["text"] for event in events if event.kind == "warning"]


def test_what_all_of_them_need_ends_all_of_them(recipe: Recipe, build_here: FakeBuild, here: AtOnce) -> None:
    broken = change(branched(recipe), "prune", limits=(drop(0.001),))
    outcome = build_here(broken)
    assert isinstance(outcome.error, BudgetExceeded)
    assert ran(here) == ["train", "prune"]
    assert names(outcome) == []


def test_the_gate_of_a_branch_closes_it_alone_and_is_told_as_the_end(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    outcome = build_here(branched(recipe, limits=(drop(0.01),)))
    assert isinstance(outcome.error, BudgetExceeded)
    assert str(outcome.error).startswith(f"{BRANCH}: score fell by 0.0500")
    assert (outcome.report.status, outcome.error.exit_code) == ("over_budget", 5)
    assert names(outcome) == ["any"]
    assert (outcome.report.folder / "rejected" / f"{BRANCH}.tflite").is_file()


def test_fallbacks_are_tried_in_the_branch_whose_gate_closes(recipe: Recipe, build_here: FakeBuild) -> None:
    wanted = branched(recipe, limits=(drop(0.01),), fallback=(Fallback(run=("milder@chip",)),))
    outcome = build_here(add(wanted, **{"milder@chip": (fakes.FakeQuantize(cost=0.005),)}))
    assert outcome.error is None
    assert scores(outcome) == {"any": 0.89, "chip": 0.885}


def test_a_total_budget_refuses_the_files_of_one_step_and_not_those_of_others(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    wanted = branched(recipe)
    more = {**wanted.targets, "second": FakeUnexecuted(step=BRANCH), "third": FakeUnexecuted()}
    outcome = build_here(replace(wanted, targets=more, limits=(drop(0.02),)))
    assert isinstance(outcome.error, BudgetExceeded)
    assert names(outcome) == ["any", "third"], (
        "nothing is measured on 'second', which is of the step of 'chip'"
    )
    assert fakes.score_of(outcome.report.folder / "rejected" / "model.tflite") == pytest.approx(0.84)
    assert [verdict["ok"] for verdict in outcome.report["budget"]["verdicts"]] == [True, False]


def test_a_target_that_cannot_compile_loses_nothing_of_the_others(
    recipe: Recipe, build_here: FakeBuild, events: list[Any]
) -> None:
    outcome = build_here(replace(recipe, targets={**recipe.targets, "chip": FakeRefusing()}))
    assert isinstance(outcome.error, PassError)
    assert "nothing of it runs on the chip" in str(outcome.error)
    assert names(outcome) == ["any"]
    assert any(text.startswith("chip is given no file: ") for text in warnings(events))


def test_a_limit_on_what_only_a_failed_branch_measures_refuses_no_other(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    @metric("fake_npu")
    class FakeNpu(TargetMetric):
        """Nothing measures it."""

        target = "fake_integers"

    limit = Limit(metric=FakeNpu.name, form="min", bound=0.5)
    wanted = change(replace(branched(recipe), limits=(limit,)), BRANCH, options=BadQuantize())
    outcome = build_here(wanted)
    assert isinstance(outcome.error, PassError)
    assert names(outcome) == ["any"]


def test_a_lock_holds_every_branch(recipe: Recipe, build_here: FakeBuild) -> None:
    wanted = branched(recipe)
    locked = replace(wanted, run=RunOptions(locked=str(build_here(wanted).report.folder / NAME)))
    assert build_here(locked).error is None
    other = build_here(change(locked, BRANCH, options=fakes.FakeQuantize(cost=0.06)))
    assert BRANCH in str(other.error)
    assert other.error is not None
    assert other.error.exit_code == 7  # type: ignore[union-attr]


def test_a_run_that_stops_behind_a_branch_leaves_that_model(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(replace(branched(recipe), run=RunOptions(stop_after=BRANCH)))
    assert fakes.score_of(outcome.report.folder / f"{BRANCH}.tflite") == pytest.approx(0.84)


def test_a_target_of_integers_is_not_given_floats(recipe: Recipe) -> None:
    floats = replace(recipe, pipeline=("train", "prune", "convert"), targets={"chip": FakeIntegers()})
    with pytest.raises(RecipeError) as caught:
        check(floats)
    assert str(caught.value) == (
        "target.chip: it takes integers alone, and nothing in pipeline quantizes (train, prune, convert); put "
        "a pass that quantizes after 'convert'."
    )


def test_a_branch_whose_step_is_the_same_is_run_once_and_the_plan_says_so(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    build_here(replace(recipe, pipeline=("train", "prune", "convert")))
    found = prepare(branched(recipe, cost=0.0), names=fakes.NAMES)
    reasons = {one.step.label: one.reason for one in plan(found.recipe, found.keys, found.store).steps}
    assert reasons[BRANCH] == "the same as quantize, and run once for both"
    build_here(branched(recipe, cost=0.0))
    assert ran(here)[-1] == "quantize"


def test_a_total_limit_since_a_step_counts_from_that_of_the_branch(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    outcome = build_here(replace(branched(recipe), limits=(drop(0.02, since="quantize"),)))
    assert outcome.error is None, "0.05 lie before the branch's own quantize"
    order = order_of(branched(recipe))[0]
    assert as_in_line(branched(recipe), order, "quantize", BRANCH) == BRANCH
    assert as_in_line(branched(recipe), order, "convert", BRANCH) == "convert"
    assert as_in_line(branched(recipe), order, "quantize", "quantize") == "quantize"


def test_of_two_branches_that_fail_the_first_is_the_end_and_is_bundled(
    recipe: Recipe, build_here: FakeBuild, events: list[Any]
) -> None:
    both = change(change(branched(recipe), "quantize", options=BadQuantize()), BRANCH, options=BadQuantize())
    outcome = build_here(both)
    assert "pass 'quantize'" in str(outcome.error)
    assert [event.fields["label"] for event in events if event.kind == "failed"] == ["quantize"]
    bundle = (outcome.report.folder / "reproduce.yaml").read_text()
    assert "label: quantize\n" in bundle


def test_what_a_device_will_do_is_foreseen_of_the_file_that_it_is_given(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = branched(recipe)
    build_here(wanted)
    monkeypatch.setattr(fakes.FakeTarget, "rule_table", lambda self: Path("rules.yaml"))
    monkeypatch.setattr(fakes.FakeTarget, "place", lambda self, path: {"score": fakes.score_of(path)})
    found = prepare(wanted, names=fakes.NAMES)
    steps = plan(found.recipe, found.keys, found.store).steps
    assert {one.target: one.placement["score"] for one in foreseen(found.recipe, steps)} == {
        "any": pytest.approx(0.89),
        "chip": pytest.approx(0.84),
    }


def test_of_the_users_file_only_operators_that_the_device_has_not_are_foreseen() -> None:
    """What a step changes, such as dtypes, is no reason, even where the rule asks for the name, too."""
    usual = {"on": False, "fits": False, "cure": "", "name": "X"}
    operators = [
        usual | {"reason": "computes in float32", "values": {"op.name": "X"}, "unknown": False},
        usual | {"reason": "is no operator of it", "values": {"op.name": "X"}, "unknown": True},
    ]
    found = Foreseen("chip", {"operators": operators}, delivered=False)
    assert found.text() == "target.chip: of model.path X is no operator of it"
