"""The forms of diagnosis.json, of drift.json and of what `tflbuild lint --json` prints."""

from __future__ import annotations

from tflbuild.core.cause import FINDING, TOLD
from tflbuild.core.form import FLAG, TEXT, fields, list_of, mapping_of, one_of
from tflbuild.engine.report_form import ENTRY

DIAGNOSIS_SCHEMA, DRIFT_SCHEMA, LINT_SCHEMA = "tflbuild.diagnosis/1", "tflbuild.drift/1", "tflbuild.lint/1"

_SUBJECT = {"subject": mapping_of(TEXT), "command": list_of(TEXT)}

_FOUND = {"causes": list_of(TOLD), "analyses": list_of(ENTRY)}

DIAGNOSIS = fields({"schema": one_of(DIAGNOSIS_SCHEMA), **_SUBJECT, **_FOUND})

DRIFT = fields({"schema": one_of(DRIFT_SCHEMA), **_SUBJECT, "verdict": TEXT, **_FOUND})

LINT = fields(
    {"schema": one_of(LINT_SCHEMA), "command": list_of(TEXT), "ok": FLAG, "findings": list_of(FINDING)}
)
