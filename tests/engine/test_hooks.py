"""Hooks watch a build: what they are told, in which order, and that nothing they do changes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, steps
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.errors import BudgetExceeded, MissingTool, PassError, PluginError
from tflbuild.core.hook import CALLS, Hook, Unmade
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Outcome
from tflbuild.engine.prepare import prepare

CALLED: list[tuple[str, Any]] = []


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process, where hooks are called."""
    return build_here


@pytest.fixture(autouse=True)
def forget() -> None:
    CALLED.clear()


@dataclass(frozen=True, kw_only=True)
class Watch(Hook):
    """Keep what it is told."""

    tag: str = ""

    def note(self, call: str, *given: Any) -> None:
        self.memory.setdefault("calls", []).append(call)
        CALLED.append((f"{self.tag}{call}", given))

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        assert self.memory == {}
        self.note("before_build", recipe, folder)

    def before_pass(self, step: Mapping[str, Any]) -> None:
        self.note("before_pass", step)

    def on_training(self, point: Mapping[str, Any]) -> None:
        self.note("on_training", point)

    def after_pass(self, step: Mapping[str, Any]) -> None:
        self.note("after_pass", step)

    def on_gate(self, verdict: Mapping[str, Any]) -> None:
        self.note("on_gate", verdict)

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        self.note("on_failure", failure)

    def after_build(self, report: Mapping[str, Any], folder: Path) -> None:
        self.note("after_build", report, folder)


@dataclass(frozen=True, kw_only=True)
class Raises(Watch):
    """Raise in one call."""

    where: str
    error: BaseException = field(default_factory=lambda: ValueError("no\nluck"))

    def note(self, call: str, *given: Any) -> None:
        super().note(call, *given)
        if call == self.where:
            raise self.error


@dataclass(frozen=True, kw_only=True)
class Vandal(Watch):
    """Change everything it is given."""

    def note(self, call: str, *given: Any) -> None:
        for thing in given:
            if isinstance(thing, dict):
                thing.clear()
                thing["status"] = "vandalised"


def watched(recipe: Recipe, *hooks: Hook) -> Recipe:
    return replace(recipe, hooks={f"hook{position}": hook for position, hook in enumerate(hooks)})


def change(recipe: Recipe, label: str, **fields: Any) -> Recipe:
    return replace(recipe, steps={**recipe.steps, label: replace(recipe.steps[label], **fields)})


def drop(bound: float) -> tuple[Limit, ...]:
    return (Limit(metric="score", form="max_drop", bound=bound),)


def calls() -> list[str]:
    """Give each call with the label it was about."""
    said = []
    for call, given in CALLED:
        label = given[0].get("label", "")
        said.append(f"{call} {label}" if label else call)
    return said


def bytes_of(outcome: Outcome) -> bytes:
    return (outcome.report.folder / "model.tflite").read_bytes()


STEPS = [
    f"{call} {label}"
    for label in ("train", "prune", "convert", "quantize")
    for call in ("before_pass", *(["on_training"] * 3 if label == "train" else []), "after_pass")
]


def test_hooks_are_called_in_a_fixed_place(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(replace(recipe, limits=drop(0.5)), "prune", limits=drop(0.1))
    outcome = build(watched(recipe, Watch()))
    assert outcome.error is None
    told = STEPS.copy()
    told.insert(told.index("after_pass prune"), "on_gate prune")
    assert calls() == ["before_build", *told, "on_gate", "after_build"]


def test_hooks_are_called_in_the_order_chosen(recipe: Recipe, build: FakeBuild) -> None:
    build(watched(recipe, Watch(tag="b "), Watch(tag="a ")))
    assert [call for call, _ in CALLED[:4]] == [
        "b before_build",
        "a before_build",
        "b before_pass",
        "a before_pass",
    ]


def test_a_hook_is_told_what_the_report_holds(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(replace(recipe, limits=drop(0.5)), "prune", limits=drop(0.1))
    outcome = build(watched(recipe, Watch()))
    told: dict[str, list[Any]] = {}
    for call, given in CALLED:
        told.setdefault(call, []).append(given)
    report = json.loads((outcome.report.folder / "report.json").read_text())
    assert [step for (step,) in told["after_pass"]] == report["passes"]
    assert told["after_build"] == [(report, outcome.report.folder)]
    (gate,), (total,) = told["on_gate"]
    assert gate == {"label": "prune", **report["passes"][1]["verdicts"][0]}
    assert total == {"label": "", **report["budget"]["verdicts"][0]}
    assert total["target"] == "any"
    ((wanted, folder),) = told["before_build"]
    assert folder == outcome.report.folder
    assert wanted["recipe"] == "fake"
    assert wanted["train"]["steps"] == 20, "defaults that follow from the data are filled in"
    assert [point["step"] for (point,) in told["on_training"]] == report["passes"][0]["curve"]["step"]
    first = {"label": "train", "step": 1, "total": 40, "loss": 1.0, "learning_rate": 0.1, "epoch": 0.1}
    assert told["on_training"][0] == ({**first, "images_per_second": None},)
    (begun,) = told["before_pass"][1]
    assert begun["label"] == "prune"
    assert begun["pass"] == "fake_prune"
    assert begun["options"] == {"cost": 0.01}
    assert begun["status"] == "RUN"
    assert begun["reason"] == "never run before"
    CALLED.clear()
    build(watched(recipe, Watch()))
    assert {given[0]["status"] for call, given in CALLED if call == "before_pass"} == {"HIT"}


def test_a_failed_pass_is_told_with_its_label(recipe: Recipe, build: FakeBuild) -> None:
    bad = replace(
        recipe,
        steps={**recipe.steps, **steps(fakes.FakeBad())},
        pipeline=("train", "convert", "bad", "quantize"),
    )
    outcome = build(watched(bad, Watch()))
    assert isinstance(outcome.error, PassError)
    assert calls()[-3:] == ["before_pass bad", "on_failure bad", "after_build"]
    failure = CALLED[-2][1][0]
    assert "seven is right out" in failure["error"]
    assert failure["exit_code"] == 4
    assert CALLED[-1][1][0]["status"] == "failed"


def test_an_exceeded_budget_is_told(recipe: Recipe, build: FakeBuild) -> None:
    build(watched(change(recipe, "prune", limits=drop(0.001)), Watch()))
    assert calls()[-4:] == ["on_gate prune", "after_pass prune", "on_failure prune", "after_build"]
    assert CALLED[-2][1][0]["exit_code"] == 5
    CALLED.clear()
    build(watched(replace(recipe, limits=drop(0.001)), Watch()))
    assert calls()[-3:] == ["on_gate", "on_failure", "after_build"], "no step exceeded the total budget"
    assert CALLED[-1][1][0]["status"] == "over_budget"


def test_a_fallback_is_told_within_its_step(recipe: Recipe, build: FakeBuild) -> None:
    gentle = replace(recipe.steps["prune"], label="gentle", options=fakes.FakePrune(cost=0.001))
    recipe = change(recipe, "prune", limits=drop(0.005), fallback=(Fallback(run=("gentle",)),))
    outcome = build(watched(replace(recipe, steps={**recipe.steps, "gentle": gentle}), Watch()))
    assert outcome.error is None
    begin = calls().index("before_pass prune")
    assert calls()[begin : begin + 6] == [
        "before_pass prune",
        "on_gate prune",
        "before_pass gentle",
        "on_gate prune",
        "after_pass gentle",
        "after_pass prune",
    ]


def test_ctrl_c_is_told_as_the_end_only(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.engine import measure

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measure.Measurer, "compare", interrupt)
        outcome = build(watched(change(recipe, "prune", limits=drop(0.1)), Watch()))
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert calls()[-2:] == ["before_pass prune", "after_build"]
    assert CALLED[-1][1][0]["status"] == "interrupted"


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize("error", [ValueError("no\nluck"), SystemExit(3), RecursionError()], ids=repr)
def test_a_hook_that_raises_is_named_and_not_called_again(
    recipe: Recipe, build: FakeBuild, where: str, error: BaseException
) -> None:
    closed = replace(recipe, limits=drop(0.001))
    outcome = build(watched(closed, Raises(where=where, error=error, tag="bad "), Watch()))
    assert isinstance(outcome.error, BudgetExceeded), "it ends as it would have without the hook"
    mine = [call.removeprefix("bad ") for call, _ in CALLED if call.startswith("bad ")]
    assert mine.count(where) == 1
    assert mine[-1] == where
    assert calls()[-1] == "after_build", "the other hook hears everything"
    report = json.loads((outcome.report.folder / "report.json").read_text())
    what = {ValueError: "ValueError: no luck", SystemExit: "SystemExit: 3", RecursionError: "RecursionError"}
    said = f"hook 'hook0' raised {what[type(error)]} in {where} and is not called again"
    assert report["warnings"] == [said]
    assert said in (outcome.report.folder / "events.jsonl").read_text()
    assert "Traceback" in (outcome.report.folder / "log.txt").read_text()


def test_every_hook_may_raise(recipe: Recipe, build: FakeBuild) -> None:
    plain = build(recipe)
    gated = change(replace(recipe, seed=recipe.seed + 1), "prune", limits=drop(0.5))
    raising = [where for where in CALLS if where != "on_failure"]
    outcome = build(watched(gated, *(Raises(where=where) for where in raising)))
    assert outcome.error is None
    assert outcome.report["warnings"] == [
        f"hook 'hook{position}' raised ValueError: no luck in {where} and is not called again"
        for position, where in [
            (0, "before_build"),
            (1, "before_pass"),
            (2, "on_training"),
            (3, "after_pass"),
            (4, "on_gate"),
            (5, "after_build"),
        ]
    ]
    assert bytes_of(outcome) == bytes_of(plain)


@pytest.mark.parametrize("where", ["before_build", "before_pass", "after_pass"])
def test_ctrl_c_in_a_hook_is_the_users(recipe: Recipe, build: FakeBuild, where: str) -> None:
    outcome = build(watched(recipe, Raises(where=where, error=KeyboardInterrupt()), Watch(tag="other ")))
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert outcome.report.status == "interrupted"
    assert calls()[-1] == "other after_build"
    assert outcome.report["warnings"] == []


def test_ctrl_c_at_the_end_leaves_what_was_built(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(watched(recipe, Raises(where="after_build", error=KeyboardInterrupt())))
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert outcome.report.status == "built"
    assert bytes_of(outcome)
    closed = replace(recipe, limits=drop(0.001))
    outcome = build(watched(closed, Raises(where="on_failure", error=KeyboardInterrupt())))
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert json.loads((outcome.report.folder / "report.json").read_text())["status"] == "over_budget"


def test_a_hook_whose_class_raises_is_named(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(watched(recipe, Unmade(error=SystemExit("no way")), Watch()))
    assert outcome.error is None
    said = "hook 'hook0' raised SystemExit: no way in __post_init__ and is not called again"
    assert outcome.report["warnings"] == [said]
    assert calls()[-1] == "after_build"


def test_hooks_change_nothing_of_what_is_built(recipe: Recipe, build: FakeBuild, log: Path) -> None:
    plain = build(recipe)
    done = log.read_text()
    hooked = build(watched(recipe, Vandal(), Watch(tag="some option")))
    assert log.read_text() == done, "every step is a hit: hooks and their options are in no key"
    assert {step["outcome"] for step in hooked.report["passes"]} == {"cached"}
    assert bytes_of(hooked) == bytes_of(plain)
    assert [s["action"] for s in hooked.report["passes"]] == [s["action"] for s in plain.report["passes"]]
    assert CALLED[-1][1][0]["status"] == "built", "a hook does not see what another one did to its copy"
    assert hooked.report.status == "built"


def test_what_a_hook_kept_is_gone_in_the_next_build(recipe: Recipe, build: FakeBuild) -> None:
    hooked = watched(recipe, Watch())
    for _ in range(2):
        assert build(hooked).report["warnings"] == []
    assert hooked.hooks["hook0"].memory == {}


def test_a_tool_that_a_hook_needs_is_missing_when_planning(recipe: Recipe) -> None:
    class Needy(Hook):
        needs = ("nobodys_tool",)

    with pytest.raises(MissingTool, match="hook 'hook0' needs nobodys_tool, which is not installed: pip"):
        prepare(watched(recipe, Needy()), fakes.NAMES)


def test_a_misspelt_call_is_refused() -> None:
    with pytest.raises(PluginError, match=r"'after_pas' is not one of .* Did you mean 'after_pass'\?"):

        class Misspelt(Hook):
            def after_pas(self, step: Mapping[str, Any]) -> None: ...
