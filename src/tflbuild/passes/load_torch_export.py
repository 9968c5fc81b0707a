"""Take a program of torch.export of the user's in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import parity
from tflbuild.passes.taking_in.converted import begun, taken


@compiler_pass("load_torch_export")
class LoadTorchExport(Pass):
    """Start from the user's `.pt2` (`model=file model.path=FILE`), as `torch.export.save` writes it.

    litert-torch makes a float32 `.tflite` of it, in the environment `torch` (`tflbuild setup torch`). Nothing of the
    file is unpickled or evaluated: its operators, which must be PyTorch's own, are called one by one. Every side is
    fixed first: the batch is one sample, other open sides are those of `model.shape`. Pictures have their channels last
    in the `.tflite`, and outputs of four axes, too. Before anything else, the `.tflite` is held to what PyTorch
    computes, output by output, on samples of the train split (1e-4 of the output's size).
    """

    needs = ("environment:torch", "ai_edge_litert", "numpy")
    promises = (
        "the outputs of the program in PyTorch on samples of the train split, within 1e-4 of their size"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Convert, hold to the program and to the data, and keep the file with what it means."""
        from tflbuild.backends import torch_conversion
        from tflbuild.formats.torch_export import description as torch_export

        spec, path, meaning = begun(ctx)
        program = torch_export.check(path)
        ends = torch_export.ends(program, path, spec.shape)
        values = parity.sample_values(ctx)
        folder = ctx.scratch / "litert_torch"
        folder.mkdir()
        converted = torch_conversion.convert(
            path, program, ends, _samples(meaning, ends.first, values), folder
        )
        return taken(converted.graph, meaning, converted.outputs, values, "PyTorch", ctx)


def _samples(meaning: Meaning, first: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Encode samples; gives each input by name, (samples, ...) in the program's own order of axes."""
    import numpy as np

    from tflbuild.evaluation.examples import Encoder

    encoder = Encoder(meaning)
    rows: dict[str, list[Any]] = {}
    for key, value in values.items():
        for name, given in encoder.values(value, key).items():
            rows.setdefault(name, []).append(np.moveaxis(given, -1, 0) if name in first else given)
    return {name: np.stack(found) for name, found in rows.items()}
