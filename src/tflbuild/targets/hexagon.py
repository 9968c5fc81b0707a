"""Qualcomm's Hexagon DSP, by LiteRT's delegate of before AI Engine Direct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from tflbuild.core.target import Target, target


@target("hexagon")
class Hexagon(Target):
    """Deliver the file as it is, and predict which operators LiteRT's Hexagon delegate takes.

    The delegate is deprecated and no longer supported: it is for the DSPs of Snapdragon 820 to 855 (Hexagon 680, 682,
    685 and 690). Newer chips take the target `qnn`. Accuracy and latency in the report are those of this machine's
    processor.
    """

    needs = ("ai_edge_litert",)
    rules = "hexagon"
    offloads = True
    integer_only = True
    wants: ClassVar[Mapping[str, Any]] = {
        "scheme": "int8",
        "scores": "int8",
        "granularity": ("channel", "tensor"),
    }

    partitions: Annotated[int, Ge(1), Le(16)] = 4
    """Parts of the graph that the app lets the delegate take (max_delegated_partitions), the largest first. [parts]"""
    smallest: Annotated[int, Ge(1), Le(1000)] = 2
    """Operators that a part has at least (min_nodes_per_partition). [operators]"""
