"""Let a device run one part of a graph, from its input on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partitions.dependence import after, causes


def prefix(operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]) -> list[str]:
    """Let the device run what depends on no operator that does not fit."""
    found = causes(operators, [not fit for fit in fits])
    return ["" if cause is None else after(cause) for cause in found]
