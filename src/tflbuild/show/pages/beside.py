"""Pages that commands have put into the folder of a run since it was built, with the gist of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.plain_text import plain
from tflbuild.show.findings.analyses import lines_of_analysis

LONGEST = 400
"""Letters of a sentence."""

SHOWN = 3
"""Causes that are named, and cures of each."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A page that lies in the folder of a run.

    Attributes:
        title: what it is about.
        page: its path, relative to the run's.
        text: the gist.
        causes: sentences, each with cures: what to do, and the override that does it.
    """

    title: str
    page: str
    text: str = ""
    causes: Sequence[tuple[str, Sequence[tuple[str, str]]]] = field(default=())


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A page that a command writes; `unfounded` is its title where nothing was lost that could have a cause."""

    title: str
    page: str
    content: str
    gist: Callable[[Mapping[str, Any]], str]
    unfounded: str = ""


def gist_of(content: Mapping[str, Any]) -> str:
    """Give the sentence that stands above all others: of the ladder where there is one, else the first that is told."""
    findings = [finding for entry in content["analyses"] for finding in entry["findings"]]
    told = [finding for finding in findings if finding.get("rungs")] or findings
    texts = [str(finding["text"]) for finding in told if finding.get("text")]
    lines = [line for entry in content["analyses"] if not texts for line in lines_of_analysis(entry)]
    text = next(iter([*texts, *lines]), "")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


KINDS = (
    _Kind(
        title="Why it lost accuracy",
        page="diagnosis/diagnosis.html",
        content="diagnosis/diagnosis.json",
        gist=gist_of,
        unfounded="Accuracy, step by step",
    ),
    _Kind(
        title="What mistakes in preparing samples would cost",
        page="preprocessing/diagnosis.html",
        content="preprocessing/diagnosis.json",
        gist=gist_of,
    ),
    _Kind(title="Samples from the field", page="drift.html", content="drift.json", gist=gist_of),
)


def beside(folder: Path) -> list[Beside]:
    """Give what lies in the folder of a run; one whose content cannot be read has its link alone."""
    return [_read(folder, kind) for kind in KINDS if (folder / kind.page).is_file()]


def _read(folder: Path, kind: _Kind) -> Beside:
    title = kind.title
    try:
        content = json_text.read_mapping(folder / kind.content)
        text = plain(kind.gist(content), LONGEST)
        causes = [_cause(cause) for cause in content["causes"][:SHOWN]]
        if kind.unfounded and not causes and nothing_lost(content):
            title = kind.unfounded
    except (OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        text, causes = f"{kind.content} cannot be read", []
    return Beside(title=title, page=kind.page, text=text, causes=causes)


def nothing_lost(content: Mapping[str, Any]) -> bool:
    """Say whether a ladder was climbed, and found no step that lost accuracy and no fall beyond noise."""
    ladders = [
        finding for entry in content["analyses"] for finding in entry["findings"] if finding.get("rungs")
    ]
    return bool(ladders) and not any(
        ladder["total"]["low"] > 0 or any(rung.get("blamed") for rung in ladder["rungs"])
        for ladder in ladders
    )


def _cause(cause: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    text = plain(cause["text"], LONGEST)
    cures = [
        (plain(cure["text"], LONGEST), plain(cure.get("override") or "", LONGEST))
        for cure in cause["cures"][:SHOWN]
    ]
    return f"{text[:1].upper()}{text[1:]}.", cures
