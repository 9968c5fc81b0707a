"""The layers that are named under a step of the ladder: those with the most noise there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tflbuild.analyses.attribution import rungs, stages
from tflbuild.analyses.per_layer import measuring, told
from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import PassError

PARTS = {
    stages.WEIGHTS: measuring.WEIGHTS,
    stages.ACTIVATIONS: measuring.ACTIVATIONS,
    stages.ENDS: measuring.ACTIVATIONS,
}
"""The rows that belong to a step."""


def under(
    blamed: Collection[str], models: Mapping[str, Artifact], ctx: AnalysisContext
) -> dict[str, list[str]]:
    """Name the noisiest layers of steps that are blamed, each with its figures; {} of steps without layers.

    Args:
        blamed: names of rungs.
        models: `base`, `model`, and every step's as `step:LABEL`.
        ctx: of the analysis, which reads `measuring.SOURCE`.
    """
    model, wanted = models["model"], [name for name in PARTS if name in blamed]
    if not wanted or not isinstance(model, TFLiteModel):
        return {}
    taken = measuring.apart(model, stages.float_step(models))
    if taken is None:
        return {}
    samples = measuring.samples_of(model, ctx, measuring.SAMPLES)
    try:
        rows = measuring.rows_of(taken, samples)
    except PassError as error:  # the steps are known all the same
        ctx.log(f"no layers are named for a step: {error}")
        return {}
    outer = rungs.ends_of(taken.quantized)
    return {name: [told.under(row) for row in _of(name, rows, outer)[: told.UNDER]] for name in wanted}


def _of(name: str, rows: Mapping[str, Sequence[Any]], outer: Collection[str]) -> list[Any]:
    found = rows[PARTS[name]]
    if name == stages.WEIGHTS:
        return list(found)
    return [row for row in found if (row["tensor"] in outer) == (name == stages.ENDS)]
