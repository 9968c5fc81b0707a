"""The gain of learned rounding, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Presentation, Quantity, Row, Table, number

SHOWN = 15
"""Layers that have bars; a table holds all of them."""


def _gain(layer: Mapping[str, Any]) -> float:
    """Give by how much learned rounding lowered the error of a layer's output."""
    return (number(layer, "nearest_error") or 0.0) - (number(layer, "learned_error") or 0.0)


def _name(layer: Mapping[str, Any]) -> str:
    """Name a layer by the first of what the converter fused into it."""
    return str(layer.get("layer", "?")).split(";")[0]


def lines(note: Note) -> list[str]:
    """Say how many layers gained, and which gained most."""
    gained = [layer for layer in note if _gain(layer) > 0]
    if not gained:
        return ["round: nearest rounding is best in every layer"] if note else []
    best = max(gained, key=_gain)
    turned = sum(int(number(layer, "turned") or 0) for layer in gained)
    return [
        f"round: learned in {len(gained)} of {len(note)} layers, {turned:,} weights turned; most in "
        f"{_name(best)}, from {number(best, 'nearest_error'):.3g} to {number(best, 'learned_error'):.3g}"
    ]


def exhibit(note: Note) -> Exhibit | None:
    """Draw the layers that gained most, and list all."""
    layers = sorted(note, key=_gain, reverse=True)
    if not layers:
        return None
    keys = ("nearest_error", "learned_error")
    bars = Bars(
        bars=tuple(
            Bar(
                label=_name(layer),
                text=f"{layer.get('bits', '?')} bit",
                values=(number(layer, keys[0]), number(layer, keys[1])),
            )
            for layer in layers[:SHOWN]
        ),
        unit="error",
        series=("nearest", "learned"),
        legend="error of the layer's output on samples that rounding was not learned from",
    )
    rows = tuple(
        Row(
            cells=(
                _name(layer),
                str(layer.get("operator", "")),
                *(Quantity(number(layer, key), "error") for key in keys),
                f"{layer.get('turned', '?')} of {layer.get('weights', '?')}",
            )
        )
        for layer in layers
    )
    headings = ("layer", "operator", "nearest", "learned", "weights turned")
    table = Table(headings=headings, rows=rows, summary=f"all {len(rows)} layers")
    return Exhibit(title="learned rounding", parts=(bars, table))


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
