"""Core ML on an iPhone or iPad, by LiteRT's delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from tflbuild.core.target import Target, target


@target("coreml")
class CoreMl(Target):
    """Deliver the file as it is, and predict which operators LiteRT's delegate hands to Core ML.

    It takes files in floats: weights in float32 or float16. Core ML chooses between Neural Engine, GPU and processor by
    itself, and the first two compute in float16; `tflbuild check FILE target=coreml --simulate` says what that does to
    the metric. Accuracy and latency in the report are those of this machine's processor.
    """

    needs = ("ai_edge_litert",)
    rules = "coreml"
    offloads = True
    wants: ClassVar[Mapping[str, Any]] = {"scheme": "float16"}
    float16 = "floats"

    coreml_version: Literal[2, 3] = 3
    """Version of Core ML that the app asks for; 3 is the delegate's choice from iOS 13 on, and has no RESHAPE.
    [no unit]"""
    partitions: Annotated[int, Ge(0), Le(1000)] = 0
    """Parts of the graph that the app lets the delegate take (max_delegated_partitions), the largest first. 0: all.
    [parts]"""
    smallest: Annotated[int, Ge(1), Le(1000)] = 2
    """Operators that a part has at least (min_nodes_per_partition). [operators]"""
