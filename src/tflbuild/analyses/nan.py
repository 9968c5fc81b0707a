"""Numbers that are none: the operator that makes the first, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from tflbuild.analyses.attribution import stages
from tflbuild.analyses.per_layer import measuring
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.cause import OF_FINDING, Cure
from tflbuild.core.form import FLAG, TEXT, fields, one_of, whole

if TYPE_CHECKING:
    from tflbuild.quantization.not_finite import Origin, Traced

BASE, FLOAT, MODEL = "base", "float", "model"

STAGES = {BASE: "base", FLOAT: "converted", MODEL: "integers"}
"""The step of the ladder that a model which is not finite explains."""

NAMES = {BASE: "base", FLOAT: "float file", MODEL: "delivered file"}

FORM = fields(
    {
        **OF_FINDING,
        "text": TEXT,
        "on": one_of(*NAMES),
        "operator": TEXT,
        "layer": TEXT,
        "tensor": TEXT,
        "constant": TEXT,
        "reason": TEXT,
        "nan": FLAG,
        "samples": whole(),
        "n": whole(),
        "spoiled": whole(),
    }
)
"""The form of a finding, which is a cause or not: the operator that makes the first, why, and on how many samples."""


@analysis("nan")
class NotFinite(Analysis):
    """Trace what is not a finite number to the operator that makes the first.

    Base, float file and delivered file are run on a few samples where they are a `.tflite` that computes in floats, and
    everything that their operators give is looked at. An operator that reads numbers and gives none is named with its
    layer and why: a constant of it that holds a NaN or an infinity, a division by zero, a logarithm or a square root of
    what has none, an overflow. It is a cause where outputs are spoiled, or where it gives a NaN. An infinity that the
    outputs do not show is told, and is none: a mask may be one.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    of = ("base", "model")
    title = "NaN and infinity"
    form = FORM
    explains = True
    steps = True

    samples: Annotated[int, Ge(1)] = 16
    """Samples of the test split that are run, at most. More give surer results and take longer. [samples]"""

    def reads(self) -> tuple[str, ...]:
        """Read some samples."""
        return (measuring.SOURCE,)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Run each model, and trace what is none."""
        from tflbuild.quantization.not_finite import computes_in_floats, traced

        found: list[dict[str, Any]] = []
        for role, model in _looked_at(models):
            graph = measuring.graph_of(model)
            if computes_in_floats(graph):
                result = traced(graph, measuring.samples_of(model, ctx, self.samples))
                found += _findings(role, result)
        return found


def _looked_at(models: Mapping[str, Artifact]) -> Iterator[tuple[str, TFLiteModel]]:
    """Give the models that are a `.tflite`, each once."""
    seen = set()
    for role, model in ((BASE, models[BASE]), (FLOAT, stages.float_step(models)), (MODEL, models[MODEL])):
        if isinstance(model, TFLiteModel) and model.digest not in seen:
            seen.add(model.digest)
            yield role, model


def _findings(role: str, result: Traced) -> Iterator[dict[str, Any]]:
    for origin in result.origins:
        text = _sentence(role, origin, result)
        known = {
            "text": text,
            "on": role,
            "operator": origin.operator,
            "layer": origin.layer,
            "tensor": origin.tensor,
            "constant": origin.weight,
            "reason": origin.reason,
            "nan": origin.nan,
            "samples": origin.samples,
            "n": result.samples,
            "spoiled": result.spoiled,
        }
        if origin.nan or result.spoiled:
            cures = [cure.to_json() for cure in _cures(origin)]
            name = "nan.weight" if origin.weight else "nan.operator"
            known |= {"cause": name, "stage": STAGES[role], "cures": cures}
        yield known


def _sentence(role: str, origin: Origin, result: Traced) -> str:
    what = "NaN" if origin.nan else "infinity"
    why = f"its constant '{origin.weight}' contains NaN or infinity" if origin.weight else origin.reason
    shown = (
        f"the outputs are not finite on {result.spoiled} of them"
        if result.spoiled
        else "the outputs are still finite"
    )
    return (
        f"in the {NAMES[role]}, {origin.operator} of the layer '{origin.layer}' makes the first {what} on "
        f"{origin.samples} of {result.samples} samples{f' ({why})' if why else ''}; {shown}"
    )


def _cures(origin: Origin) -> list[Cure]:
    if origin.weight:
        return [Cure("take weights from before training diverged, or train again", effort="training")]
    if "zero" in origin.reason or "negative" in origin.reason:
        return [Cure(f"add a small number to what the layer '{origin.layer}' reads", effort="training")]
    return [
        Cure(f"keep what the layer '{origin.layer}' reads in range, e.g. normalise it", effort="training")
    ]
