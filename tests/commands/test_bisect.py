"""Which pass lost the accuracy: the sentence, by hand, and the command on a real build."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import session
from tflbuild.commands.bisect import (
    Loss,
    _open,
    _words,
    bisect,
    blame,
    budget_of,
    cost,
    losses_of,
    table,
)
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.compiler_pass import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.recipe import Recipe, RunOptions, Step
from tflbuild.passes.convert import Convert
from tflbuild.passes.prune import Prune
from tflbuild.passes.train import Train


def verdict(before: float, after: float, since: str = "", width: float = 0.01) -> dict[str, Any]:
    drop = before - after
    limit = {"max_drop": 1e9} | ({"since": since} if since else {})
    ends = {"low": drop - width, "high": drop + width}
    return {"metric": "map", "limit": limit, "baseline": before, "value": after, **ends}


def report(values: dict[str, float], width: float = 0.01) -> dict[str, Any]:
    labels = list(values)
    passes = []
    for position, label in enumerate(labels):
        verdicts = []
        if position:
            verdicts.append(verdict(values[labels[position - 1]], values[label], width=width))
            verdicts.append(verdict(values[labels[0]], values[label], since=labels[0], width=width))
        passes.append({"label": label, "metrics": {"map": {"value": values[label]}}, "verdicts": verdicts})
    return {"passes": passes}


def said(values: dict[str, float], allowed: float | None, width: float = 0.01) -> str:
    return blame(losses_of(report(values, width), "map"), "map", allowed)


def test_the_pass_that_crosses_the_budget_is_named() -> None:
    text = said({"train": 0.60, "prune": 0.58, "convert": 0.58, "quantize": 0.50}, 0.05)
    assert text.startswith("the budget of 0.0500 was lost at quantize: +0.0800 [+0.0700, +0.0900] there")
    assert "+0.1000 [+0.0900, +0.1100] since the base; the costliest pass is quantize" in text


def test_many_small_losses_are_told_from_one_large_one() -> None:
    text = said({"train": 0.60, "prune": 0.56, "convert": 0.56, "quantize": 0.54}, 0.05, width=0.005)
    assert "was lost at quantize: +0.0200" in text
    assert "the costliest pass is prune, +0.0400" in text


def test_an_undecided_loss_says_so() -> None:
    assert "(undecided: its interval holds the budget)" in said({"train": 0.60, "prune": 0.545}, 0.05)


def test_no_loss_names_the_costliest_pass_all_the_same() -> None:
    text = said({"train": 0.60, "prune": 0.59, "quantize": 0.58}, 0.05)
    assert text.startswith("no pass lost the budget of 0.0500; the costliest pass is prune")


def test_without_a_budget_the_costliest_pass_is_named() -> None:
    text = said({"train": 0.60, "prune": 0.40}, None)
    assert text.startswith("the costliest pass is prune, +0.2000")
    assert "max_drop=X gives one" in text


def test_the_table_has_a_line_a_pass() -> None:
    losses = [
        Loss(label="train", value=0.6, own=None, total=None),
        *losses_of(report({"a": 0.6, "b": 0.5}), "map"),
    ]
    lines = table(losses, "train")
    assert lines[1] == "train  0.6000"
    assert lines[3].split() == [
        "b",
        "0.5000",
        "+0.1000",
        "[+0.0900,",
        "+0.1100]",
        "+0.1000",
        "[+0.0900,",
        "+0.1100]",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipe=ssd_mobilenet_int8"], "usage: tflbuild bisect"),
        (["recipe=ssd_mobilenet_int8", "metric=map", "max_drop=much"], "max_drop: 'much' is not a number"),
        (["recipe=ssd_mobilenet_int8", "metric=mpa"], "there is no metric 'mpa'.*Did you mean 'map'"),
        (["recipe=ssd_mobilenet_int8", "metric=size"], "'size' measures no accuracy; there are map"),
    ],
)
def test_bad_words_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        bisect(words)


def entry(own: tuple[float, float] | None, total: tuple[float, float] | None, label: str = "p") -> Loss:
    verdicts = [pair and verdict(*pair) for pair in (own, total)]
    return Loss(label=label, value=None, own=verdicts[0], total=verdicts[1])


def test_a_cost_is_the_baseline_less_the_value_and_nothing_where_either_is_missing() -> None:
    assert cost(verdict(0.6, 0.5)) == pytest.approx(0.1)
    assert cost(verdict(0.5, 0.6)) == pytest.approx(-0.1)
    assert cost(verdict(0.0, 0.0)) == 0.0
    assert cost(verdict(0.6, 0.5) | {"baseline": None}) is None
    assert cost(verdict(0.6, 0.5) | {"value": None}) is None
    assert cost(None) is None


def test_what_is_read_is_of_the_metric_that_was_asked_for() -> None:
    other = verdict(0.9, 0.1) | {"metric": "map50"}
    made = report({"a": 0.6, "b": 0.5})
    made["passes"][1]["verdicts"] = [other, *made["passes"][1]["verdicts"]]
    first, second = losses_of(made, "map")
    assert first == Loss(label="a", value=0.6, own=None, total=None)
    assert second == Loss(label="b", value=0.5, own=verdict(0.6, 0.5), total=verdict(0.6, 0.5, since="a"))
    assert losses_of(made, "top1")[1] == Loss(label="b", value=None, own=None, total=None)


@pytest.mark.parametrize(
    ("allowed", "named"), [(0.0, "a"), (0.25, "b"), (0.49, "b"), (0.5, "no pass lost the budget of 0.5000")]
)
def test_the_first_pass_over_the_budget_is_named_and_none_at_it(allowed: float, named: str) -> None:
    text = said({"base": 1.0, "a": 0.75, "b": 0.5}, allowed, width=0)
    assert text.startswith(f"the budget of {allowed:.4f} was lost at {named}:" if len(named) == 1 else named)


def test_an_interval_that_begins_at_zero_is_printed() -> None:
    text = said({"base": 1.0, "a": 0.75}, 0.1, width=0.25)
    assert "was lost at a: +0.2500 [+0.0000, +0.5000] there" in text


def test_a_gain_is_no_loss_even_where_nothing_may_be_lost() -> None:
    assert said({"base": 0.5, "a": 0.6}, 0.0).startswith(
        "no pass lost the budget of 0.0000; the costliest pass is a"
    )


@pytest.mark.parametrize(("low", "word"), [(0.0499, True), (0.05, True), (0.0501, False), (None, True)])
def test_a_loss_is_decided_where_its_whole_interval_lies_above_the_budget(
    low: float | None, word: bool
) -> None:
    total = verdict(0.6, 0.5, since="base") | {"low": low}
    text = blame([Loss(label="a", value=None, own=verdict(0.6, 0.5), total=total)], "map", 0.05)
    assert ("(undecided: its interval holds the budget)" in text) is word


def test_passes_that_cannot_be_compared_are_passed_over() -> None:
    assert blame([entry((0.6, 0.5), None)], "map", 0.0) == (
        "no pass behind the base has a map that can be compared"
    )
    told = blame([entry((0.9, 0.1), None, "before"), entry((0.6, 0.5), (0.6, 0.5), "after")], "map", None)
    assert told.startswith("the costliest pass is after, +0.1000 [+0.0900, +0.1100]; the recipe's budget")


def test_the_table_is_aligned_by_column_under_its_heading() -> None:
    losses = [
        Loss(label="train", value=0.6, own=None, total=None),
        Loss(label="a", value=0.0, own=verdict(0.6, 0.0), total=verdict(0.6, 0.0)),
        Loss(label="quantize", value=None, own=verdict(0.6, 0.55) | {"low": None}, total=None),
    ]
    assert table(losses, "train") == [
        "pass      on val   lost there                  lost since train",
        "train     0.6000",
        "a         0.0000   +0.6000 [+0.5900, +0.6100]  +0.6000 [+0.5900, +0.6100]",
        "quantize           +0.0500",
    ]


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
BASE = [
    Loss(label="other", value=0.9, own=None, total=None),
    Loss(label="train", value=0.8, own=None, total=None),
]


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
    base = [Loss(label="train", value=0.0, own=None, total=None)]
    assert budget_of(RECIPE, "map", base, "train") == -0.1


def test_a_share_of_a_negative_base_is_one_of_its_magnitude() -> None:
    base = [Loss(label="train", value=-0.5, own=None, total=None)]
    recipe = replace(RECIPE, limits=(Limit(metric="map", form="max_relative_drop", bound=0.1),))
    assert budget_of(recipe, "map", base, "train") == pytest.approx(0.05)


def test_every_gate_is_left_open_and_measures_against_its_input_and_the_base() -> None:
    opened = _open(RECIPE, ("train", "prune", "convert"), "train", "map")
    own, total = (Limit(metric="map", form="max_drop", bound=1e9, since=since) for since in ("", "train"))
    assert {label: step.limits for label, step in opened.steps.items()} == {
        "train": (),
        "prune": (own, total),
        "convert": (own, total),
    }
    assert all((step.fallback, step.on_breach) == ((), "warn") for step in opened.steps.values())
    assert opened.limits == ()
    assert opened.run == RunOptions(stop_after="convert", time_passes=True)
    later = _open(RECIPE, ("train", "prune", "convert"), "prune", "map")
    assert later.steps["prune"].limits == (own,)
    assert later.steps["convert"].limits == (own, replace(total, since="prune"))


def test_words_are_a_metric_a_drop_and_overrides() -> None:
    assert _words(["recipe=r", "metric=map", "max_drop=0.02", "a=b=c"]) == (
        "map",
        0.02,
        ["recipe=r", "a=b=c"],
    )
    assert _words(["metric=map", "max_drop=0"])[1] == 0.0
    assert _words(["metric=map"]) == ("map", None, [])
    for odd in ("inf", "nan"):
        with pytest.raises(RecipeError, match=f"max_drop: '{odd}' is no finite number"):
            _words(["metric=map", f"max_drop={odd}"])


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a build of any recipe end with losses that are made up."""
    values = {"train": 0.6, "prune": 0.58, "convert": 0.5}
    outcome = SimpleNamespace(error=None, report=SimpleNamespace(content=report(values)))
    monkeypatch.setattr("tflbuild.commands.bisect.load_recipe", lambda words: RECIPE)
    monkeypatch.setattr("tflbuild.commands.bisect.check", lambda recipe: (tuple(STEPS), {}))
    monkeypatch.setattr("tflbuild.commands.bisect.base_label", lambda recipe, order: "train")
    monkeypatch.setattr(session, "build_once", lambda recipe, listeners: outcome)
    return outcome


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["metric=map", "max_drop=0.05"], "the budget of 0.0500 was lost at convert: +0.0800"),
        (["metric=map", "max_drop=0"], "the budget of 0.0000 was lost at prune: +0.0200"),
        (["metric=map"], "the budget of 0.0000 was lost at prune: +0.0200"),
    ],
)
def test_the_budget_is_the_one_that_is_typed_or_else_the_recipes(
    built: SimpleNamespace, words: list[str], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bisect(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["pass", "on", "val", "lost", "there", "lost", "since", "train"]
    assert [line.split()[0] for line in lines[1:4]] == ["train", "prune", "convert"]
    assert lines[4].startswith(end)


def test_a_build_that_failed_or_was_interrupted_ends_the_search(built: SimpleNamespace) -> None:
    built.error = PassError("it broke")
    with pytest.raises(PassError, match="it broke"):
        bisect(["metric=map"])
    built.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bisect(["metric=map"])
