"""The form of `reproduce.yaml`, and the one function that reads it: a bundle may be somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.core.errors import RecipeError
from tflbuild.core.form import (
    ABSOLUTE,
    DIGEST,
    MAPPING,
    NUMBER,
    TEXT,
    Malformed,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    one_of,
    optional,
    whole,
)
from tflbuild.core.plain_text import plain
from tflbuild.core.result_form import MODEL
from tflbuild.engine import yaml_file
from tflbuild.engine.report_form import SHOWN

SCHEMA = "tflbuild.reproduce/1"
NAME = "reproduce.yaml"

GIVEN = fields(MODEL | {"path": ABSOLUTE})
BUNDLE = fields(
    {
        "schema": one_of(SCHEMA),
        "error": TEXT,
        "pass": fields({"label": TEXT, "name": TEXT, "options": MAPPING}),
        "action": DIGEST,
        "input": maybe(GIVEN),
        "models": mapping_of(GIVEN),
        "held": list_of(
            fields({"metric": TEXT, "since": optional(TEXT), "baseline": maybe(GIVEN)}, others=NUMBER)
        ),
        "base": optional(maybe(GIVEN)),
        "environment": fields(
            {
                "python": TEXT,
                "cpu": TEXT,
                "device": TEXT,
                "threads": whole(),
                "toolchain": mapping_of(maybe(TEXT)),
            }
        ),
        "recipe": fields({"resolved": SHOWN, "overrides": list_of(TEXT), "plugins": maybe(TEXT)}),
    }
)
"""A bundle, as far as it is read again."""


def read_bundle(path: Path) -> dict[str, Any]:
    """Read a bundle, all of it held to its form.

    Args:
        path: the file, or the run folder it lies in.

    Raises:
        RecipeError: it is missing or is no bundle.
    """
    file = path / NAME if path.is_dir() else path
    try:
        content = yaml_file.read_mapping(file)
    except OSError as error:
        raise RecipeError(
            f"{plain(file)} cannot be read: {error.strerror or error}; only a run with a failed pass has one."
        ) from error
    except ValueError as error:
        raise RecipeError(f"{plain(file)} cannot be read: {error}.") from error
    if content.get("schema") != SCHEMA:
        raise RecipeError(f"{plain(file)} is not a bundle: its schema is not {SCHEMA}.")
    try:
        check(content, BUNDLE)
    except Malformed as error:
        raise RecipeError(f"{plain(file)} is not a bundle: {error}.") from error
    return content
