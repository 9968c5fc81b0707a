"""The form of the findings of `structure`: a mistake that is a cause, or what is only told."""

from __future__ import annotations

from tflbuild.core.cause import CAUSE
from tflbuild.core.form import NUMBER, TEXT, fields, list_of, optional, whole
from tflbuild.core.form_choice import by_key

DEAD = fields({"layer": TEXT, "dead": whole(), "channels": whole()})

TOLD = fields(
    {"summary": TEXT, "layer": optional(TEXT), "zeros": optional(NUMBER), "dead": optional(list_of(DEAD))}
)

FORM = by_key("cause", CAUSE, TOLD)
