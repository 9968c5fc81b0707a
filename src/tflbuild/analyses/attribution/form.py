"""The form of the ladder's findings: the ladder itself, and a cause for each step that is blamed."""

from __future__ import annotations

from tflbuild.core.artifact import KINDS
from tflbuild.core.cause import CAUSE, COST
from tflbuild.core.form import DIGEST, FLAG, NUMBER, TEXT, fields, list_of, maybe, one_of, optional, whole
from tflbuild.core.form_choice import by_key

RUNG = fields(
    {
        "name": TEXT,
        "label": TEXT,
        "value": maybe(NUMBER),
        "low": maybe(NUMBER),
        "high": maybe(NUMBER),
        "kernels": TEXT,
        "file": DIGEST,
        "kind": one_of(*KINDS),
        "cost": optional(COST),
        "beyond": optional(FLAG),
        "blamed": optional(FLAG),
    }
)
"""One model of the ladder; the first has no cost."""

LADDER = fields(
    {
        "text": TEXT,
        "metric": optional(TEXT),
        "unit": optional(TEXT),
        "split": optional(TEXT),
        "n": optional(whole()),
        "total": optional(COST),
        "rungs": list_of(RUNG),
    }
)

FORM = by_key("rungs", LADDER, CAUSE)
