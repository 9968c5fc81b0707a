"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proof.columns import TITLES
from proof.rows import Row

HEAD = (
    "model",
    "what",
    "metric",
    "drop [95 %]",
    "error of scores",
    "error of boxes",
    "not int8",
    "bytes",
    "ms",
    "s to build",
)

SECTIONS = {
    "int8": (
        "int8",
        (
            "float",
            "tf",
            "litert_default",
            "litert_minmax",
            "fixed",
            "auto",
            "narrow",
            "learned",
            "mixed",
            "int16x8",
            "tf_per_tensor",
            "per_tensor",
        ),
    ),
    "trained": (
        "methods that continue training, each against its control",
        ("qat_control", "qat", "prune_control", "pruned", "pqat_control", "pqat"),
    ),
    "ill": (
        "one channel of every layer that allows it rescaled by 50 and compensated in the next",
        ("ill_float", "ill_tf", "ill_tf_per_tensor", "ill_litert", "ill_auto", "ill_per_tensor"),
    ),
    "trouble": (
        "calibrated on the wrong images",
        (
            "noise_tf",
            "noise_litert",
            "noise_auto",
            "one_tf",
            "one_litert",
            "one_auto",
            "bytes_tf",
            "bytes_litert",
        ),
    ),
}
"""Cells of each group in the order of the table, with its title."""

REFERENCE = ("float", *SECTIONS["trained"][1])
"""Cells without output errors: the float file itself, and those with other weights than it has."""

Cells = Mapping[str, Mapping[str, dict[str, Any]]]
"""Every cell by row and name."""


def line(row: Row, name: str, cell: Mapping[str, Any]) -> str:
    """Give one line of the table."""
    title = TITLES[name]
    if "error" in cell:
        return _joined([row.title, title, f"failed: {str(cell['error'])[:120]}", *[""] * (len(HEAD) - 3)])
    errors = {} if name in REFERENCE else cell["errors"]
    if name == "fixed":
        title += f" ({', '.join(str(value) for value in cell['setting'].values())})"
    return _joined(
        [
            row.title,
            title,
            f"{row.metric} {cell['value']:.4f} [{cell['low']:.4f}, {cell['high']:.4f}], n {cell['n']}",
            "" if "drop" not in cell else "{:+.4f} [{:+.4f}, {:+.4f}]".format(*cell["drop"]),
            *(f"{errors[output]:.3g}" if output in errors else "" for output in ("scores", "boxes")),
            f"{cell['wide']:.1%}",
            f"{cell['bytes']:,}",
            f"{cell['latency_ms']:.2f}",
            f"{cell['seconds']:.1f}",
        ]
    )


def tables(rows: Sequence[Row], cells: Cells) -> str:
    """Give a table for each group that has cells."""
    parts = []
    for title, names in SECTIONS.values():
        lines = [
            line(row, name, cells[row.name][name])
            for row in rows
            for name in names
            if name in cells.get(row.name, {})
        ]
        if lines:
            parts.append(f"### {title[0].upper()}{title[1:]}\n\n{table(HEAD, lines)}")
    return "\n\n".join(parts)


def table(head: Iterable[str], lines: Iterable[str]) -> str:
    """Put lines under a head."""
    names = list(head)
    return "\n".join([_joined(names), _joined(["---"] * len(names)), *lines])


def _joined(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
