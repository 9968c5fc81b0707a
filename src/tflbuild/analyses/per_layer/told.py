"""Layers in words, lines and drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.analyses.per_layer.measuring import ACTIVATIONS, WEIGHTS
from tflbuild.core.exhibit import Exhibit, Histogram, Quantity, Row, Table, number

TOLD = 5
"""Layers that a terminal names, of weights and of activations."""

UNDER = 3
"""Layers that are named under a step of the ladder."""

HEADS: Mapping[str, str] = {
    ACTIVATIONS: "activations, the noisiest first",
    WEIGHTS: "weights, the noisiest first",
}


def ratio(value: Any) -> str:
    """Write a ratio in dB; one without noise has none.

    >>> ratio(11.23), ratio(None)
    ('11.2 dB', 'exact')
    """
    return "exact" if value is None else f"{float(value):.1f} dB"


def under(row: Mapping[str, Any]) -> str:
    """Say of one layer how noisy it is, in a few words."""
    said = f"SQNR {ratio(row.get('channel_sqnr'))} by channel"
    saturated = number(row, "saturated") or 0.0
    if saturated >= 0.0005:
        said += f", {100 * saturated:.2g} % saturated"
    if row.get("scales") == 1 and (number(row, "channels") or 0) > 1:
        said += f", one scale for {row['channels']} channels"
    return f"{row.get('layer', '?')} ({said})"


def sentence(rows: Mapping[str, Sequence[Mapping[str, Any]]], n: int) -> str:
    """Say in one sentence which layers are the noisiest."""
    parts = [f"of {part} {under(rows[part][0])}" for part in (ACTIVATIONS, WEIGHTS) if rows[part]]
    return f"the noisiest layers on {n} samples: {' and '.join(parts)}"


def lines_of(finding: Mapping[str, Any]) -> list[str]:
    """Give the tables of the noisiest layers for a terminal."""
    lines: list[str] = []
    for part, head in HEADS.items():
        rows = finding.get(part) or []
        if not rows:
            continue
        shown = rows[:TOLD]
        width = max(len(str(row.get("layer", "?"))) for row in shown)
        lines.append(f"{head} ({len(shown)} of {len(rows)})")
        lines += [
            f"  {row.get('layer', '?'):<{width}}  {row.get('operator', ''):<17}  {_figures(part, row)}"
            for row in shown
        ]
    return lines


def _figures(part: str, row: Mapping[str, Any]) -> str:
    figures = f"SQNR by channel {ratio(row.get('channel_sqnr')):>8}, whole {ratio(row.get('sqnr')):>8}"
    if part == ACTIVATIONS:
        carried = f"carried on {ratio(row.get('channel_sqnr_carried')):>8}"
        saturated = 100 * (number(row, "saturated") or 0.0)
        steps = f"{row.get('steps', '?')} of {2 ** int(number(row, 'bits') or 0)} steps"
        return f"{figures}, {carried}; {saturated:.2g} % saturated, {steps}"
    scales = "one scale" if row.get("scales") == 1 else f"{row.get('scales', '?')} scales"
    far = number(row, "range_ratio")
    apart = "" if far is None else f", channels {far:.3g} x apart"
    return f"{figures}; {scales}{apart}, a channel with {row.get('fewest_steps', '?')} steps"


def exhibit_of(finding: Mapping[str, Any], title: str) -> Exhibit | None:
    """Draw the histograms of the worst layers, and list all."""
    if not any(finding.get(part) for part in HEADS):
        return None
    parts: list[Any] = [_histogram(one) for one in finding.get("histograms") or []]
    if finding.get(ACTIVATIONS):
        parts.append(_activations(finding[ACTIVATIONS]))
    if finding.get(WEIGHTS):
        parts.append(_weights(finding[WEIGHTS]))
    text = str(finding.get("summary", ""))
    return Exhibit(title=title, text=(f"{text[:1].upper()}{text[1:]}.",) if text else (), parts=tuple(parts))


def _histogram(found: Mapping[str, Any]) -> Histogram:
    what = "weights, in steps" if found["part"] == WEIGHTS else "activations, as floats"
    return Histogram(
        title=f"{found['layer']}: {what}",
        counts=tuple(float(count) for count in found["counts"]),
        low=float(found["low"]),
        high=float(found["high"]),
        ends=(float(found["ends"][0]), float(found["ends"][1])),
    )


def _activations(rows: Sequence[Mapping[str, Any]]) -> Table:
    headings = (
        "layer",
        "operator",
        "SQNR by channel",
        "whole",
        "carried on",
        "saturated",
        "scale",
        "zero point",
        "steps",
    )
    return Table(
        headings=headings,
        rows=tuple(
            Row(
                cells=(
                    str(row.get("layer", "?")),
                    str(row.get("operator", "")),
                    ratio(row.get("channel_sqnr")),
                    ratio(row.get("sqnr")),
                    ratio(row.get("channel_sqnr_carried")),
                    Quantity(number(row, "saturated"), "%"),
                    Quantity(number(row, "scale"), "error"),
                    str(row.get("zero_point", "")),
                    f"{row.get('steps', '?')} of {2 ** int(number(row, 'bits') or 0)}",
                )
            )
            for row in rows
        ),
        summary=f"activations of all {len(rows)} layers",
    )


def _weights(rows: Sequence[Mapping[str, Any]]) -> Table:
    headings = (
        "layer",
        "operator",
        "SQNR by channel",
        "whole",
        "scales",
        "channels apart",
        "fewest steps",
        "noise",
    )
    return Table(
        headings=headings,
        rows=tuple(
            Row(
                cells=(
                    str(row.get("layer", "?")),
                    str(row.get("operator", "")),
                    ratio(row.get("channel_sqnr")),
                    ratio(row.get("sqnr")),
                    f"{row.get('scales', '?')} for {row.get('channels', '?')} channels",
                    Quantity(number(row, "range_ratio"), "error"),
                    str(row.get("fewest_steps", "?")),
                    "measured" if row.get("measured") else "of even rounding",
                )
            )
            for row in rows
        ),
        summary=f"weights of all {len(rows)} layers",
    )
