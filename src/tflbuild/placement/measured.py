"""Hold a prediction to what a device was seen to take: the measurement decides, and rules say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tflbuild.placement.placement import Placed, Placement


def measured(predicted: Mapping[str, Any], taken: Mapping[int, bool], source: str) -> dict[str, Any]:
    """Give the placement that was measured, with the reasons of the rules; where they are wrong, it says so.

    Args:
        predicted: a `Placement` as JSON, by rules.
        taken: by the place of an operator, whether the device was seen to run it.
        source: what was measured, e.g. "LiteRT 2.3.0 on this machine".
    """
    operators = [Placed(**one) for one in predicted["operators"]]
    title = str(predicted["title"])
    return Placement(
        device=predicted["device"],
        title=title,
        basis="measured",
        source=f"{source}; reasons by the rules of {predicted['source']}, {predicted['date']}",
        operators=[_held(one, taken[one.index], title) for one in operators],
        remarks=[
            *predicted["remarks"],
            *(_remark(one, title) for one in operators if one.on != taken[one.index]),
        ],
    ).to_json()


def unmeasured(predicted: Mapping[str, Any], why: str) -> dict[str, Any]:
    """Give a prediction with a remark that says why nothing was measured.

    Args:
        predicted: a `Placement` as JSON, by rules.
        why: to complete "because ", without a period.
    """
    remark = f"It is predicted, not measured, because {why}."
    return {**predicted, "remarks": [*predicted["remarks"], remark]}


def unloadable(predicted: Mapping[str, Any], source: str, why: str) -> dict[str, Any]:
    """Give the placement of a file that a runtime refuses: nothing runs, whatever the rules say of an operator.

    Args:
        predicted: a `Placement` as JSON, by rules.
        source: the runtime, e.g. "LiteRT 2.3.0 on this machine".
        why: what it says, without a period.
    """
    operators = [Placed(**one) for one in predicted["operators"]]
    reason = f"is in a file that {source} cannot load"
    return Placement(
        device=predicted["device"],
        title=str(predicted["title"]),
        basis="measured",
        source=f"{source}; reasons by the rules of {predicted['source']}, {predicted['date']}",
        operators=[replace(one, on=False, fits=False, reason=reason) if one.on else one for one in operators],
        remarks=[*predicted["remarks"], f"Nothing of the file runs: {source} cannot load it: {why}."],
    ).to_json()


def _held(predicted: Placed, on: bool, title: str) -> Placed:
    if predicted.on == on:
        return predicted
    reason = "" if on else f"is left by the {title}, and no known rule says why"
    return replace(predicted, on=on, fits=on, reason=reason, values={}, cure="", unknown=False)


def _remark(predicted: Placed, title: str) -> str:
    operator = f"operator {predicted.index} ({predicted.name})"
    if predicted.on:
        return f"The {title} left {operator}, and no known rule says why."
    return f"The {title} took {operator}, though by the rules it {predicted.reason}."
