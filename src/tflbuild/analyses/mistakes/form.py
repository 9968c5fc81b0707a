"""The form of findings about samples that are prepared in another way: the table, and the cause."""

from __future__ import annotations

from tflbuild.core.cause import CAUSE, COST
from tflbuild.core.form import FLAG, NUMBER, TEXT, fields, list_of, maybe, one_of, optional, whole
from tflbuild.core.form_choice import by_key

ROW = fields(
    {
        "name": TEXT,
        "kind": TEXT,
        "how": TEXT,
        "value": maybe(NUMBER),
        "cost": optional(COST),
        "beyond": FLAG,
        "better": FLAG,
        "override": TEXT,
    }
)

TABLE = fields(
    {
        "text": TEXT,
        "on": optional(one_of("base", "model")),
        "noun": optional(TEXT),
        "every": optional(FLAG),
        "metric": optional(TEXT),
        "split": optional(TEXT),
        "n": optional(whole()),
        "tried": optional(whole()),
        "value": optional(maybe(NUMBER)),
        "low": optional(maybe(NUMBER)),
        "high": optional(maybe(NUMBER)),
        "rows": list_of(ROW),
    }
)

FORM = by_key("rows", TABLE, CAUSE)
