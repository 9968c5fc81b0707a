"""`tflbuild schema`: the JSON Schemas of what is written, in the words of a user."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from conforming import problems
from tflbuild.cli import main
from tflbuild.commands.schema import schema_of
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.cause import FINDING

DOCUMENTS = ["report", "event", "diagnosis", "drift", "lint", "check", "samples", "replay", "predictions"]
"""In the order in which they are listed, by hand."""


def test_a_list_names_every_document_and_every_analysis(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed[:9] == DOCUMENTS
    assert listed[9:] == sorted(listed[9:])
    assert {f"analyses.{name}" for name in ANALYSES} <= set(listed[9:])


@pytest.mark.parametrize("name", [*DOCUMENTS, "analyses.ladder"])
def test_what_is_printed_is_a_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    printed = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(printed)
    assert printed == schema_of(name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reprot"], "schema: there is none of 'reprot'; there are report, event, "),
        (["analyses.laddr"], "Did you mean 'analyses.ladder'?"),
        (["report", "event"], "usage: tflbuild schema [NAME]"),
    ],
)
def test_a_wrong_name_is_one_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", *words]) == 2
    assert message in capsys.readouterr().err


def test_every_analysis_of_ours_declares_the_form_of_its_findings() -> None:
    open_ones = [
        name
        for name, cls in ANALYSES.items()
        if cls.form is FINDING and cls.__module__.startswith("tflbuild.")
    ]
    assert open_ones == [], "declare `form`, see analyses/attribution/form.py"


def test_a_report_s_findings_have_the_form_that_their_analysis_declares() -> None:
    cost = {"value": 0.1, "low": 0.05, "high": 0.15, "n": 100}
    cause = {"cause": "weights", "stage": "weights", "text": "...", "cost": cost, "cures": []}
    entry = {"name": "ladder", "key": "0" * 64, "findings": [cause]}
    drift = {"schema": "tflbuild.drift/1", "subject": {}, "command": [], "verdict": "fine", "causes": []}
    assert problems("drift", {**drift, "analyses": [entry]}) == []
    assert problems("drift", {**drift, "analyses": [{**entry, "findings": [{**cause, "cures": [{}]}]}]})
    later = {"name": "of a plugin", "key": "0" * 64, "findings": [{"text": "", "more": 1}]}
    assert problems("drift", {**drift, "analyses": [later]}) == []


def test_lint_s_findings_are_those_of_calibration() -> None:
    made = {"schema": "tflbuild.lint/1", "command": ["lint"], "ok": True}
    assert problems("lint", {**made, "findings": [{"summary": "fine", "figures": {}}]}) == []
    assert problems("lint", {**made, "findings": [{"text": "neither a summary nor a fault"}]})
