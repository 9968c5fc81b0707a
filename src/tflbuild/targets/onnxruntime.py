"""onnxruntime: the delivered file is ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact, OnnxModel, TFLiteModel
from tflbuild.core.target import Target, target


@target("onnxruntime")
class OnnxRuntime(Target):
    """Deliver the file as ONNX, for onnxruntime: floats as they are, integers with quantization between (QDQ).

    Inputs and outputs keep their names, dtypes, shapes and order of axes. Accuracy, agreement with the `.tflite` that
    it was written of and latency are those of onnxruntime, in the environment `onnx` (`tflbuild setup onnx`), on the
    test split. 8-bit weights are uint8 in it, since onnxruntime clamps products with int8 ones on processors without
    VNNI. Operators that are not written as ONNX are refused by name.
    """

    needs = ("environment:onnx", "ai_edge_litert")
    compiles = True
    runtime = "onnxruntime"
    makes = OnnxModel

    threads: Annotated[int, Ge(1), Le(1024)] = 1
    """Threads of one run when latency is measured. [threads]"""

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Write the file as ONNX."""
        from tflbuild.backends.onnx_export.export import export

        return export(model.path), {}

    def inspect(self, model: Artifact) -> dict[str, Any]:
        """Give `latency_ms`."""
        from tflbuild.backends.onnx_execution import Loaded

        return {"latency_ms": Loaded(model, self.threads).latency()}
