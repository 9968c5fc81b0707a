"""Lines on a build and its steps that the live table and plain lines share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tflbuild.core.label_list import shown
from tflbuild.core.metric import headline
from tflbuild.core.plain_text import plain
from tflbuild.show.findings import recognised
from tflbuild.show.findings.notes import lines_of

MARKS = {
    "cached": "cached",
    "ran": "done",
    "skipped": "skipped",
    "replaced": "replaced",
    "failed": "failed",
    "interrupted": "interrupted",
}


LOADED = "model loaded"
"""Mark of a step that would train, where the user's own model takes the place of what it would give."""


def started(plan: Mapping[str, Any]) -> list[str]:
    """Say what is built, of which classes, and what was recognised in the user's file."""
    subject = [f"building {plain(plan['subject'], 500)}"] if plan.get("subject") else []
    noun = plain(plan.get("label_noun", "classes"))
    classes = [f"{noun}: {shown(plan['classes'])}"] if plan.get("classes") else []
    return [*subject, *classes, *recognised.lines(plan.get("recognised", []))]


def mark_of(step: Mapping[str, Any]) -> str:
    """Say in a word or two what became of a step; one that would train and was given a model has loaded it."""
    if step["outcome"] == "skipped" and step.get("input", "") is None and step.get("output"):
        return LOADED
    return MARKS.get(step["outcome"], plain(step["outcome"]))


def primary_metric(metrics: Mapping[str, Any]) -> str:
    """Say the task's metric with its interval, in short."""
    name = headline([name for name, found in metrics.items() if found["value"] is not None])
    if not name:
        return ""
    found = metrics[name]
    interval = "" if found.get("low") is None else f" [{found['low']:.3f}, {found['high']:.3f}]"
    return f"{name} {found['value']:.3f}{interval}"


def findings_of(step: Mapping[str, Any], said: Collection[str] = ()) -> list[str]:
    """Give the findings of a pass that were not said yet; none where it made them in an earlier build."""
    if step.get("cached"):
        return []
    return recognised.untold(lines_of(step.get("notes", {})), said)
