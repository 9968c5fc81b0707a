"""Limits, verdicts and policies: how much a step may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIMITS = ("min", "max", "max_drop", "max_rise", "max_relative_drop")
"""Every form of limit; the last three compare with a baseline."""

RELATIVE_LIMITS = ("max_drop", "max_rise", "max_relative_drop")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit on one metric.

    Attributes:
        metric: the metric's name.
        form: one of `LIMITS`.
        bound: in the metric's unit; a fraction for `max_relative_drop`.
        since: label whose output is the baseline; "" means the step's own input (or, in the recipe's
            total budget, the base).
    """

    metric: str
    form: str
    bound: float
    since: str = ""

    @property
    def relative(self) -> bool:
        """Whether a baseline is needed."""
        return self.form in RELATIVE_LIMITS

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds."""
        return {self.form: self.bound} | ({"since": self.since} if self.since else {})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgement of a gate on one limit.

    Attributes:
        limit: what was allowed.
        baseline: the baseline's value; None where the limit needs none or it could not be measured.
        value: the measured value; None where it could not be measured.
        low: lower end of the 95 % interval of what is limited: the drop, the rise or the value.
        high: upper end.
        ok: whether the gate stays open.
        decided: whether the interval lies on one side of the limit.
        text: one sentence for the user.
        split: what it was measured on.
    """

    limit: Limit
    baseline: float | None
    value: float | None
    low: float | None
    high: float | None
    ok: bool
    decided: bool
    text: str
    split: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds."""
        return {
            "metric": self.limit.metric,
            "limit": self.limit.to_json(),
            "baseline": self.baseline,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "ok": self.ok,
            "decided": self.decided,
            "split": self.split,
            "text": self.text,
        }


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """An alternative when a gate closes.

    Attributes:
        run: labels to run in order.
        start: label whose output they start from; "" means the closed step's own input.
    """

    run: tuple[str, ...]
    start: str = ""

    @property
    def text(self) -> str:
        """Say it in the report's words."""
        return " -> ".join(self.run) + (f" from {self.start}" if self.start else "")


def limits_of(budget: Mapping[str, Mapping[str, Any] | None]) -> tuple[Limit, ...]:
    """Read a recipe's `budget` mapping; null entries are no limits."""
    return tuple(
        Limit(metric=metric, form=form, bound=float(bound), since=str(limits.get("since") or ""))
        for metric, limits in budget.items()
        if limits
        for form, bound in limits.items()
        if form != "since" and bound is not None
    )
