"""The form of the finding about a base that is not better than chance."""

from __future__ import annotations

from tflbuild.core.cause import OF_FINDING
from tflbuild.core.form import FLAG, NUMBER, TEXT, Form, fields, list_of, maybe, one_of, optional, whole

VERDICTS = ("chance", "one_class", "order", "reading", "")

_TRIED: dict[str, Form] = {
    "how": TEXT,
    "value": NUMBER,
    "low": maybe(NUMBER),
    "high": maybe(NUMBER),
    "n": whole(),
    "better": FLAG,
    "override": optional(TEXT),
}

ORDER = fields({**_TRIED, "classes": list_of(TEXT)})

READING = fields({**_TRIED, "metric": TEXT, "with_order": optional(ORDER)})

FORM = fields(
    {
        **OF_FINDING,
        "text": TEXT,
        "verdict": one_of(*VERDICTS),
        "metric": TEXT,
        "value": maybe(NUMBER),
        "low": maybe(NUMBER),
        "high": maybe(NUMBER),
        "n": whole(),
        "chance": NUMBER,
        "only": maybe(TEXT),
        "found": optional(whole()),
        "split": TEXT,
        "orders": list_of(ORDER),
        "readings": list_of(READING),
        "now": optional(READING),
        "try_readings": FLAG,
    }
)
