"""Qualcomm's NPU, by AI Engine Direct (QNN)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tflbuild.core.target import Target, target


@target("qnn")
class Qnn(Target):
    """Deliver the file as it is, and predict which operators Qualcomm's compiler for LiteRT takes.

    The prediction follows the list of operators that the compiler translates; the chip's own limits, which only
    Qualcomm's SDK knows, come on top. Operators in floats run in float16; `tflbuild check FILE target=qnn --simulate`
    says what that does to the metric. Accuracy and latency in the report are those of this machine's processor.
    """

    needs = ("ai_edge_litert",)
    rules = "qnn"
    offloads = True
    wants: ClassVar[Mapping[str, Any]] = {"scheme": ("int8", "int16x8", "float16")}
    float16 = "floats"
