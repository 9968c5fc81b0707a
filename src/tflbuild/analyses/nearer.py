"""Whether a file that was quantized anew is nearer to its float model than the shipped file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.exhibit import Exhibit, number
from tflbuild.core.form import NUMBER, fields, whole
from tflbuild.core.meaning import Meaning

SPLIT = "data.val"


@analysis("nearer")
class Nearer(Analysis):
    """Say whether a file that was quantized anew is nearer to its float model than the shipped file is, without labels.

    The distance of two files is the mean absolute difference of their outputs, in units of each output's own mean
    absolute deviation over the samples, before suppression. Three are measured on the val split: of the shipped file
    and of the new one from the float model that `dequantize` made, and of the two files from one another. The
    difference of the first two is paired by sample, with an interval of resampled samples.

    A shipped file has no error of weights in this, since the float model has its weights as they are; a new one may be
    farther from the float model, and still be no worse by what is right, which a build with labels measures beside it.
    A recipe that quantizes a shipped file anew runs this by itself.
    """

    needs = ("ai_edge_litert", "numpy")
    of = ("base", "float", "model")
    title = "the new file and the shipped one against the float model"
    form = fields(
        {
            **dict.fromkeys(("shipped", "new", "between", "change", "low", "high"), NUMBER),
            "samples": whole(1),
        }
    )

    samples: Annotated[int, Ge(2)] = 64
    """Validation samples that files are compared on, at most. More give surer results and take longer. [samples]"""

    def reads(self) -> tuple[str, ...]:
        """Read samples that nothing was learned from."""
        return (SPLIT,)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Run the three files on the same samples."""
        from tflbuild.quantization.output_error import OutputError
        from tflbuild.tflite.packed import Packed

        split = ctx.dataset(SPLIT)
        places = sorted({len(split) * number // self.samples for number in range(self.samples)})
        raw = {split.samples[place].key: split[place].value for place in places}
        content = {name: Packed(model.path.read_bytes()) for name, model in models.items()}
        values = {name: values_for(model, raw) for name, model in models.items()}
        reference = OutputError(content["float"], values["float"])
        shipped, new = (reference.by_image(content[name], values[name]) for name in ("base", "model"))
        between = OutputError(content["base"], values["base"]).by_image(content["model"], values["model"])
        return [_finding(shipped, new, between)]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say which of the two files is nearer."""
        return [sentence(finding) for finding in findings]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Say it on the page."""
        return [Exhibit(title=self.title, text=tuple(map(sentence, findings)), parts=())] if findings else []


def values_for(model: Artifact, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give samples as a model takes them."""
    from tflbuild.evaluation.examples import Encoder
    from tflbuild.tflite import flatbuffer

    encoder = Encoder(Meaning.of(model))
    names = [entry["name"] for entry in flatbuffer.signature(model.path)["inputs"]]
    found = (encoder.values(value, key) for key, value in raw.items())
    return [{name: one[name] for name in names} for one in found]


def _finding(shipped: Any, new: Any, between: Any) -> dict[str, Any]:
    import numpy as np

    from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

    count, change = len(new), np.asarray(new - shipped, np.float64)
    low, high = percentile_interval(resamples(count) @ change / count, float(change.mean()))
    return {
        "shipped": float(shipped.mean()),
        "new": float(new.mean()),
        "between": float(between.mean()),
        "change": float(change.mean()),
        "low": float(low),
        "high": float(high),
        "samples": count,
    }


def sentence(found: Mapping[str, Any]) -> str:
    """Put distances into one sentence."""
    names = ("shipped", "new", "between", "change", "low", "high", "samples")
    shipped, new, between, change, low, high, count = (number(found, name) or 0.0 for name in names)
    verdict = "no clear difference in distance to the float model"
    if high < 0:
        verdict = "nearer to the float model than the shipped one"
    elif low > 0:
        verdict = "farther from the float model than the shipped one"
    return (
        f"the new file is {verdict}: {new:.3g} against {shipped:.3g}, a difference of {change:+.3g} [{low:+.3g}, "
        f"{high:+.3g}] on {count:.0f} samples, in deviations of the outputs; the two are {between:.3g} apart"
    )
