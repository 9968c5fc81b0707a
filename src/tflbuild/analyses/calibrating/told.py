"""The findings of the look at calibration, for a terminal and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.cause import Cure
from tflbuild.core.exhibit import Bar, Bars, Curve, Exhibit, Point, Quantity, Row, Table, number
from tflbuild.passes.quantizing.faults import Fault

STAGE, ALSO = "activations", ("ends",)
"""The steps of the ladder that calibration decides."""


def finding_of(fault: Fault) -> dict[str, Any]:
    """Give a finding; one that is not beyond doubt names its cause as a suspicion."""
    cures = [Cure("calibrate on other samples", fault.override).to_json()] if fault.override else []
    sure = fault.cause and fault.beyond_doubt
    named = {"cause": fault.cause, "stage": STAGE, "also": list(ALSO)} if sure else {}
    return {
        **named,
        "named": fault.cause,
        "level": "error" if fault.error else "warning",
        "text": fault.text,
        "cures": cures,
        "figures": dict(fault.figures),
    }


def lines_of(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what is wrong, each with the override that cures it, or that nothing is."""
    summary = next((one for one in findings if "summary" in one), None)
    named = [one for one in findings if one.get("level")]
    lines = [f"calibration: {summary['summary']}"] if summary else []
    for one in named:
        cures = [str(cure.get("override")) for cure in one.get("cures", []) if cure.get("override")]
        lines.append(f"  {one['level']}: {one['text']}{f'; {cures[0]}' if cures else ''}")
    return lines


def summary_of(figures: Mapping[str, Any], wrong: int) -> str:
    """Put what was looked at into one sentence."""
    parts = []
    if "samples" in figures:
        parts.append(f"{figures['samples']:,} of {figures['of']:,} samples of {figures['source']}")
    if figures.get("growth"):
        half = [width for size, width in figures["growth"] if 2 * size <= figures["growth"][-1][0]]
        if half:
            parts.append(f"half as many reach {half[-1]:.0%} of their ranges")
        parts.append(f"the ranges of two halves differ by a factor of {figures['halves']:.2f}")
    if figures.get("held"):
        held = figures["held"]
        parts.append(
            f"grids of {held['count']} layers are {held['median']:.2f} times what training samples span"
        )
    parts.append(f"{wrong} fault{'s' if wrong != 1 else ''}" if wrong else "no problem found")
    return "; ".join(parts)


def exhibits_of(findings: Sequence[Mapping[str, Any]], title: str) -> list[Exhibit]:
    """Draw how ranges grow with samples, and the grids that are farthest off."""
    if not findings:
        return []
    figures = next((one.get("figures") or {} for one in findings if "summary" in one), {})
    parts: list[Bars | Table | Curve] = []
    if len(figures.get("growth") or []) > 1:
        points = tuple(Point(x=float(size), y=float(width)) for size, width in figures["growth"])
        parts.append(Curve(points=points, x_name="samples", y_name="part of the range"))
    layers = (figures.get("held") or {}).get("layers") or []
    if layers:
        bars = tuple(Bar(label=str(one["layer"]), values=(number(one, "ratio"),)) for one in layers)
        parts.append(
            Bars(bars=bars, legend="width of a layer's grid in widths of what training samples span")
        )
    inputs = figures.get("inputs") or []
    if inputs:
        rows = tuple(
            Row(
                cells=(
                    str(one["input"]),
                    str(one["kind"]),
                    *(Quantity(number(one, key)) for key in ("low", "high", "mean", "deviation")),
                )
            )
            for one in inputs
        )
        parts.append(
            Table(headings=("input", "samples", "lowest", "highest", "mean", "deviation"), rows=rows)
        )
    text = tuple(line.strip() for line in lines_of(findings))
    return [Exhibit(title=title, text=text, parts=tuple(parts))]
