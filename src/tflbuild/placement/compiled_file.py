"""The placement of a file that is compiled already: what its compiler took is in its operator, the rest was left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflbuild.placement.facts import ModelFacts
from tflbuild.placement.placement import Placed, Placement


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
