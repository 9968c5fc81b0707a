"""Where the operators of a file run, as a device's compiler placed them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tflbuild.placement.facts import ModelFacts
from tflbuild.placement.placement import Placed, Placement

MOST = 3
"""Operators that a sentence names."""


def as_compiled(
    predicted: Placement, left: Collection[int], said: Mapping[str, Sequence[str]], compiler: str
) -> Placement:
    """Say where operators run from what a compiler left, with what the rules know of the reasons.

    Args:
        predicted: by the rules of the device.
        left: operators that the compiled file still holds, by index.
        said: reasons of the compiler, by the name of an operator.
        compiler: its name and version.
    """
    operators = [_placed(one, one.index not in left, said.get(one.name, ())) for one in predicted.operators]
    wrong = [one for one in predicted.operators if one.on == (one.index in left)]
    remarks = [f"The rules had predicted {_named(wrong)} otherwise."] if wrong else []
    return replace(
        predicted, basis="compiler", source=compiler, date="", operators=operators, remarks=tuple(remarks)
    )


def _placed(predicted: Placed, on: bool, said: Sequence[str]) -> Placed:
    if on:
        return replace(predicted, on=True, fits=True, reason="", values={}, cure="")
    why = " or ".join(f'"{one}"' for one in said) or "no reason"
    if predicted.on:
        return replace(
            predicted, on=False, fits=False, reason=f"was left to the processor; the compiler said {why}"
        )
    told = f"; the compiler said {why}" if said else ""
    return replace(predicted, reason=f"{predicted.reason}{told}")


def _named(operators: Sequence[Placed]) -> str:
    names = ", ".join(f"{one.index} ({one.name})" for one in operators[:MOST])
    more = f" and {len(operators) - MOST} more" if len(operators) > MOST else ""
    return f"operator{'s' if len(operators) > 1 else ''} {names}{more}"


def of_compiled_file(
    model: ModelFacts, chip: str, device: str, title: str, remarks: Sequence[str]
) -> dict[str, Any]:
    """Give the placement of a file that is compiled already, as JSON.

    Args:
        model: what is known of the compiled file.
        chip: name of the operators that hold what the chip runs.
        device: name of the target.
        title: what people call the device.
        remarks: what the file holds, in sentences.
    """
    operators = [
        Placed(
            index=one.index,
            name=one.name,
            output=one.output,
            macs=one.macs,
            on=one.name == chip,
            fits=one.name == chip,
            reason="" if one.name == chip else "was left to the processor when the file was compiled",
        )
        for one in model.operators
    ]
    return Placement(
        device=device,
        title=title,
        basis="compiler",
        source="the file itself, which is compiled",
        operators=operators,
        remarks=tuple(remarks),
    ).to_json()
