"""Android's Neural Networks API, by LiteRT's delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from tflbuild.core.target import Target, target


@target("nnapi")
class Nnapi(Target):
    """Deliver the file as it is, and predict which operators LiteRT hands to Android's Neural Networks API.

    NNAPI is deprecated since Android 15 and its delegate is no longer supported; new apps take the target `gpu` or
    `qnn`. The driver of a phone refuses some operators that the delegate hands over, which no table knows. Accuracy and
    latency in the report are those of this machine's processor.
    """

    needs = ("ai_edge_litert",)
    rules = "nnapi"
    offloads = True
    wants: ClassVar[Mapping[str, Any]] = {"scheme": ("int8", "float16"), "scores": "int8"}

    api_level: Annotated[int, Ge(27), Le(36)] = 31
    """Android's API level on the phone, e.g. 31 for Android 12; what NNAPI has depends on it. [level]"""
    partitions: Annotated[int, Ge(0), Le(1000)] = 3
    """Parts of the graph that the app lets the delegate take (max_number_delegated_partitions), the largest first.
    0: all. [parts]"""
