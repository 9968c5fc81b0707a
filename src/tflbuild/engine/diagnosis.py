"""Diagnose: run every analysis that explains lost accuracy on the models of a build, and order what they found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.cause import CHANCE, Cause, causes_in, ranked
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.diagnosis_form import DIAGNOSIS_SCHEMA
from tflbuild.engine.events import Listener
from tflbuild.engine.first_look import first_look
from tflbuild.engine.opened import Opened
from tflbuild.engine.storage.store import Store, writing

NAME = "diagnosis.json"

MODELS = "models"
"""Folder for the models that were measured."""

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
"""Form of the relative path of a file that an analysis keeps."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A diagnosis.

    Attributes:
        subject: what was diagnosed: paths of the run, or of file and base.
        command: what was typed, without `tflbuild`.
        analyses: entries as report.json's `analyses` has them.
        causes: what lost accuracy, the costliest first.
    """

    subject: Mapping[str, str]
    command: Sequence[str]
    analyses: Sequence[Mapping[str, Any]]
    causes: Sequence[Cause]

    def to_json(self) -> dict[str, Any]:
        """Give the form of diagnosis.json."""
        return {
            "schema": DIAGNOSIS_SCHEMA,
            "subject": dict(self.subject),
            "command": list(self.command),
            "causes": [
                {**cause._asdict(), "cures": [cure.to_json() for cure in cause.cures]}
                for cause in self.causes
            ],
            "analyses": list(self.analyses),
        }


def diagnose(
    store: Opened,
    models: Mapping[str, Artifact],
    listed: Mapping[str, Sequence[str]],
    tell: Listener,
) -> list[dict[str, Any]]:
    """Look at the base, then run every analysis that explains; gives entries of report.json's `analyses`.

    Args:
        store: of the recipe, opened.
        models: by name, see `tflbuild.engine.analyses.models_of`.
        listed: class names in the model's order, by where they are written.
        tell: is told what happens.
    """
    store.measurer.base = models["base"]
    looked = first_look(store.measurer, models["base"], listed, tell, FINAL_SPLIT)
    recipe = store.prepared.recipe
    steps = {label: recipe.steps[label].options for label in store.prepared.order}
    explaining = {name: cls.of_steps(steps) for name, cls in ANALYSES.items() if cls.explains}
    entries = store.analyst.each(explaining, models, asked=False)
    return [*([looked] if looked else []), *entries]


def causes_of(entries: Sequence[Mapping[str, Any]]) -> list[Cause]:
    """Order the causes that analyses found; a step of the ladder that others explain speaks through them.

    A cause that several analyses name is told once, with the larger figure.

    A cause that names a step and has no figure of its own gets that of the step; one that says so (`only_if_blamed`) is
    none where the ladder does not blame that step.
    """
    steps = [one for entry in entries for one in entry.get("findings", []) if one.get("general")]
    blamed = {finding["stage"]: finding.get("cost") or {} for finding in steps}
    names = {(finding["cause"], finding["stage"]) for finding in steps}
    found = causes_in(_standing(entries, blamed))
    known = [_with_cost(cause, blamed) for cause in found if (cause.name, cause.stage) not in names]
    explained = {
        stage
        for stage, cost in blamed.items()
        if any(_explains(cause, cost) for cause in known if stage in (cause.stage, *cause.also))
    }
    general = [
        cause for cause in found if (cause.name, cause.stage) in names and cause.stage not in explained
    ]
    return ranked(_once([*known, *general]))


def _explains(cause: Cause, step: Mapping[str, Any]) -> bool:
    """Say whether a cause explains what a step cost: it does not where it is sure to cost less."""
    low = step.get("low")
    return cause.name != CHANCE and (cause.cost is None or low is None or cause.cost >= low)


def _standing(entries: Sequence[Mapping[str, Any]], blamed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give entries without findings that only explain a step which is not blamed."""

    def stands(finding: Mapping[str, Any]) -> bool:
        return not finding.get("only_if_blamed") or finding.get("stage") in blamed

    return [{**entry, "findings": [*filter(stands, entry.get("findings", []))]} for entry in entries]


def _once(causes: Sequence[Cause]) -> list[Cause]:
    """Leave out causes that are named again; a base at chance is none beside what explains it."""
    found: dict[tuple[str, str], Cause] = {}
    for cause in ranked(causes):
        found.setdefault((cause.name, cause.stage), cause)
    explained = any(cause.stage == "base" and cause.name != CHANCE for cause in causes)
    return [cause for cause in found.values() if not (explained and cause.name == CHANCE)]


def _with_cost(cause: Cause, blamed: Mapping[str, Mapping[str, Any]]) -> Cause:
    """Give a cause without a figure that of the costliest step that it explains, and that step."""
    every = (cause.stage, *cause.also)
    stages = [stage for stage in every if stage in blamed]
    if cause.cost is not None or not stages:
        return cause
    stage = max(stages, key=lambda one: float(blamed[one].get("value") or 0))
    cost = blamed[stage]
    return cause._replace(
        stage=stage,
        also=tuple(one for one in every if one != stage),
        cost=cost.get("value"),
        low=cost.get("low"),
        high=cost.get("high"),
        n=int(cost.get("n") or 0),
    )


def write(diagnosis: Diagnosis, folder: Path, store: Store) -> None:
    """Write diagnosis.json, and beside it the models that the ladder measured, each under its step's name.

    What analyses kept lies there, too, under the names that they gave it.

    Raises:
        StoreError: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).write_text(json.dumps(diagnosis.to_json(), indent=1) + "\n", encoding="utf-8")
        for number, row in enumerate(_rungs(diagnosis.analyses)):
            suffix = KINDS[row["kind"]].suffix
            (folder / MODELS).mkdir(exist_ok=True)
            name = f"{number}-{row['name'].replace(':', '_')}{suffix}"
            shutil.copyfile(store.blob(row["file"]), folder / MODELS / name)
        for name, sha256 in _kept(diagnosis.analyses):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(store.blob(sha256), path)


def _kept(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Give the files that analyses kept, by a path that lies below the folder; others are none of ours."""
    files = [pair for entry in entries for pair in (entry.get("files") or {}).items()]
    return [(name, sha256) for name, sha256 in files if FILE_NAME.fullmatch(name) and ".." not in name]


def _rungs(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for entry in entries for finding in entry["findings"] for row in finding.get("rungs", [])]
