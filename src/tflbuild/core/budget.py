"""Limits, verdicts and policies: how much a step may cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

LIMITS = ("min", "max", "max_drop", "max_rise", "max_relative_drop")
"""Every form of limit; the last three compare with a baseline."""

RELATIVE_LIMITS = ("max_drop", "max_rise", "max_relative_drop")

QUALIFIERS = ("since", "on")
"""Keys of a limit beside its form: the baseline, and the targets that it is judged on."""


FLOORS = ("min", "max_drop", "max_relative_drop")
"""Forms that a value may not fall below; below the others it may not rise."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit on one metric, and the arithmetic of it.

    What was not measured (None, NaN, infinity) costs None. So does a relative drop since a baseline of 0, which is
    undefined; since a negative baseline it is a share of the baseline's magnitude.

    Attributes:
        metric: the metric's name.
        form: one of `LIMITS`.
        bound: in the metric's unit; a fraction for `max_relative_drop`.
        since: label whose output is the baseline; "" means the step's own input (or, in the recipe's
            total budget, the base).
        on: name of the target of the recipe that it is judged on; "" means every target that has the metric.
    """

    metric: str
    form: str
    bound: float
    since: str = ""
    on: str = ""

    @property
    def relative(self) -> bool:
        """Whether a baseline is needed."""
        return self.form in RELATIVE_LIMITS

    @property
    def floor(self) -> bool:
        """Whether a value below the limit's line exceeds the limit."""
        return self.form in FLOORS

    def cost(self, value: float | None, baseline: float | None = None) -> float | None:
        """Give the bounded figure: the value, or how far it fell or rose since the baseline; None if undefined."""
        if not _measured(value):
            return None
        if not self.relative:
            return value
        return self.cost_of_change(value - baseline, baseline) if _measured(baseline) else None

    def cost_of_change(self, change: float, baseline: float) -> float | None:
        """Give what a change since the baseline costs, in the bound's unit; None for a share of 0."""
        moved = (change if self.form == "max_rise" else -change) + 0.0  # no minus before a zero
        if self.form != "max_relative_drop":
            return moved
        return moved / abs(baseline) if baseline else None

    def excess(self, value: float | None, baseline: float | None = None) -> float:
        """Give by how much the limit is exceeded, in units of its bound.

        Returns:
            0 within the limit; infinity where the cost is undefined, so that nothing measured is farther away. A bound
            of 0 is no unit: what exceeds it is counted in the unit of the metric.
        """
        cost = self.cost(value, baseline)
        if cost is None:
            return math.inf
        over = self.bound - cost if self.form == "min" else cost - self.bound
        return max(over, 0.0) / (abs(self.bound) or 1.0)

    def line(self, baseline: float | None = None) -> float | None:
        """Give the value at which the limit is reached; None if its cost is undefined."""
        if not self.relative:
            return self.bound
        if not _measured(baseline) or (self.form == "max_relative_drop" and not baseline):
            return None
        if self.form == "max_rise":
            return baseline + self.bound
        return baseline - self.bound * (abs(baseline) if self.form == "max_relative_drop" else 1.0)

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds."""
        said = {"since": self.since, "on": self.on}
        return {self.form: self.bound} | {name: text for name, text in said.items() if text}


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

    @property
    def excess(self) -> float:
        """By how much the limit is exceeded, in units of its bound; 0 where the gate stays open."""
        return 0.0 if self.ok else self.limit.excess(self.value, self.baseline)

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


def limits_of(budget: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Read a recipe's `budget` mapping; null entries are no limits.

    >>> limits_of({"latency": [{"max": 5, "on": ["phone", "board"]}, {"max": 1, "on": "cpu"}]})[1].on
    'board'
    """
    return tuple(
        Limit(metric=metric, form=form, bound=float(bound), since=str(limits.get("since") or ""), on=on)
        for metric, given in budget.items()
        for limits in entries_of(given)
        for form, bound in limits.items()
        if form not in QUALIFIERS and bound is not None
        for on in _targets(limits.get("on"))
    )


def entries_of(given: Any) -> Iterator[Mapping[str, Any]]:
    """Give the mappings of limits on one metric: one, or a list of them for targets with limits of their own."""
    yield from (one for one in (given if isinstance(given, (list, tuple)) else [given]) if one)


def _targets(on: str | Sequence[str] | None) -> Sequence[str]:
    return (on or "",) if on is None or isinstance(on, str) else on


def _measured(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
