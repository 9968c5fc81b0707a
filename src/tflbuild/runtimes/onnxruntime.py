"""onnxruntime on this machine's processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime


@runtime("onnxruntime")
class OnnxRuntime(Runtime):
    """Execute an ONNX file in onnxruntime, in the environment `onnx`; one sample at a time.

    It runs there and not here, so that the version which a key names is the one that an ONNX file is taken in with, and
    that no package of it comes between ours.
    """

    kinds = ("OnnxModel",)
    usual = True
    needs = ("environment:onnx", "numpy")

    threads: Annotated[int, Ge(1), Le(1024)] = 1
    """Threads of one run; 1 gives the same outputs each time. [threads]"""

    def open(self, model: Artifact) -> Execution:
        """Start a process that has the file loaded."""
        from tflbuild.backends.onnx_execution import Loaded

        return Loaded(model, self.threads)

    def latency(self, model: Artifact) -> Mapping[str, Any]:
        """Time warm runs: median and 90 % quantile in ms."""
        from tflbuild.backends.onnx_execution import Loaded

        return Loaded(model, self.threads).latency()
