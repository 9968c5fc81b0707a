"""Partition a graph as XNNPACK does, which leaves what only unpacks or names for an operator that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import UNPACKING, OperatorFacts

VARIABLE = "VAR_HANDLE"
"""Operator that names a variable, for others to read and assign it."""


def xnnpack(operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]) -> list[str]:
    """Let the device run every operator that fits, but leave what only unpacks or names for one that it leaves.

    A constant is unpacked while the file is loaded, where nobody else reads it. A variable is XNNPACK's where it reads
    or assigns it, and all who do agree on its form.
    """
    reasons = _forms(operators, fits)
    taken = [fit and not reason for fit, reason in zip(fits, reasons, strict=True)]
    for operator, fit in zip(operators, fits, strict=True):
        if not fit or not (operator.name == VARIABLE or _unpacks(operator)):
            continue
        readers = [one for one in operators if set(one.reads) & set(operator.writes)]
        left = next((one for one in readers if not taken[one.index]), None)
        if operator.name != VARIABLE and left is not None:
            why = f"operator {left.index} ({left.name}), which stays on the processor"
            reasons[operator.index] = f"unpacks a constant for {why}"
        if operator.name == VARIABLE and not any(taken[one.index] for one in readers):
            reasons[operator.index] = "names a variable that XNNPACK does not read or assign"
    return reasons


def _unpacks(operator: OperatorFacts) -> bool:
    """Whether XNNPACK does it while the file is loaded."""
    source = operator.inputs[0] if operator.name in UNPACKING else None
    return source is not None and source.dtype != "uint8" and operator.outputs[0].unpacked_from is not None


def _forms(operators: Sequence[OperatorFacts], fits: Sequence[bool]) -> list[str]:
    """Hold those that read or assign a variable to the form that the first of them gives it."""
    forms: dict[int, tuple[str, tuple[int, ...]]] = {}
    reasons = [""] * len(operators)
    for operator, fit in zip(operators, fits, strict=True):
        value = {"READ_VARIABLE": operator.outputs[:1], "ASSIGN_VARIABLE": operator.inputs[1:2]}.get(
            operator.name
        )
        if not fit or not value or value[0] is None:
            continue
        variable, form = operator.reads[0], (value[0].dtype, value[0].shape)
        if forms.setdefault(variable, form) != form:
            dtype, shape = forms[variable]
            reasons[operator.index] = (
                f"takes a variable of {dtype} {list(shape)} for {form[0]} {list(form[1])}"
            )
    return reasons
