"""Errors by layer as node data of Model Explorer: colours for the operators of a graph, by the tensor that each makes.

References:
    Model Explorer, Custom Node Data (`model_explorer.node_data_builder.GraphNodeData`): results by the name of an
    operator's output tensor, and a gradient from the least of them to the largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.exhibit import number

GOOD, BAD = "#e8f5e9", "#d32f2f"
"""Colours of the ends of a gradient."""

Value = Callable[[Mapping[str, Any], Mapping[str, Any]], float | None]
"""Gives the value of a row of a finding, by the finding and the row."""


class Measure(NamedTuple):
    """One number of each layer that an analysis found.

    Attributes:
        name: as it is shown.
        value: gives it.
        high_is_bad: whether the largest is the worst.
    """

    name: str
    value: Value
    high_is_bad: bool = True


class NodeData(NamedTuple):
    """Values of one measure.

    Attributes:
        name: of the measure.
        data: as Model Explorer reads it.
        missing: rows about tensors that the file has not.
    """

    name: str
    data: Mapping[str, Any]
    missing: int


def _of(key: str) -> Value:
    return lambda finding, row: number(row, key)


def _gain(finding: Mapping[str, Any], row: Mapping[str, Any]) -> float | None:
    whole, left = number(finding, "error_of_all"), number(row, "left_out")
    return None if whole is None or left is None else whole - left


MEASURES: Mapping[str, tuple[Measure, ...]] = {
    "layers": (
        Measure("SQNR by channel, dB", _of("channel_sqnr"), high_is_bad=False),
        Measure("share saturated", _of("saturated")),
    ),
    "sensitivity": (
        Measure("error, this layer alone rounded", _of("alone")),
        Measure("error saved by float", _gain),
    ),
}
"""Numbers of layers, by the analysis that finds them; the first that a run has are shown."""


def node_data(entries: Sequence[Mapping[str, Any]], tensors: Collection[str]) -> list[NodeData]:
    """Give the errors by layer that analyses found, for the operators of a file.

    Args:
        entries: as report.json's `analyses` has them.
        tensors: names of the tensors that its operators make, and of its inputs.
    """
    found: list[NodeData] = []
    for name, measures in MEASURES.items():
        findings = [
            finding for entry in entries if entry.get("name") == name for finding in entry.get("findings", [])
        ]
        found += [made for measure in measures for made in _measured(measure, findings, tensors)]
    return found


def _measured(
    measure: Measure, findings: Sequence[Mapping[str, Any]], tensors: Collection[str]
) -> Iterator[NodeData]:
    """Give the values of a measure; nothing where no row of these tensors has it."""
    rows = [(finding, row) for finding in findings for row in _rows(finding)]
    values = {str(row["tensor"]): measure.value(finding, row) for finding, row in rows}
    known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    results = {name: {"value": float(f"{value:.6g}")} for name, value in known.items() if name in tensors}
    if results:
        ends = (GOOD, BAD) if measure.high_is_bad else (BAD, GOOD)
        gradient = [{"stop": stop, "bgColor": colour} for stop, colour in enumerate(ends)]
        data = {"name": measure.name, "results": results, "gradient": gradient}
        yield NodeData(measure.name, data, len(known) - len(results))


def _rows(finding: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the rows of a finding that say something of a tensor."""
    listed = [part for key in ("activations", "layers") for part in finding.get(key) or []]
    return [row for row in listed if isinstance(row, Mapping) and isinstance(row.get("tensor"), str)]
