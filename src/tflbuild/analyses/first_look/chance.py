"""Test whether a model that somebody else trained beats chance on this data, and explain why not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.analyses.first_look.causes import caused
from tflbuild.analyses.first_look.orders import ClassPairs, class_pairs, tried
from tflbuild.core.plain_text import plain
from tflbuild.evaluation.arrays import load
from tflbuild.metrics.classification import Top1
from tflbuild.metrics.detection import MeanAveragePrecision
from tflbuild.metrics.statistics.resampling import wilson

NEAR_ZERO = 0.02
"""mAP below which a detector finds next to nothing."""

GOOD = {"top1": 0.9, "map": 0.3}
"""Least scores, by metric, of a base that is given the pixels it was trained on, or nearly."""

ENOUGH, CLEAR_GAIN = 5, 0.1
"""Images of a class that tell something of it; part of the way from guessing to perfection that is clearly more."""

LONGEST = 200
"""Letters of an override that a sentence still holds."""


def judge(predictions: Path, truth: Path, listed: Mapping[str, Sequence[str]], split: str) -> dict[str, Any]:
    """Hold predictions of a base against chance.

    Args:
        predictions: what it said of a split, as `tflbuild.evaluation.arrays` describes.
        truth: what is right.
        listed: class names in the model's order, by where they are written.
        split: its name.

    Returns:
        {} where there is nothing to say. Else `verdict`: "chance", "one_class" (nothing else is ever said), "order"
        (better than chance, and much better in another order of the classes) or "" (not very good, no more is known);
        `metric` with `value`, `low`, `high` and `n`; `chance`; `only`, the one class that is said; `orders` as
        `tflbuild.analyses.first_look.orders.tried` gives them; `try_readings`, whether other readings of the pixels
        are worth trying; and `text`, a sentence, "" for no verdict.
    """
    found, wanted = load(predictions), load(truth)
    if "scores" not in found or "labels" not in wanted or not len(wanted["labels"]):
        return {}  # of a task that has no classes
    if not np.isfinite(found["scores"][~np.isneginf(found["scores"])]).all():
        return {}
    pairs = class_pairs(found, wanted)
    measured = _detector(found, wanted, pairs) if "offsets" in wanted else _classifier(found, wanted, pairs)
    orders = tried(pairs, listed)
    verdict = measured.pop("verdict") or ("order" if any(order["better"] for order in orders) else "")
    good = not verdict and measured["value"] >= GOOD[measured["metric"]]
    if good or not math.isfinite(measured["value"]):
        return {}
    finding = {"verdict": verdict, **measured, "split": split, "orders": orders, "readings": []}
    return {
        **finding,
        "try_readings": verdict in ("chance", ""),
        "text": sentence(finding) if verdict else "",
        **caused(finding),
    }


def _classifier(found: Mapping[str, Any], wanted: Mapping[str, Any], pairs: ClassPairs) -> dict[str, Any]:
    top1 = Top1().measure(found, wanted)
    level = level_of_chance(pairs)
    only = _only(pairs.predicted, pairs)
    by_chance = top1.low is not None and top1.low <= level and not _finds_classes(pairs)
    verdict = "chance" if by_chance else "one_class" if only else ""
    value = {"metric": "top1", "value": top1.value, "low": top1.low, "high": top1.high, "n": top1.n}
    return {"verdict": verdict, **value, "chance": level, "only": only}


def level_of_chance(pairs: ClassPairs) -> float:
    """Give what saying always the most frequent class would score, or any at random; one true class says nothing."""
    shares = np.bincount(pairs.true, minlength=pairs.classes) / max(1, len(pairs.true))
    several = np.count_nonzero(shares) > 1
    return float(max(shares.max(), 1 / pairs.classes)) if several else 1 / pairs.classes


def _finds_classes(pairs: ClassPairs) -> bool:
    """Say whether the mean share found of each class is clearly more than whoever guesses finds.

    That is 1/classes, however the classes are spread: so a model that finds a rare class is told from one that always
    says the frequent one, although the second is right as often. Intervals of the classes' shares are joined as
    Newcombe joins two; where a class has too few images for one, nothing is said.
    """
    shares, below = [], []
    for label in np.unique(pairs.true):
        of_it = pairs.predicted[pairs.true == label]
        if len(of_it) < ENOUGH:
            return False
        hits = int((of_it == label).sum())
        shares.append(hits / len(of_it))
        below.append(shares[-1] - wilson(hits, len(of_it))[0])
    guessed = 1 / pairs.classes
    return float(np.mean(shares) - np.linalg.norm(below) / len(shares)) > guessed + CLEAR_GAIN * (1 - guessed)


def _detector(found: Mapping[str, Any], wanted: Mapping[str, Any], pairs: ClassPairs) -> dict[str, Any]:
    measured = MeanAveragePrecision().measure(found, wanted)
    only = _only(_first_classes(found), pairs)
    nothing = measured.value == measured.value and measured.value < NEAR_ZERO
    verdict = "chance" if nothing else "one_class" if only else ""
    value = {
        "metric": "map",
        "value": measured.value,
        "low": measured.low,
        "high": measured.high,
        "n": measured.n,
    }
    return {"verdict": verdict, **value, "chance": 0.0, "only": only, "found": len(pairs.predicted)}


def _first_classes(found: Mapping[str, Any]) -> Any:
    """Give the class of the most confident detection of each image."""
    bounds = np.asarray(found["offsets"])
    rows = [
        start + int(np.argmax(found["scores"][start:stop]))
        for start, stop in pairwise(bounds)
        if stop > start
    ]
    return np.asarray(found["classes"])[rows]


def _only(classes: Any, pairs: ClassPairs) -> str | None:
    """Name the one class that is ever said, where the data hold several."""
    if len(classes) < 4 or len(np.unique(pairs.true)) < 2 or len(np.unique(classes)) > 1:
        return None
    label = int(classes[0])
    return pairs.names[label] if label < pairs.classes else "a class that the data do not have"


def sentence(finding: Mapping[str, Any]) -> str:
    """Say a finding in one sentence: what is wrong, and what would explain it."""
    return f"{headline(finding)}; {explanation(finding)}"


def headline(finding: Mapping[str, Any]) -> str:
    """Say what is wrong."""
    low, high = finding["low"], finding["high"]
    interval = "" if low is None or high is None else f" [{low:.4f}, {high:.4f}]"
    measured = (
        f"{finding['metric']} {finding['value']:.4f}{interval} on {finding['n']:,} {finding['split']} samples"
    )
    only = f"; it only ever says '{plain(finding['only'], 60)}'" if finding["only"] else ""
    if finding["verdict"] == "reading":
        return f"the base seems to get other pixels than it was trained on: {measured}"
    if finding["verdict"] == "order":
        return f"the base seems to have its classes in another order than the data: {measured}"
    if finding["verdict"] == "one_class":
        return f"the base only ever says '{plain(finding['only'], 60)}': {measured}"
    if finding["metric"] == "map":
        return f"the base finds next to nothing: {measured}{only}"
    against = f"chance is {finding['chance']:.4f}"
    if finding["value"] > finding["chance"] + 0.1:
        return f"too few samples to tell whether the base is better than chance: {measured}, {against}{only}"
    return f"the base is not better than chance: {measured}, {against}{only}"


def explanation(finding: Mapping[str, Any]) -> str:
    """Say what would explain it, with the override that would take it; what was tried where nothing would."""
    found = [row for row in (*finding["readings"], *finding["orders"]) if row["better"]]
    if found:
        best = max(found, key=lambda row: row["value"])
        return f"{_would(best, finding)}: {_short(best)}"
    both = [row for row in finding["readings"] if row.get("with_order", {}).get("better")]
    if both:
        best = max(both, key=lambda row: row["with_order"]["value"])
        order = best["with_order"]
        return f"{_would(order, finding)} and {best['how']}: {_short(best)} {_short(order)}"
    readings = f" and {len(finding['readings'])} readings of the pixels" if finding["readings"] else ""
    return (
        f"{len(finding['orders'])} other orders of the classes{readings} were tried, but none explains it; "
        f"check what the model was trained on"
    )


def _would(row: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Say what a row would give, of what it was measured on."""
    of = (
        "of the objects found right" if finding["metric"] == "map" and "classes" in row else finding["metric"]
    )
    value = f"{row['value']:.4f} {of}" if of.startswith("of") else f"{of} {row['value']:.4f}"
    what = "classes " if "classes" in row else ""
    return f"{value} with {what}{row['how']} (n = {row['n']:,})"


def _short(row: Mapping[str, Any]) -> str:
    text = plain(row["override"], 2000)
    return text if len(text) <= LONGEST else "data.classes=[...] as in report.json"
