"""Take an ONNX file of the user's in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import parity
from tflbuild.passes.taking_in.converted import begun, taken


@compiler_pass("load_onnx")
class LoadOnnx(Pass):
    """Start from the user's ONNX file (`model=file model.path=FILE`): it becomes a float32 `.tflite`.

    onnx2tf writes it, in the environment `onnx` (`tflbuild setup onnx`). Every side is fixed first: the batch is one
    sample, other open sides are those of `model.shape`. Pictures have their channels last in the `.tflite`, and outputs
    of four axes, too; names stay those of the ONNX file. Before anything else, the `.tflite` is held to what
    onnxruntime makes of the ONNX file itself, output by output, on samples of the train split (1e-4 of its size).
    """

    needs = ("environment:onnx", "ai_edge_litert", "numpy")
    promises = (
        "the outputs of the ONNX file in onnxruntime on samples of the train split, within 1e-4 of their size"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Convert, hold to the ONNX file and to the data, and keep the file with what it means."""
        from tflbuild.backends import onnx_conversion
        from tflbuild.formats.onnx import description as onnx

        spec, path, meaning = begun(ctx)
        ends = onnx.ends(path, spec.shape)
        kept = [name for name in ends.given if name not in ends.first]
        folder = ctx.scratch / "onnx2tf"
        folder.mkdir()
        converted = onnx_conversion.convert(path, ends.given, kept, folder)
        values = parity.sample_values(ctx)
        wanted = _of_source(meaning, ends.first, path, values)
        return taken(converted.graph, meaning, wanted, values, "onnxruntime", ctx)


def _of_source(
    meaning: Meaning, first: Mapping[str, str], path: Path, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Run the ONNX file on samples; gives each output by name, (samples, ...) float32."""
    import numpy as np

    from tflbuild.backends.onnx_execution import OnnxSession
    from tflbuild.evaluation.examples import Encoder

    encoder = Encoder(meaning)
    rows: dict[str, list[Any]] = {}
    with OnnxSession(path) as session:
        for key, value in values.items():
            inputs = {
                name: np.moveaxis(given[None], -1, 1) if name in first else given[None]
                for name, given in encoder.values(value, key).items()
            }
            for name, output in session.run(inputs).items():
                row = output[0] if output.ndim and len(output) == 1 else output
                rows.setdefault(name, []).append(row.astype(np.float32))
    return {name: np.stack(found) for name, found in rows.items()}
