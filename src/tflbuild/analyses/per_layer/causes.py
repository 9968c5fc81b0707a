"""The layer that lost accuracy: its rounding alone, left out, gives most of the loss back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from tflbuild.analyses.attribution.causes import channel_cure, mixed_cure, quantizing
from tflbuild.analyses.attribution.judging import Cost, cost_of
from tflbuild.analyses.per_layer.candidates import FREED, name_of
from tflbuild.analyses.per_layer.measuring import ACTIVATIONS, WEIGHTS, Row
from tflbuild.core.analysis import Measured
from tflbuild.core.cause import Cure
from tflbuild.core.metric import Z

MOST = 0.5
"""Share of a loss that one layer gives back at least, to be its cause."""

SATURATED = 0.01
"""Share of a tensor's values beyond its grid from which that is what is wrong with it."""

FAR_APART = 8.0
"""Ratio of channels' ranges from which they are what is wrong with a scale that they share."""


def lossy(measured: Sequence[Measured], metric: str, least: float) -> list[str]:
    """Name the kinds of rounding that lost accuracy beyond doubt, by what leaving them out gives back."""
    gains = {part: gain_of(measured, FREED[part], metric) for part in (ACTIVATIONS, WEIGHTS)}
    return [part for part, gain in gains.items() if gain is not None and _sure(gain, len(gains), least)]


def gain_of(measured: Sequence[Measured], name: str, metric: str) -> Cost | None:
    """Give what a variant is better by than the one with that kind of rounding; None where it was not measured."""
    for one in measured:
        if one.variant.name == name and metric in one.totals:
            cost = cost_of(one.totals[metric], metric)
            return Cost(0.0 - cost.value, 0.0 - cost.high, 0.0 - cost.low, cost.n)
    return None


def left_in_float(measured: Sequence[Measured], metric: str) -> list[dict[str, Any]]:
    """Give what each variant is better by than the one with that kind of rounding, as a finding holds it."""
    names = [one.variant.name for one in measured if metric in one.totals]
    gains = ((name, gain_of(measured, name, metric)) for name in names)
    return [{"name": name, "metric": metric, **gain.to_json()} for name, gain in gains if gain is not None]


def of(
    measured: Sequence[Measured],
    metric: str,
    rows: Mapping[str, Sequence[Row]],
    steps: Sequence[str],
    least: float,
) -> list[dict[str, Any]]:
    """Give a finding for each kind of rounding of which one layer alone gives most of the loss back.

    Args:
        measured: all variants.
        metric: that they are told in.
        rows: of `measuring.rows_of`.
        steps: labels of the recipe's steps, in order.
        least: of the metric; a smaller loss is nobody's fault.
    """
    found = []
    for part in lossy(measured, metric, least):
        loss = gain_of(measured, FREED[part], metric)
        gains = [(row, gain_of(measured, name_of(part, row["tensor"]), metric)) for row in rows[part]]
        known = [(row, gain) for row, gain in gains if gain is not None]
        if loss is None or not known:
            continue
        row, gain = max(known, key=lambda pair: pair[1].value)
        if gain.value >= MOST * loss.value and _sure(gain, len(known), least):
            found.append(_finding(part, row, gain, loss, metric, steps))
    return found


def _sure(gain: Cost, tried: int, least: float) -> bool:
    """Say whether a gain is worth naming, and its interval, widened for as many as were tried, leaves out zero."""
    wide = NormalDist().inv_cdf(1 - 0.025 / max(tried, 1)) / Z
    return gain.value >= least and gain.value - wide * (gain.value - gain.low) > 0


def _finding(
    part: str, row: Row, gain: Cost, loss: Cost, metric: str, steps: Sequence[str]
) -> dict[str, Any]:
    name, why = _named(part, row)
    what = "the weights" if part == WEIGHTS else "the output"
    return {
        "cause": name,
        "stage": part,
        "layer": row["layer"],
        "tensor": row["tensor"],
        "text": (
            f"rounding {what} of the layer '{row['layer']}' lost most of it: {why}; with it alone in float, "
            f"{metric} is better by {gain.value:.4f} of the {loss.value:.4f} that all of the {part} cost"
        ),
        "cost": {"metric": metric, **gain.to_json()},
        "cures": [cure.to_json() for cure in _cures(name, steps, gain.value)],
    }


def _named(part: str, row: Row) -> tuple[str, str]:
    """Name the cause, and say what is wrong with the layer."""
    if part == WEIGHTS:
        if row["scales"] == 1 and row["channels"] > 1 and (row["range_ratio"] or 0) >= FAR_APART:
            return (
                "weights.granularity",
                f"its {row['channels']} channels share one scale, and their ranges are {row['range_ratio']:.3g} x "
                f"apart, so one has {row['fewest_steps']} distinct values",
            )
        if (row["input_ratio"] or 0) >= FAR_APART:
            return (
                "layers.channels",
                f"the weights of one input channel are {row['input_ratio']:.3g} x as large as usual, and share a "
                f"scale with the others",
            )
        return "layers.weights", f"its weights have {row['steps']} distinct values"
    if row["saturated"] >= SATURATED:
        return (
            "layers.saturated",
            f"{100 * row['saturated']:.3g} % of its values lie beyond the ends of its grid, {row['low']:.4g} to "
            f"{row['high']:.4g}",
        )
    if (row["channel_ratio"] or 0) >= FAR_APART:
        return (
            "layers.channels",
            f"one of its channels is {row['channel_ratio']:.3g} x as large as usual, and they share a scale",
        )
    return (
        "layers.grid",
        f"its grid has steps of {row['scale']:.4g}, and its values use {row['steps']} of them",
    )


def _cures(name: str, steps: Sequence[str], lost: float) -> list[Cure]:
    quantize = quantizing(steps)
    evened = Cure(
        "equalize the ranges of channels before quantizing",
        f"{quantize}.method=fixed {quantize}.equalize=weights",
        lost,
        "minutes",
    )
    ranged = Cure(
        "let ranges include every calibration value",
        f"{quantize}.method=fixed {quantize}.ranges=minmax",
        lost,
        "minutes",
    )
    first = {
        "layers.channels": [evened],
        "layers.saturated": [ranged],
        "weights.granularity": [channel_cure(steps, lost)],
    }
    return [*first.get(name, []), mixed_cure(steps, lost)]
