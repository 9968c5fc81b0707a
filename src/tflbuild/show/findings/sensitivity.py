"""The cost of rounding each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.show.findings.exhibit import Bar, Bars, Exhibit, Finding, Note, Quantity, Row, Table, number

PRINTED = 5
"""Layers in the terminal."""

SHOWN = 15
"""Layers that have bars; a table holds all of them."""


def _gain(note: Note, layer: Mapping[str, Any]) -> float:
    """Give the gain of leaving a layer in float."""
    left_out, overall = number(layer, "left_out"), number(note, "error_of_all")
    if left_out is None or overall is None:
        return number(layer, "alone") or 0.0
    return overall - left_out


def _costliest(note: Note) -> list[Mapping[str, Any]]:
    return sorted(note.get("layers", []), key=lambda layer: _gain(note, layer), reverse=True)


def _summary(note: Note) -> str:
    """Say what all rounding costs, and whether weights or activations are to blame."""
    known = [
        (number(note, "error_of_all"), "with everything rounded"),
        (number(note, "error_of_weights"), "with weights alone"),
        (number(note, "error_of_activations"), "with activations alone"),
    ]
    text = ", ".join(f"{value:.3g} {what}" for value, what in known if value is not None)
    guilty = f": {note['guilty']} cost more" if note.get("guilty") else ""
    return f"output error {text}{guilty}" if text else ""


def lines(note: Note) -> list[str]:
    """Name the layers that cost most."""
    layers = _costliest(note)[:PRINTED]
    if not layers:
        return []
    width = max(len(_name(layer)) for layer in layers)
    summary = _summary(note)
    return [
        f"sensitivity: {summary}" if summary else "sensitivity:",
        *(
            f"  {_name(layer):{width}}  {layer.get('operator', ''):18} {_gain(note, layer):+.3g} by rounding it"
            for layer in layers
        ),
    ]


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("layer") or layer.get("tensor") or "?")


def exhibit(note: Note) -> Exhibit | None:
    """Draw the costliest layers, weights and activations apart, and list all."""
    layers = _costliest(note)
    if not layers:
        return None
    bars = Bars(
        bars=tuple(
            Bar(
                label=_name(layer),
                text=str(layer.get("operator", "")),
                values=(number(layer, "weights"), number(layer, "activations")),
            )
            for layer in layers[:SHOWN]
        ),
        unit="error",
        series=("weights", "activations"),
        legend="output error with nothing else rounded, the layers first that gain most by being left out",
    )
    rows = tuple(
        Row(
            cells=(
                _name(layer),
                str(layer.get("operator", "")),
                *(
                    Quantity(number(layer, key), "error")
                    for key in ("weights", "activations", "alone", "left_out")
                ),
                Quantity(number(layer, "bytes"), "bytes"),
            )
        )
        for layer in layers
    )
    headings = ("layer", "operator", "weights", "activations", "alone", "left out", "weights' bytes")
    summary = _summary(note)
    return Exhibit(
        title="what rounding each layer costs",
        text=(f"{summary[0].upper()}{summary[1:]}.",) if summary else (),
        parts=(bars, Table(headings=headings, rows=rows, summary=f"all {len(rows)} layers")),
    )


FINDING = Finding(lines=lines, exhibit=exhibit)
