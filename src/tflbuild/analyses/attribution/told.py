"""The ladder in words, lines and drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.analyses.attribution import stages
from tflbuild.core.change import signed, unsigned
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Quantity, Row, Table, number

LABELS: Mapping[str, str] = {
    stages.TRAINED: "as trained: batch norm with batch statistics",
    stages.BASE: "inference mode: the file's own batch-norm statistics",
    stages.CONVERTED: "float .tflite, reference kernels",
    stages.DELEGATE: "float .tflite, this machine's kernels",
    stages.WEIGHTS: "weights quantized",
    stages.ACTIVATIONS: "activations quantized",
    stages.ENDS: "input and output quantized",
    stages.INTEGERS: "integer arithmetic, reference kernels",
    stages.KERNELS: "integer arithmetic, this machine's kernels",
    stages.FILE: "the given file",
    stages.LABELS: "the file's own order of classes",
    stages.PREPROCESS: "the file's own preprocessing",
    stages.SUPPRESSION: "the file's own suppression",
}
"""Words for each rung, by the change that leads to it."""

START = "the base"

UNDER = "under it: "
"""Begins the line of the layers that are named under a step."""


def label_of(name: str, first: bool) -> str:
    """Give the words for a rung."""
    if name.startswith(stages.PASS):
        return f"pass {name.removeprefix(stages.PASS)}"
    if first and name == stages.BASE:
        return START
    return LABELS.get(name, name)


def lines_of(finding: Mapping[str, Any]) -> list[str]:
    """Give the table of rungs for a terminal."""
    rows = finding.get("rungs") or []
    if not rows:
        return []
    width = max(len(str(row.get("label", ""))) for row in rows)
    metric = str(finding.get("metric", ""))
    head = f"{metric} on {finding.get('n', '?')} samples of the {finding.get('split', '?')} split"
    lines = [head, f"  {'':<{width}}  {metric:>8}  lost there [95 % interval]"]
    for row in rows:
        lines.append(
            f"  {row.get('label', '?'):<{width}}  {_value(row):>8}  {_lost(row)}{_mark(row)}".rstrip()
        )
        if row.get("layers"):
            lines.append(f"      {UNDER}{', '.join(map(str, row['layers']))}")
    total = finding.get("total") or {}
    return [*lines, f"  {'lost in all':<{width}}  {'':>8}  {_lost({'cost': total})}".rstrip()]


def _value(row: Mapping[str, Any]) -> str:
    value = number(row, "value")
    return "" if value is None else f"{value:.4f}"


def _lost(row: Mapping[str, Any]) -> str:
    cost = row.get("cost") or {}
    value, low, high = (number(cost, key) for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    return unsigned(value, low, high)


def _mark(row: Mapping[str, Any]) -> str:
    if row.get("blamed"):
        return "  <- lost here"
    return "" if not row.get("cost") or row.get("beyond") else "  within noise"


def exhibit_of(finding: Mapping[str, Any]) -> Exhibit | None:
    """Draw what each rung cost, and list the figures."""
    rows = [row for row in finding.get("rungs") or [] if isinstance(row, Mapping)]
    if not rows:
        return None
    bars = Bars(
        bars=tuple(
            Bar(
                label=str(row.get("label", "?")),
                values=(max(0.0, number(row["cost"], "value") or 0.0),),
                marked=bool(row.get("blamed")),
                text=_lost(row),
            )
            for row in rows
            if row.get("cost")
        ),
        legend=f"{finding.get('metric', '')} lost at each step; marked: more than noise",
    )
    table = Table(
        headings=("step", str(finding.get("metric", "")), "lost there", "95 % interval", "verdict"),
        rows=tuple(_row(row) for row in rows),
        summary="all numbers of every step",
    )
    said = [str(finding.get("text", ""))] if finding.get("text") else []
    said += [
        f"The noisiest layers of '{row.get('label', '?')}': {', '.join(map(str, row['layers']))}."
        for row in rows
        if row.get("layers")
    ]
    return Exhibit(title="where accuracy was lost", text=tuple(said), parts=(bars, table))


def _row(row: Mapping[str, Any]) -> Row:
    cost = row.get("cost") or {}
    low, high = number(cost, "low"), number(cost, "high")
    interval = "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
    return Row(
        cells=(
            str(row.get("label", "?")),
            Quantity(number(row, "value")),
            Quantity(number(cost, "value")),
            interval,
            _mark(row).replace("<-", "").strip(),
        ),
        marked=bool(row.get("blamed")),
    )


def verdict(metric: str, total: Any, blamed: Sequence[str], n: int) -> str:
    """Say in one sentence how much was lost, and where."""
    lost = f"{metric} fell by {unsigned(total.value, total.low, total.high)} on {n} samples"
    if total.value <= 0:
        lost = f"{metric} did not fall: it changed by {signed(-total.value)} on {n} samples"
    elif total.low <= 0:
        lost += ", which is within noise"
    if not blamed:
        return f"{lost}; no single step lost more than noise" if total.value > 0 else lost
    if total.value <= 0:
        return f"{lost}; {', '.join(blamed)} lost some, and other steps gained it back"
    return f"{lost}; lost at: {', '.join(blamed)}"
