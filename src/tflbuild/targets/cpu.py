"""The processor: LiteRT with XNNPACK."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.target import Target, target


@target("cpu")
class Cpu(Target):
    """Deliver the file as it is, for LiteRT's interpreter with XNNPACK on a phone, a board or a desktop.

    Reports which operators XNNPACK takes, and the latency on the machine that builds, which is also what a budget's
    `latency` of the delivered file is.
    """

    needs = ("ai_edge_litert",)

    threads: Annotated[int, Ge(1), Le(1024)] = 1
    """Threads of the interpreter when latency is measured. [threads]"""
    runs: Annotated[int, Ge(1), Le(1_000_000)] = 50
    """Timed runs after the warm-up. More give a steadier latency and take longer. [runs]"""

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `latency_ms` and `delegate`."""
        from tflbuild.runtimes.interpreter import delegation, latency

        return {
            "latency_ms": latency(model.path, self.threads, self.runs),
            "delegate": delegation(model.path),
        }
