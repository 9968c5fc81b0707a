"""Figures as people read them, on the pages of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tflbuild.core import file_size
from tflbuild.core.metric import headline

MISSING = "–"

LONGEST_NUMBER = 6
"""Letters of a number that stands as it was typed."""


def figure(value: float | None, unit: str) -> str:
    """Write a value in its unit: errors of any size in three digits, "%" for a share.

    >>> figure(0.61234, "1"), figure(0.00123, "1"), figure(312345, "bytes"), figure(1.2345, "ms")
    ('0.612', '0.0012', '305.0 KiB', '1.23 ms')
    >>> figure(0.016789, "error"), figure(0.625, "%")
    ('0.0168', '62.5 %')
    """
    if value is None:
        return MISSING
    if unit == "error":
        return f"{value:#.3g}".rstrip(".")
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "%":
        return f"{100 * value:.3g} %"
    if unit == "1":
        return f"{value:.4f}" if 0 < abs(value) < 0.01 else f"{value:.3f}"
    if unit == "bytes":
        return size(value)
    return f"{value:,.0f} {unit}" if abs(value) >= 999.5 else f"{value:.3g} {unit}"


def short(value: Any) -> str:
    """Write an option's value: a number in four digits at most.

    >>> short("0.30000000000000004"), short("0.5"), short("int8"), short(0.000123456)
    ('0.3', '0.5', 'int8', '0.0001235')
    """
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return text
    return text if len(text) <= LONGEST_NUMBER or not math.isfinite(number) else f"{number:.4g}"


def size(value: float | None) -> str:
    """Write a number of bytes."""
    return MISSING if value is None else file_size.size(value)


def duration(seconds: float | None) -> str:
    """Write a time span.

    >>> duration(0.42), duration(71.2), duration(192)
    ('0.4 s', '71 s', '3 min 12 s')
    """
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def change(value: float | None, unit: str = "1") -> str:
    """Write a difference with its sign; a typographic minus lines up with the plus.

    >>> change(-0.0131), change(0.02), change(-0.00001)
    ('−0.013', '+0.020', '0')
    """
    if value is None:
        return MISSING
    text = figure(abs(value), unit)
    if not any(digit in text for digit in "123456789"):
        return "0"
    return ("+" if value > 0 else "−") + text


def interval(measurement: Mapping[str, Any]) -> str:
    """Write a measurement's interval; "" where there is none."""
    low, high, unit = measurement.get("low"), measurement.get("high"), measurement["unit"]
    return "" if low is None or high is None else f"{figure(low, unit)} to {figure(high, unit)}"


def primary_metric(report: Mapping[str, Any]) -> str:
    """Name the metric that the page is about."""
    measured = [step["metrics"] for step in report["passes"]] + [t["metrics"] for t in report["targets"]]
    names = [name for metrics in measured for name in metrics]
    return headline(names) or next(iter(names), "")
