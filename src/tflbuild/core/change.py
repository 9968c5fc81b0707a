"""A change of a figure in words, with its interval: what came after less what was before, whoever says it.

A sign is always that of the change, so that a metric that fell has a minus. A loss is said by a word, as in "fell by",
and has no sign.
"""

from __future__ import annotations

FINE = 0.01
"""Changes below it are written with a fourth decimal."""


def signed(value: float, low: float | None = None, high: float | None = None) -> str:
    """Write a change, and its interval where there is one.

    >>> signed(-0.105, -0.121, -0.085), signed(0.02)
    ('-0.1050 [-0.1210, -0.0850]', '+0.0200')
    """
    return _with_interval(value, low, high, "+.4f")


def unsigned(value: float, low: float | None = None, high: float | None = None) -> str:
    """Write an amount, e.g. of a loss, and its interval where there is one.

    >>> unsigned(0.105, 0.085, 0.121)
    '0.1050 [0.0850, 0.1210]'
    """
    return _with_interval(value, low, high, ".4f")


def told(low: float, high: float, *, higher_is_better: bool = True) -> str:
    """Say whether a change is for the better, by its interval.

    >>> told(-0.121, -0.085), told(-0.01, 0.02)
    ('worse', 'no clear difference')
    """
    if low <= 0 <= high:
        return "no clear difference"
    return "better" if (low > 0) == higher_is_better else "worse"


def moved(metric: str, value: float, low: float, high: float) -> str:
    """Say in a clause how far a metric fell or rose, or that it cannot be told.

    >>> moved("map", -0.105, -0.121, -0.085)
    'map fell by 0.105 [0.085, 0.121]'
    >>> moved("map", 0.0031, -0.0042, 0.0104)
    'no clear change of map: +0.0031 [-0.0042, +0.0104]'
    >>> moved("map", 0.0, 0.0, 0.0)
    'map did not change'
    """
    if value == low == high == 0:
        return f"{metric} did not change"
    form = ".4f" if abs(value) < FINE else ".3f"
    if low <= 0 <= high:
        return f"no clear change of {metric}: {_with_interval(value, low, high, f'+{form}')}"
    if value < 0:
        return f"{metric} fell by {_with_interval(-value, -high, -low, form)}"
    return f"{metric} rose by {_with_interval(value, low, high, form)}"


def _with_interval(value: float, low: float | None, high: float | None, form: str) -> str:
    def written(number: float) -> str:
        return f"{round(number, int(form[-2])) + 0.0:{form}}"  # no minus before a zero

    ends = "" if low is None or high is None else f" [{written(low)}, {written(high)}]"
    return f"{written(value)}{ends}"
