"""Which pass lost the accuracy: the sentence, by hand, and the command on a real build."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.commands.bisect import Loss, bisect, blame, losses_of, table
from tflbuild.core.errors import RecipeError


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
