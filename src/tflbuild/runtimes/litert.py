"""LiteRT's interpreter on this machine's processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime

Kernels = Literal["default", "builtin", "reference"]

KERNELS: tuple[Kernels, ...] = get_args(Kernels)


@runtime("litert")
class Litert(Runtime):
    """Execute a `.tflite` in LiteRT, by XNNPACK where it takes the operators; one sample at a time."""

    kinds = ("TFLiteModel",)
    usual = True
    needs = ("ai_edge_litert", "numpy")

    threads: Annotated[int, Ge(1), Le(1024)] = 1
    """Threads of the interpreter; a file that ends in suppression is run by one, and timed by all. [threads]"""
    kernels: Kernels = "default"
    """Kernels that compute: `default` (XNNPACK where it takes an operator), `builtin` (without XNNPACK) or
    LiteRT's `reference` kernels."""

    def others(self) -> Mapping[str, Runtime]:
        """Give it with the kernels that it does not take itself."""
        return {kernels: replace(self, kernels=kernels) for kernels in KERNELS if kernels != self.kernels}

    def open(self, model: Artifact) -> Execution:
        """Load a file and allocate its tensors."""
        from tflbuild.runtimes.interpreter import Loaded

        return Loaded(model.path, self.threads, self.kernels)

    def prove(self, model: Artifact) -> None:
        """Allocate a file's tensors and invoke it on zeros and on noise."""
        from tflbuild.runtimes.interpreter import check_runs

        check_runs(model.path)

    def latency(self, model: Artifact) -> Mapping[str, Any]:
        """Time warm invocations: median and 90 % quantile in ms."""
        from tflbuild.runtimes.interpreter import latency

        return latency(model.path, self.threads)
