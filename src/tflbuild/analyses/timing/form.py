"""The form of the finding of `operator_times`."""

from __future__ import annotations

from tflbuild.core.form import FLAG, TEXT, fields, list_of, maybe, number, optional, whole

OPERATOR = fields({"name": TEXT, "delegated": FLAG, "ms": number(0)})
"""One operator, in order of execution; `delegated` where XNNPACK runs it, by whose name it goes."""

FORM = fields(
    {
        "cpu": TEXT,
        "threads": whole(1),
        "runs": whole(),
        "whole_ms": maybe(number(0)),
        "operators": list_of(OPERATOR),
        "why": optional(TEXT),
    }
)
