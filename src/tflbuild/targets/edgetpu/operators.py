"""Where the operators of a file run, as edgetpu_compiler placed them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tflbuild.placement.contradiction import contradiction
from tflbuild.placement.placement import Placed, Placement


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
    remarks = tuple(contradiction(wrong))
    return replace(
        predicted, basis="compiler", source=compiler, date="", operators=operators, remarks=remarks
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
