"""Show the cost of each operator of a delivered file on a neural processing unit, as its compiler estimates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.core.exhibit import Exhibit, Quantity, Row, Table
from tflbuild.core.plain_text import plain

MOST = 3
"""Operators that a line names."""

NOT_SAID = "not said"
"""In place of an operator whose work the compiler does not attribute."""


def exhibit(layers: Sequence[Mapping[str, Any]]) -> Exhibit | None:
    """Draw them for a page, in order of execution; None where there are none."""
    if not layers:
        return None
    total = _total(layers)
    return Exhibit(
        title="What operators cost on the NPU",
        parts=(
            Table(
                headings=(
                    *("operator", "kind", "cycles", "of all cycles", "SRAM in use", "multiplications"),
                    "use of the multipliers",
                ),
                rows=tuple(_row(one, total) for one in layers),
                summary=f"{amount(len(layers), 'operator')}, {total:,} cycles",
            ),
        ),
        text=(f"{heaviest(layers)}.", "Every figure is an estimate of the compiler."),
    )


def heaviest(layers: Sequence[Mapping[str, Any]]) -> str:
    """Name the operators with the most cycles."""
    total = _total(layers)
    found = sorted(layers, key=lambda one: -int(one["cycles"]))[:MOST]
    return "most cycles: " + ", ".join(f"{_name(one)} {one['cycles'] / total:.1%}" for one in found)


def _row(layer: Mapping[str, Any], total: int) -> Row:
    use = layer["utilization"]
    return Row(
        cells=(
            "" if layer["index"] is None else str(layer["index"]),
            plain(layer["name"]) or NOT_SAID,
            f"{layer['cycles']:,}",
            Quantity(layer["cycles"] / total, "%"),
            Quantity(layer["sram_bytes"], "bytes"),
            f"{layer['macs']:,}",
            "" if not layer["macs"] or use is None else Quantity(use, "%"),
        )
    )


def _name(layer: Mapping[str, Any]) -> str:
    return NOT_SAID if layer["index"] is None else f"operator {layer['index']} ({plain(layer['name'])})"


def _total(layers: Sequence[Mapping[str, Any]]) -> int:
    return sum(int(one["cycles"]) for one in layers) or 1
