"""Hold what tflbuild wrote to the JSON Schema that it gives for it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tflbuild.commands.schema import schema_of


@functools.cache
def validator(name: str) -> Draft202012Validator:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def problems(name: str, value: Any) -> list[str]:
    """Say in what a value does not fit a schema: where, and why."""
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(name).iter_errors(value)]


def conforms(name: str, value: Any) -> Any:
    """Give a value that fits its schema, as jsonschema has it."""
    assert problems(name, value) == []
    return value


def run_conforms(folder: Path) -> None:
    """Hold the report and the events of a run to their schemas."""
    conforms("report", json.loads((folder / "report.json").read_text(encoding="utf-8")))
    for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        conforms("event", json.loads(line))
