"""A diagnosis, or a look at samples from the field, as one page of HTML that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tflbuild.core.change import signed, unsigned
from tflbuild.core.plain_text import plain
from tflbuild.show.findings.analyses import exhibits_of_analyses
from tflbuild.show.pages.beside import gist_of
from tflbuild.show.pages.page import environment
from tflbuild.show.pages.scripts import COPY, scripts

LONGEST = 2000
"""Letters of a text."""


def render(diagnosis: Mapping[str, Any], title: str = "Diagnosis") -> str:
    """Write the page of diagnosis.json (schema `tflbuild.diagnosis/1`), or of drift.json (`tflbuild.drift/1`).

    Args:
        diagnosis: what it holds.
        title: of the page.
    """
    subject = ", ".join(str(path) for path in diagnosis["subject"].values())
    return (
        environment()
        .get_template("diagnosis.html.j2")
        .render(
            title=title,
            subject=plain(subject, LONGEST),
            verdict=gist_of(diagnosis) or "Nothing was found.",
            command=plain(shlex.join(["tflbuild", *diagnosis["command"]]), LONGEST),
            causes=[_cause(cause) for cause in diagnosis["causes"]],
            exhibits=exhibits_of_analyses(diagnosis["analyses"]),
            scripts=scripts(COPY),
        )
    )


def _cause(cause: Mapping[str, Any]) -> dict[str, Any]:
    text = str(cause["text"])
    return {
        "name": cause["name"],
        "text": f"{text[:1].upper()}{text[1:]}",
        "lost": f"cost {unsigned(cause['cost'], *_ends(cause))}; " if cause.get("cost") is not None else "",
        "stage": cause["stage"],
        "found_by": cause["found_by"],
        "cures": [
            {
                "text": cure["text"],
                "override": cure.get("override", ""),
                "gain": "" if cure.get("gain") is None else signed(cure["gain"]),
                "tried": _tried(cure.get("tried") or {}),
            }
            for cure in cause["cures"]
        ],
    }


def _tried(found: Mapping[str, Any]) -> str:
    if "failed" in found:
        return str(found["failed"])
    return "" if found.get("gain") is None else signed(found["gain"], *_ends(found))


def _ends(found: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return found.get("low"), found.get("high")
