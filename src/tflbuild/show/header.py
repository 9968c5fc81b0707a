"""The header of a build: what, where, how many steps to run, and about how long."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.show.durations import about

RECIPE = "recipe="


def first_line(words: Sequence[str]) -> str:
    """Give the line that is there at once, before anything is read: the recipe; "" where none is named.

    >>> first_line(["recipe=int8", "seed=1"]), first_line(["seed=1"])
    ('recipe   int8', '')
    """
    named = [word.removeprefix(RECIPE) for word in words if word.startswith(RECIPE)]
    return f"recipe   {plain(named[-1])}" if named else ""


def place_lines(started: Mapping[str, Any]) -> list[str]:
    """Say where a build writes: its run folder and its log file."""
    folder = min(os.path.relpath(started["folder"]), str(started["folder"]), key=len)
    return [f"folder   {plain(folder, 1000)}", f"log      {plain(os.path.join(folder, 'log.txt'), 1000)}"]


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """Say which steps will run, and about how long all of it takes; nothing of the time where nobody knows.

    Where all steps are in the store, what was measured most likely is, too: what an earlier delivery took says nothing.

    >>> plan_lines({"steps": [{"label": "train", "status": "HIT"}, {"label": "prune", "status": "RUN"}]})
    ['steps    1 of 2 to run: prune']
    """
    labels = [plain(step["label"]) for step in plan["steps"] if step["status"] != "HIT"]
    total = len(plan["steps"])
    if not total:
        return []
    steps = f"steps    {len(labels)} of {total} to run: {', '.join(labels)}"
    if not labels:
        return [f"steps    none of {total} to run: all are in the store"]
    return [steps, *_time(plan)]


def _time(plan: Mapping[str, Any]) -> list[str]:
    expected = [step.get("about_seconds") for step in plan["steps"]]
    known = [seconds for seconds in (*expected, plan.get("about_delivery_seconds")) if seconds is not None]
    if len(known) < len(expected) + 1:
        return []
    return [f"time     {about(sum(known))}"]
