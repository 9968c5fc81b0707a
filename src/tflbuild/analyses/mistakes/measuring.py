"""Which ways to prepare a picture are measured, and what each cost or gained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

from tflbuild.analyses.attribution.judging import beyond, cost_of
from tflbuild.analyses.mistakes.contract import Contract, contract_of
from tflbuild.analyses.mistakes.mistake import Mistake, joined
from tflbuild.core.analysis import Measured, Variant
from tflbuild.core.artifact import Artifact
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import Z

GIVEN = "given"
"""Name of the variant that is prepared as its meaning says."""

PROMISING = 4
"""Ways that are measured on all samples."""


def taken_by(model: Artifact) -> Contract | None:
    """Give how samples become the one input of a model; None where nothing is known of that."""
    meaning = Meaning.of(model)
    return contract_of(meaning.only.kind) if len(meaning.inputs) == 1 else None


def variant(model: Artifact, mistake: Mistake | None, samples: int) -> Variant:
    """Give a model that is given samples in another way; None for the way that is right."""
    if mistake is None:
        return Variant(name=GIVEN, model=model, samples=samples)
    meaning = Meaning.of(model)
    ((name, given),) = meaning.inputs.items()
    then = mistake.applied(given.kind)
    read = replace(given, modality=type(then).name, preprocess=then.to_json())
    facts = replace(meaning, inputs={name: read}).to_json()
    return Variant(
        name=mistake.name, model=replace(model, meta={**model.meta, "facts": facts}), samples=samples
    )


def metric_of(measured: Sequence[Measured]) -> str:
    """Name the first metric that has a value for the right way; "" for none."""
    found = measured[0].metrics if measured else {}
    return next((name for name, one in found.items() if math.isfinite(one.value)), "")


def promising(measured: Sequence[Measured], known: Sequence[Mistake]) -> list[Mistake]:
    """Give the ways that seem better, the best first, and last the two best of unlike kinds together."""
    metric, by_name = metric_of(measured), {one.name: one for one in known}
    gains = {
        one.variant.name: -cost_of(one.totals[metric], metric).value
        for one in measured
        if metric and one.variant.name in by_name and metric in one.totals
    }
    better = sorted((name for name, gain in gains.items() if gain > 0), key=lambda name: -gains[name])
    found = [by_name[name] for name in better[:PROMISING]]
    other = next((one for one in found[1:] if not one.options.keys() & found[0].options.keys()), None)
    return [*found, joined(found[0], other)] if other is not None else found


def rows_of(
    measured: Sequence[Measured], known: Mapping[str, Mistake], metric: str, least: float, tests: int
) -> list[dict[str, Any]]:
    """Give a row for each way, the costliest first.

    Args:
        measured: the right way, and then the others, on the same samples.
        known: the ways by name.
        metric: what is told.
        least: a smaller gain is none.
        tests: ways that were tried, by which the 5 % of an error are divided (Bonferroni).
    """
    wide = NormalDist().inv_cdf(1 - 0.025 / max(1, tests)) / Z
    rows = []
    for one in measured[1:]:
        mistake, found, change = known[one.variant.name], one.metrics.get(metric), one.totals.get(metric)
        row: dict[str, Any] = {"name": mistake.name, "kind": mistake.kind, "how": mistake.how}
        if (
            found is None
            or change is None
            or not math.isfinite(found.value)
            or not math.isfinite(change.value)
        ):
            rows.append(
                {**row, "value": None, "beyond": False, "better": False, "override": mistake.override}
            )
            continue
        cost = cost_of(change, metric)
        surely = cost.value + wide * (cost.high - cost.value) < 0
        rows.append(
            {
                **row,
                "value": found.value,
                "cost": cost.to_json(),
                "beyond": beyond(cost),
                "better": -cost.value >= least and surely,
                "override": mistake.override,
            }
        )
    return sorted(rows, key=_place)


def _place(row: Mapping[str, Any]) -> float:
    return -row["cost"]["value"] if "cost" in row else -math.inf
