"""Gates: judge a measurement against a limit."""

from __future__ import annotations

import math
from typing import Protocol

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.file_size import size, sizes_apart
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, Measurement, deciding_n

GATE_SPLIT = "val"
"""Split that the gates of steps judge on."""


class Measures(Protocol):
    """Interface for measuring models: the engine does so through the store, a worker on the spot."""

    def accuracy(self, model: Artifact, metrics: list[str], split: str) -> dict[str, Measurement]:
        """Measure accuracy metrics of a model on a split; others are left out."""
        ...

    def compare(self, metric: str, before: Artifact, after: Artifact, split: str) -> Difference:
        """Give the paired difference of a metric between two models on a split."""
        ...

    def file_metrics(self, model: Artifact, metrics: list[str]) -> dict[str, Measurement]:
        """Measure those metrics that are read off the file itself."""
        ...


def judge(
    limit: Limit,
    value: Measurement | None,
    baseline: Measurement | None = None,
    difference: Difference | None = None,
    *,
    strict: bool = False,
    target: str = "",
) -> Verdict:
    """Judge one limit.

    Args:
        limit: what is allowed.
        value: what was measured; None where it could not be, which is a breach.
        baseline: what a relative limit compares with.
        difference: the paired difference `value - baseline`, where the metric can be paired.
        strict: make an undecided verdict a breach.
        target: whose figure it is, where that is to be said: the limit names one, or the recipe has several.
    """
    where = f" on {target or limit.on}" if target or limit.on else ""
    if value is None or not math.isfinite(value.value):
        return _unmeasured(limit, f"{limit.metric} could not be measured{where}")
    if limit.relative and (baseline is None or not math.isfinite(baseline.value)):
        return _unmeasured(limit, f"{limit.metric} of the baseline could not be measured{where}", value)
    cost, *interval = _cost(limit, value, baseline, difference)
    if cost is None:
        text = f"{limit.metric}: the baseline is 0, so a relative drop is undefined; use max_drop"
        return _unmeasured(limit, text, value)
    low, high = (end if end is not None and math.isfinite(end) else None for end in interval)
    at_least = limit.form == "min"
    ok = cost >= limit.bound if at_least else cost <= limit.bound
    decided = low is None or high is None or not low < limit.bound < high
    n = difference.n if difference else value.n
    text = _sentence(limit, value, baseline, cost, low, high, where)
    if not decided:
        would = _deciding(limit.bound, cost, low, high, n, _variance(limit, value, baseline, difference))
        text += f"; undecided with n = {n}, {would}"
    return Verdict(
        limit=limit,
        baseline=baseline.value if baseline and limit.relative else None,
        value=value.value,
        low=low,
        high=high,
        ok=ok and (decided or not strict),
        decided=decided,
        text=text,
        split=value.split,
    )


def _cost(
    limit: Limit, value: Measurement, baseline: Measurement | None, difference: Difference | None
) -> tuple[float | None, float | None, float | None]:
    """Give the limit's cost with its interval; a paired difference is what changed since the baseline."""
    if not limit.relative:
        return value.value, value.low, value.high
    assert baseline is not None
    if difference is None:
        return limit.cost(value.value, baseline.value), None, None
    changes = (difference.value, difference.low, difference.high)
    cost, *ends = (limit.cost_of_change(change, baseline.value) for change in changes)
    low, high = ends if limit.form == "max_rise" else ends[::-1]
    return cost, low, high


def _sentence(
    limit: Limit,
    value: Measurement,
    baseline: Measurement | None,
    cost: float,
    low: float | None,
    high: float | None,
    where: str,
) -> str:
    metric, unit = limit.metric, METRICS.get(limit.metric).unit
    if not limit.relative or baseline is None:
        word = "at least" if limit.form == "min" else "at most"
        value_text, bound_text = _apart(cost, limit.bound, unit)
        return f"{metric} {value_text}{_interval(low, high, unit)}{where}, {word} {bound_text} allowed"
    bad, good = ("rise", "fall") if limit.form == "max_rise" else ("fall", "rise")
    moved = {"rise": "rose", "fall": "fell"}[bad if cost >= 0 else good]
    if cost < 0:
        cost, low, high = -cost, None if high is None else -high, None if low is None else -low
    of = "1" if limit.form == "max_relative_drop" else unit
    since = f" since {limit.since}" if limit.since else ""
    cost_text, bound_text = _apart(cost, limit.bound, of)
    return (
        f"{metric} {moved} by {cost_text}{_interval(low, high, of)}{where}{since}, from {show(baseline.value, unit)} "
        f"to {show(value.value, unit)}; a {bad} of at most {bound_text} allowed"
    )


def _interval(low: float | None, high: float | None, unit: str) -> str:
    return "" if low is None or high is None else f" [{show(low, unit)}, {show(high, unit)}]"


def _apart(cost: float, bound: float, unit: str) -> tuple[str, str]:
    """Write what is limited and its bound so that one sees which is more: exactly, where both read the same."""
    if unit == "bytes":
        return sizes_apart(cost, bound)
    said = show(cost, unit), show(bound, unit)
    exact = f"{cost:.9g}", f"{bound:.9g}"
    return said if said[0] != said[1] or exact[0] == exact[1] else exact


def _unmeasured(limit: Limit, text: str, value: Measurement | None = None) -> Verdict:
    point = value.value if value is not None and math.isfinite(value.value) else None
    return Verdict(
        limit=limit, baseline=None, value=point, low=None, high=None, ok=False, decided=True, text=text
    )


def _variance(
    limit: Limit, value: Measurement, baseline: Measurement | None, difference: Difference | None
) -> float | None:
    """Give the variance of what is limited, in the limit's unit; None where it is not known."""
    variance = value.variance if difference is None else difference.variance
    if variance is None or limit.form != "max_relative_drop" or baseline is None:
        return variance
    return variance / baseline.value**2


def _deciding(
    bound: float, cost: float, low: float | None, high: float | None, n: int, variance: float | None
) -> str:
    """Say what sample size would leave the bound outside the interval."""
    assert low is not None
    assert high is not None
    margin = abs(bound - cost)
    if margin < 1e-9:
        return "no sample size would decide"
    reach = high - cost if bound > cost else cost - low
    return f"about {deciding_n(reach, margin, n, variance):,} would decide"


def show(value: float, unit: str) -> str:
    """Write a value in its unit, as people read it."""
    value = round(value, 4) + 0.0 if unit == "1" else value  # no minus before a zero
    if unit == "1":
        return f"{value:.4f}"
    if unit == "bytes":
        return size(value)
    return f"{value:,.4g} {unit}"


def judge_against(
    measurer: Measures,
    limit: Limit,
    value: Measurement | None,
    model: Artifact,
    baseline: Artifact | None,
    split: str,
    *,
    strict: bool,
    target: str = "",
) -> Verdict:
    """Judge a limit; one that compares with another model is paired by image where the metric can be."""
    if not limit.relative or baseline is None:
        return judge(limit, value, strict=strict, target=target)
    if issubclass(METRICS.get(limit.metric), AccuracyMetric):
        before = measurer.accuracy(baseline, [limit.metric], split).get(limit.metric)
        paired = measurer.compare(limit.metric, baseline, model, split) if value else None
        return judge(limit, value, before, paired, strict=strict, target=target)
    before = measurer.file_metrics(baseline, [limit.metric]).get(limit.metric)
    return judge(limit, value, before, strict=strict, target=target)
