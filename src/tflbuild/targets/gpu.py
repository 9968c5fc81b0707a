"""The GPU of a phone or board, by LiteRT's OpenCL and OpenGL delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from tflbuild.core.target import Computed, Target, target


@target("gpu")
class Gpu(Target):
    """Deliver the file as it is, and predict which operators LiteRT's GPU delegate takes.

    The prediction follows the delegate's published checks and the way it divides a graph: by default it takes the
    largest part alone. It computes in float16 unless told otherwise, an int8 file, too; `tflbuild check FILE target=gpu
    --simulate` says what that does to the metric. Accuracy and latency in the report are those of this machine's
    processor.
    """

    needs = ("ai_edge_litert",)
    rules = "gpu"
    offloads = True
    wants: ClassVar[Mapping[str, Any]] = {"scheme": ("float16", "int8", "dynamic")}
    float16 = "everything"
    float32 = "precision=float32"

    precision: Literal["float16", "float32"] = "float16"
    """Arithmetic that the app lets the delegate use: `float16`, the usual one in Java and Kotlin
    (isPrecisionLossAllowed), or `float32`, the usual one in C++, Swift and Objective-C."""
    partitions: Annotated[int, Ge(1), Le(1000)] = 1
    """Parts of the graph that the app lets the delegate take (max_delegated_partitions), the largest first. [parts]"""

    def in_float16(self) -> Computed:
        """Give what it computes in float16: everything, unless the app asks for float32."""
        return type(self).float16 if self.precision == "float16" else "nothing"
