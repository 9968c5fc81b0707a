"""The form of a line of `events.jsonl`: what a build says of itself while it goes on."""

from __future__ import annotations

from tflbuild.core.curve import POINT
from tflbuild.core.form import (
    FLAG,
    MAPPING,
    NUMBER,
    TEXT,
    Form,
    fields,
    list_of,
    maybe,
    number,
    one_of,
    whole,
    written,
)
from tflbuild.core.form_choice import by_value
from tflbuild.engine.report_form import ENTRY, RECOGNISED, STEP, VERDICT

SCHEMA = "tflbuild.event/1"

PLANNED = fields(
    {
        "label": TEXT,
        "status": one_of("HIT", "RUN", "UNKNOWN"),
        "reason": TEXT,
        "about_seconds": written(maybe(number(0))),
        "about_tail_seconds": written(maybe(number(0))),
    }
)
"""A step of a plan; about how long it will take, and how long of that behind the last progress of its pass."""

KINDS: dict[str, Form] = {
    "started": fields({"recipe": TEXT, "folder": TEXT}),
    "plan": fields(
        {
            "steps": list_of(PLANNED),
            "about_delivery_seconds": written(maybe(number(0))),
            "about_loading_seconds": written(maybe(number(0))),
            "unused": MAPPING,
            "subject": TEXT,
            "classes": list_of(TEXT),
            "label_noun": written(TEXT),
            "recognised": list_of(RECOGNISED),
        }
    ),
    "pass_started": fields(
        {"label": TEXT, "pass": TEXT, "options": MAPPING, "status": one_of("HIT", "RUN"), "reason": TEXT}
    ),
    "pass_ended": STEP,
    "measuring": fields({"what": TEXT, "split": TEXT}),
    "gate": fields({"label": TEXT, "ok": FLAG, "text": TEXT, "verdict": VERDICT}),
    "looking": fields({"done": whole(), "total": whole()}),
    "doing": fields({"label": TEXT, "text": TEXT}),
    "continued": fields({"label": TEXT, "step": whole(), "total": whole()}),
    "training": fields({"label": TEXT, "total": whole(1), **POINT}),
    "waiting": fields({"text": TEXT}),
    "warning": fields({"text": TEXT}),
    "analysis": ENTRY,
    "failed": fields({"label": TEXT, "error": maybe(TEXT), "command": maybe(TEXT), "exit_code": whole()}),
    "finished": fields(
        {"status": one_of("built", "over_budget", "failed", "interrupted"), "seconds": number(0)}
    ),
}
"""Fields of an event besides `time` and `event`, by its kind; `progress` and `log` are in no line."""

EVENT = by_value("event", KINDS, fields({"time": NUMBER, "event": TEXT}))
"""A line; one whose kind is another may come from a later tflbuild, or from a plugin."""
