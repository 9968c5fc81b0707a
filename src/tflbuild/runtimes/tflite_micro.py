"""LiteRT for Microcontrollers on this machine's processor."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime


@runtime("tflite_micro")
class TfliteMicro(Runtime):
    """Execute a `.tflite` in the interpreter of the package tflite-micro, with its reference kernels.

    It runs in a process apart, since a file that does not fit may crash it; one sample at a time.
    """

    kinds = ("TFLiteModel",)
    needs = ("tflite_micro", "ai_edge_litert", "numpy")

    arena_size: Annotated[int, Ge(1), Le(1 << 32)] | None = None
    """Memory for tensors and for the interpreter's own structures. null: as much as the file takes. [bytes]"""

    def peer(self) -> Runtime:
        """Give LiteRT with its reference kernels, which compute the same by the same formulas."""
        from tflbuild.runtimes.litert import Litert

        return Litert(kernels="reference")

    def open(self, model: Artifact) -> Execution:
        """Load a file and allocate its tensors."""
        from tflbuild.backends.micro.session import Loaded

        return Loaded(model.path, self.arena_size)
