"""Judge the rungs of a ladder: what each change cost, and which of them can be blamed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

from tflbuild.core.analysis import Measured
from tflbuild.core.metric import METRICS, Difference, Z


class Cost(NamedTuple):
    """The cost of a change, in a metric: positive is worse.

    Attributes:
        value: of this sample.
        low: lower end of the 95 % interval, paired by sample.
        high: upper end.
        n: samples.
    """

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """Give the form that a finding holds."""
        return self._asdict()


def cost_of(change: Difference, metric: str) -> Cost:
    """Turn a paired difference into a cost."""
    if METRICS.get(metric).higher_is_better:
        return Cost(0.0 - change.value, 0.0 - change.high, 0.0 - change.low, change.n)
    return Cost(change.value, change.low, change.high, change.n)


def blamed(costs: Sequence[Cost], total: Cost, least: float) -> list[bool]:
    """Say which rungs lost accuracy beyond doubt.

    A rung is blamed where its cost is at least `least`, and its interval leaves out zero though one of as many rungs
    as there are might do so by chance (Bonferroni). Where the whole drop leaves out zero, the costliest rung is also
    blamed by its own interval alone: something lost it.

    Args:
        costs: of each rung.
        total: the whole drop.
        least: a smaller cost is nobody's fault.
    """
    if not costs:
        return []
    wide = NormalDist().inv_cdf(1 - 0.025 / len(costs)) / Z
    found = [cost.value >= least and cost.value - wide * (cost.value - cost.low) > 0 for cost in costs]
    most = max(range(len(costs)), key=lambda place: costs[place].value)
    if total.value >= least and total.low > 0 and costs[most].value >= least and costs[most].low > 0:
        found[most] = True
    return found


def beyond(cost: Cost) -> bool:
    """Say whether a cost's own interval leaves out zero."""
    return cost.low > 0 or cost.high < 0


def metric_of(measured: Sequence[Measured], wanted: str) -> str:
    """Choose the metric that the ladder is told in: the wanted one, or the first that every rung has; "" for none."""
    common = [name for name in measured[0].metrics if all(name in one.metrics for one in measured)]
    common = [name for name in common if all(math.isfinite(one.metrics[name].value) for one in measured)]
    if wanted:
        return wanted if wanted in common else ""
    return common[0] if common else ""
