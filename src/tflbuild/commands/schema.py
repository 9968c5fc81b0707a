"""`tflbuild schema`: the JSON Schemas of what tflbuild writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tflbuild import plugins
from tflbuild.commands.words import say
from tflbuild.core import samples
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.form import Form, fields, list_of
from tflbuild.core.form_choice import by_value
from tflbuild.core.json_schema import document
from tflbuild.core.plain_text import plain
from tflbuild.engine import diagnosis_form, event_form, report, report_form
from tflbuild.show import check_form, prediction_form, replayed

DOCUMENTS: Mapping[str, tuple[str, str, Form]] = {
    "report": (report.SCHEMA, "report.json of a run", report_form.REPORT),
    "event": (event_form.SCHEMA, "a line of events.jsonl of a run", event_form.EVENT),
    "diagnosis": (
        diagnosis_form.DIAGNOSIS_SCHEMA,
        "diagnosis.json of `tflbuild diagnose`",
        diagnosis_form.DIAGNOSIS,
    ),
    "drift": (diagnosis_form.DRIFT_SCHEMA, "drift.json of `tflbuild drift`", diagnosis_form.DRIFT),
    "lint": (diagnosis_form.LINT_SCHEMA, "what `tflbuild lint --json` prints", diagnosis_form.LINT),
    "check": (check_form.SCHEMA, "what `tflbuild check --json` prints", check_form.CHECK),
    "samples": (samples.SCHEMA, f"{samples.INDEX} beside a delivered file", samples.FORM),
    "replay": (replayed.SCHEMA, "what `tflbuild verify --on DEVICE --json` prints", replayed.REPLAY),
    "predictions": (
        prediction_form.SCHEMA,
        "what `tflbuild predict --json` prints",
        prediction_form.PREDICTIONS,
    ),
}
"""Name, title and form of each document, by the word for it."""

ANALYSIS = "analyses."
"""Begins the word for the findings of an analysis."""


@command("schema", "the JSON Schema of a file that tflbuild writes", usage="[NAME]")
def schema(words: list[str]) -> int:
    """Print a JSON Schema (draft 2020-12), or list what there are schemas of.

    Raises:
        RecipeError: there is none of that name.
    """
    plugins.load(plugins.default_folder())
    names = names_of_all()
    if not words:
        width = max(map(len, names))
        for name, title in names.items():
            say(f"{name:<{width}}  {title}")
        return 0
    if len(words) > 1:
        raise RecipeError("usage: tflbuild schema [NAME]")
    say(json.dumps(schema_of(words[0]), indent=1))
    return 0


def names_of_all() -> dict[str, str]:
    """Give the title of each schema by its name."""
    titles = {name: title for name, (_, title, _) in DOCUMENTS.items()}
    return titles | {f"{ANALYSIS}{name}": _title(name) for name in sorted(ANALYSES)}


def schema_of(name: str) -> dict[str, Any]:
    """Give a JSON Schema by its name; that of a document knows the findings of every declared analysis.

    Raises:
        RecipeError: there is none of that name.
    """
    names = names_of_all()
    if name not in names:
        raise RecipeError(
            f"schema: there is none of '{plain(name)}'; there are {', '.join(names)}.{did_you_mean(name, names)}"
        )
    if name in DOCUMENTS:
        linted = {"finding": ANALYSES.get("calibration").form} if name == "lint" else {}
        return document(*DOCUMENTS[name], {"analysis": _entries(), **linted})
    found = name.removeprefix(ANALYSIS)
    return document(f"tflbuild.findings.{found}/1", _title(found), list_of(ANALYSES.get(found).form))


def _title(analysis: str) -> str:
    return f"findings of the analysis '{analysis}'"


def _entries() -> Form:
    """Give the form of an entry of `analyses`, whose findings have the form that their analysis declares."""
    forms = {name: fields({"findings": list_of(cls.form)}) for name, cls in ANALYSES.items()}
    return by_value("name", forms, report_form.FOUND)
