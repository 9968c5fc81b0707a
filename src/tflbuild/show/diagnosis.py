"""A diagnosis in a terminal: the ladder, the causes, and what would cure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.change import signed, unsigned
from tflbuild.core.plain_text import plain
from tflbuild.show.findings.analyses import lines_of_analysis

SHOWN = 3
"""Cures of a cause that are named."""


def lines_of(diagnosis: Mapping[str, Any]) -> list[str]:
    """Give the lines of diagnosis.json for a terminal."""
    lines: list[str] = []
    for entry in diagnosis["analyses"]:
        found = lines_of_analysis(entry)
        lines += [*found, ""] if found else []
    causes = diagnosis["causes"]
    if not causes:
        return [*lines, "no cause was found"] if _explaining(diagnosis) else lines
    for number, cause in enumerate(causes, start=1):
        lines.append(f"cause {number}: {plain(cause['text'], 400)}{_cost(cause)}")
        lines += [f"  cure: {_cure(cure)}" for cure in cause["cures"][:SHOWN]]
    return lines


def _explaining(diagnosis: Mapping[str, Any]) -> bool:
    """Say whether causes were looked for: `--operators` asks another question."""
    names = [str(entry.get("name")) for entry in diagnosis["analyses"]]
    return any(name not in ANALYSES or ANALYSES.get(name).explains for name in names) or not names


def _cost(cause: Mapping[str, Any]) -> str:
    if cause.get("cost") is None:
        return ""
    return f" (cost {unsigned(cause['cost'], cause.get('low'), cause.get('high'))})"


def _cure(cure: Mapping[str, Any]) -> str:
    typed = f": {plain(cure['override'], 400)}" if cure.get("override") else ""
    gain = "" if cure.get("gain") is None else f" (up to {signed(cure['gain'])})"
    return f"{plain(cure['text'], 400)}{gain}{typed}{_tried(cure.get('tried') or {})}"


def _tried(found: Mapping[str, Any]) -> str:
    """Say what a cure gave when it was built."""
    if "failed" in found:
        return f"; tried: {plain(found['failed'], 400)}"
    if "gain" not in found:
        return ""
    gain = signed(found["gain"], found.get("low"), found.get("high"))
    return f"; tried: {gain}, to {found['value']:.4f}"
