"""An analysis that says how far the delivered file is from its float model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact

SPLIT = "data.val"


@analysis("output_error")
class OutputErrors(Analysis):
    """Give the mean absolute difference of outputs, in units of each output's own mean absolute deviation, in sum.

    It is measured on every sample of the val split, which nothing is calibrated on; of a detector before suppression.
    """

    needs = ("ai_edge_litert", "numpy")
    of = ("float", "model")

    def reads(self) -> tuple[str, ...]:
        """Read samples that nothing was learned from."""
        return (SPLIT,)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Run both files on the same samples."""
        from tflbuild.analyses.nearer import values_for
        from tflbuild.quantization.output_error import OutputError
        from tflbuild.tflite.packed import Packed

        split = ctx.dataset(SPLIT)
        raw = {sample.key: split[place].value for place, sample in enumerate(split.samples)}
        content = {name: Packed(model.path.read_bytes()) for name, model in models.items()}
        values = {name: values_for(model, raw) for name, model in models.items()}
        reference = OutputError(content["float"], values["float"])
        errors = reference.by_image(content["model"], values["model"])
        return [{"error": float(errors.mean()), "samples": len(errors), "text": ""}]
