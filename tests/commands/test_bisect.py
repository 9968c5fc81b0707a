"""Which pass lost the accuracy: the sentence, by hand, and the command on a real build."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import session
from tflbuild.commands.bisect import Loss, _words, bisect, blame, budget_of, measured, table, without_gates
from tflbuild.core.architecture import Architecture
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.metric import Difference
from tflbuild.core.recipe import Recipe, RunOptions, Step
from tflbuild.passes.convert import Convert
from tflbuild.passes.prune import Prune
from tflbuild.passes.train import Train


def change(before: float, after: float, width: float = 0.01) -> Difference:
    moved = after - before
    return Difference(value=moved, low=moved - width, high=moved + width, n=10)


def losses_of(values: dict[str, float], width: float = 0.01) -> list[Loss]:
    """Give losses as a build of these values would, the first label being the base."""
    labels = list(values)
    behind = [
        Loss(
            label=label,
            value=values[label],
            own=change(values[before], values[label], width),
            total=change(values[labels[0]], values[label], width),
        )
        for before, label in pairwise(labels)
    ]
    return [Loss(label=labels[0], value=values[labels[0]]), *behind]


def said(values: dict[str, float], allowed: float | None, width: float = 0.01) -> str:
    return blame(losses_of(values, width), "map", allowed)


def test_the_pass_that_crosses_the_budget_is_named() -> None:
    text = said({"train": 0.60, "prune": 0.58, "convert": 0.58, "quantize": 0.50}, 0.05)
    assert text.startswith("the budget of 0.0500 was lost at quantize: 0.0800 [0.0700, 0.0900] there")
    assert "0.1000 [0.0900, 0.1100] since the base; the costliest pass is quantize" in text


def test_many_small_losses_are_told_from_one_large_one() -> None:
    text = said({"train": 0.60, "prune": 0.56, "convert": 0.56, "quantize": 0.54}, 0.05, width=0.005)
    assert "was lost at quantize: 0.0200" in text
    assert "the costliest pass is prune, 0.0400" in text


def test_an_undecided_loss_says_so() -> None:
    assert "(undecided: the budget lies inside its interval)" in said({"train": 0.60, "prune": 0.545}, 0.05)


def test_no_loss_names_the_costliest_pass_all_the_same() -> None:
    text = said({"train": 0.60, "prune": 0.59, "quantize": 0.58}, 0.05)
    assert text.startswith("no pass lost the budget of 0.0500; the costliest pass is prune")


def test_without_a_budget_the_costliest_pass_is_named() -> None:
    text = said({"train": 0.60, "prune": 0.40}, None)
    assert text.startswith("the costliest pass is prune, 0.2000")
    assert "max_drop=X sets one" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipe=ssd_mobilenet_int8"], "usage: tflbuild bisect"),
        (["recipe=ssd_mobilenet_int8", "metric=map", "max_drop=much"], "max_drop: 'much' is not a number"),
        (["recipe=ssd_mobilenet_int8", "metric=mpa"], "there is no metric 'mpa'.*Did you mean 'map'"),
        (
            ["recipe=ssd_mobilenet_int8", "metric=size"],
            "'size' measures no accuracy; there are auc, fidelity, map, ",
        ),
    ],
)
def test_bad_words_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        bisect(words)


@pytest.mark.parametrize(
    ("allowed", "named"), [(0.0, "a"), (0.25, "b"), (0.49, "b"), (0.5, "no pass lost the budget of 0.5000")]
)
def test_the_first_pass_over_the_budget_is_named_and_none_at_it(allowed: float, named: str) -> None:
    text = said({"base": 1.0, "a": 0.75, "b": 0.5}, allowed, width=0)
    assert text.startswith(f"the budget of {allowed:.4f} was lost at {named}:" if len(named) == 1 else named)


def test_an_interval_that_begins_at_zero_is_printed() -> None:
    text = said({"base": 1.0, "a": 0.75}, 0.1, width=0.25)
    assert text == (
        "it is undecided whether the budget of 0.1000 was lost: 0.2500 [0.0000, 0.5000] since the base; no pass lost "
        "map beyond noise"
    )


def test_a_limit_that_limits_nothing_is_not_printed_and_noise_blames_no_pass() -> None:
    text = said({"train": 0.60, "prune": 0.596, "quantize": 0.599}, 1e9)
    assert text == "no pass lost map beyond noise; no budget limits map (max_drop=X sets one)"


def test_passes_whose_intervals_overlap_share_the_blame() -> None:
    text = said({"train": 0.60, "prune": 0.55, "quantize": 0.505}, None)
    assert text.startswith(
        "the costliest pass is prune, 0.0500 [0.0400, 0.0600] (or quantize: the intervals overlap)"
    )


def test_a_gain_is_no_loss_even_where_nothing_may_be_lost() -> None:
    assert said({"base": 0.5, "a": 0.6}, 0.0).startswith(
        "no pass lost the budget of 0.0000; no pass lost map beyond noise"
    )


@pytest.mark.parametrize(("low", "word"), [(0.0499, True), (0.05, True), (0.0501, False)])
def test_a_loss_is_decided_where_its_whole_interval_lies_above_the_budget(low: float, word: bool) -> None:
    total = replace(change(0.6, 0.5), high=-low)
    text = blame([Loss(label="a", value=None, own=change(0.6, 0.5), total=total)], "map", 0.05)
    assert ("(undecided: the budget lies inside its interval)" in text) is word


def test_passes_that_cannot_be_compared_are_passed_over() -> None:
    before = Loss(label="before", value=0.1, own=change(0.9, 0.1))
    assert blame([before], "map", 0.0) == "no pass after the base has a map that can be compared"
    after = Loss(label="after", value=0.5, own=change(0.6, 0.5), total=change(0.6, 0.5))
    told = blame([before, after], "map", None)
    assert told.startswith("the costliest pass is after, 0.1000 [0.0900, 0.1100]; no budget limits map")


def test_the_table_has_a_line_a_pass_under_its_heading() -> None:
    losses = [
        Loss(label="train", value=0.6),
        Loss(label="a", value=0.0, own=change(0.6, 0.0), total=change(0.6, 0.0)),
        Loss(label="quantize", value=None),
        Loss(label="tune", value=0.7, own=change(0.6, 0.7), total=change(0.6, 0.7)),
    ]
    assert table(losses, "train") == [
        "pass      on val   lost there                  lost since train",
        "train     0.6000",
        "a         0.0000   0.6000 [0.5900, 0.6100]     0.6000 [0.5900, 0.6100]",
        "quantize",
        "tune      0.7000   -0.1000 [-0.1100, -0.0900]  -0.1000 [-0.1100, -0.0900]",
    ]


def test_a_metric_that_stayed_has_no_minus_before_its_zero() -> None:
    assert "0.0000 [0.0000, 0.0000]" in table(losses_of({"a": 0.5, "b": 0.5}, 0), "a")[2]


STEPS = {
    "train": Step(label="train", options=Train()),
    "prune": Step(
        label="prune",
        options=Prune(),
        limits=(Limit(metric="map", form="max_drop", bound=0.01),),
        fallback=(Fallback(run=("train",)),),
    ),
    "convert": Step(label="convert", options=Convert(), on_breach="skip"),
}
TOTAL = (
    Limit(metric="top1", form="max_drop", bound=-1.0),
    Limit(metric="map", form="max_drop", bound=0.0),
    Limit(metric="map", form="max_relative_drop", bound=0.25),
    Limit(metric="map", form="min", bound=0.1),
    Limit(metric="map", form="max", bound=0.0),
)
RECIPE = Recipe(
    name="r",
    model=Architecture(),
    data=Dataset(),
    targets={},
    steps=STEPS,
    pipeline=tuple(STEPS),
    limits=TOTAL,
    run=RunOptions(time_passes=True, locked="true"),
)
BASE = [Loss(label="other", value=0.9), Loss(label="train", value=0.8)]


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        (TOTAL, 0.0),
        (TOTAL[2:], 0.2),  # a quarter of 0.8
        (TOTAL[3:], 0.7),  # from 0.8 to 0.1
        (TOTAL[4:], None),
        ((), None),
    ],
)
def test_the_budget_is_the_tightest_drop_that_the_recipe_allows(
    limits: tuple[Limit, ...], allowed: float | None
) -> None:
    found = budget_of(replace(RECIPE, limits=limits), "map", BASE, "train")
    assert found == (None if allowed is None else pytest.approx(allowed))
    assert budget_of(replace(RECIPE, limits=limits), "map", BASE, "gone") is None


def test_a_base_of_zero_is_a_base() -> None:
    base = [Loss(label="train", value=0.0)]
    assert budget_of(RECIPE, "map", base, "train") == -0.1


def test_a_share_of_a_negative_base_is_one_of_its_magnitude() -> None:
    base = [Loss(label="train", value=-0.5)]
    recipe = replace(RECIPE, limits=(Limit(metric="map", form="max_relative_drop", bound=0.1),))
    assert budget_of(recipe, "map", base, "train") == pytest.approx(0.05)


def test_no_gate_is_left_and_nothing_takes_a_steps_place() -> None:
    found = without_gates(RECIPE)
    assert all(step.limits == () and step.fallback == () for step in found.steps.values())
    assert found.limits == ()
    assert found.steps["prune"].options == RECIPE.steps["prune"].options
    assert found.run == RECIPE.run


class Measures:
    """Measures models that are numbers: the metric is the number itself."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def accuracy(self, model: float | None, metrics: list[str], split: str) -> dict[str, Any]:
        self.asked.append((metrics[0], split))
        return {} if model is None else {metrics[0]: SimpleNamespace(value=model)}

    def compare(self, metric: str, before: float, after: float, split: str) -> Difference:
        self.asked.append((metric, split))
        return change(before, after)


def store(outputs: dict[str, float | None]) -> Any:
    made: dict[str, float | None] = {}
    runner = SimpleNamespace(outputs=made, run=lambda order: made.update(outputs))
    steps = {label: SimpleNamespace(takes="") for label in outputs}
    prepared = SimpleNamespace(order=tuple(outputs), recipe=SimpleNamespace(steps=steps))
    return SimpleNamespace(prepared=prepared, runner=runner, measurer=Measures())


def test_each_step_is_measured_against_its_input_and_those_behind_the_base_against_it() -> None:
    opened = store({"start": 0.9, "train": 0.6, "prune": 0.58, "quantize": 0.5})
    start, train, prune, quantize = measured(opened, "map", "train")
    assert start == Loss(label="start", value=0.9)
    assert train == Loss(label="train", value=0.6, own=change(0.9, 0.6))
    assert prune == Loss(label="prune", value=0.58, own=change(0.6, 0.58), total=change(0.6, 0.58))
    assert quantize == Loss(label="quantize", value=0.5, own=change(0.58, 0.5), total=change(0.6, 0.5))
    assert set(opened.measurer.asked) == {("map", "val")}


@pytest.mark.parametrize("odd", [None, float("nan")])
def test_a_step_whose_metric_cannot_be_measured_is_compared_with_nothing(odd: float | None) -> None:
    _, odd_loss, last = measured(store({"train": 0.6, "odd": odd, "last": 0.5}), "map", "train")
    assert (odd_loss.own, odd_loss.total, last.own) == (None, None, None)
    assert last.total == change(0.6, 0.5)


def test_words_are_a_metric_a_drop_and_overrides() -> None:
    assert _words(["recipe=r", "metric=map", "max_drop=0.02", "a=b=c"]) == (
        "map",
        0.02,
        ["recipe=r", "a=b=c"],
    )
    assert _words(["metric=map", "max_drop=0"])[1] == 0.0
    assert _words(["metric=map"]) == ("map", None, [])
    for odd in ("inf", "nan"):
        with pytest.raises(RecipeError, match=f"max_drop: '{odd}' is not a finite number"):
            _words(["metric=map", f"max_drop={odd}"])


class Stopped:
    """A worker that counts how often it is stopped."""

    stops = 0

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    """Let any recipe give steps whose values are made up."""
    values: dict[str, float | None] = {"train": 0.6, "prune": 0.58, "convert": 0.5}
    monkeypatch.setattr("tflbuild.commands.bisect.load_recipe", lambda words: RECIPE)
    monkeypatch.setattr("tflbuild.commands.bisect.base_label", lambda recipe, order: "train")
    monkeypatch.setattr("tflbuild.commands.bisect.opened", lambda *given: nullcontext(store(values)))
    worker = Stopped()
    monkeypatch.setattr(session, "worker_for", lambda recipe: worker)
    return worker


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["metric=map", "max_drop=0.05"], "the budget of 0.0500 was lost at convert: 0.0800"),
        (["metric=map", "max_drop=0"], "the budget of 0.0000 was lost at prune: 0.0200"),
        (["metric=map"], "the budget of 0.0000 was lost at prune: 0.0200"),
    ],
)
def test_the_budget_is_the_one_that_is_typed_or_else_the_recipes(
    worker: Stopped, words: list[str], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bisect(words) == 0
    assert worker.stops == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["pass", "on", "val", "lost", "there", "lost", "since", "train"]
    assert [line.split()[0] for line in lines[1:4]] == ["train", "prune", "convert"]
    assert lines[4].startswith(end)


@pytest.mark.parametrize("raised", [PassError("it broke"), KeyboardInterrupt()])
def test_a_pass_that_failed_or_was_interrupted_ends_the_search_and_the_worker(
    worker: Stopped, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def fail(*given: Any) -> Any:
        raise raised

    monkeypatch.setattr("tflbuild.commands.bisect.measured", fail)
    with pytest.raises(type(raised)):
        bisect(["metric=map"])
    assert worker.stops == 1
