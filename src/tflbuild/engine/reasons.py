"""Why a step has to run: how its action differs from that of the nearest run of the same recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.digest import is_digest
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.contents import changed_contents
from tflbuild.engine.explaining import difference, explained
from tflbuild.engine.keys import Keys
from tflbuild.engine.storage.store import Store

LOOKED_AT = 12
"""Runs of a recipe that are looked at, the latest first."""

RUNS = ("*/report.json", "sweep-*/*/report.json")
"""Places of reports in the folder of a recipe: of its runs, and of the jobs of its sweeps."""

FAR = 2
"""Differences up to which a run of another recipe is worth comparing with."""

SHOWN = 4
"""Differences that a reason names."""

Change = tuple[tuple[str, ...], Any, Any]

OF_DATA = ("data", "reader", "augment", "meaning", "nouns")
"""Fields of an action that another data set changes whatever else is said."""


@dataclass(frozen=True)
class EarlierRun:
    """A run of the recipe.

    Attributes:
        actions: of its steps, by label.
        data: what it was built on: the type of the data, and where they lie.
        model: the type of the model.
        resolved: its recipe.
    """

    actions: Mapping[str, str]
    data: tuple[str, str]
    model: str
    resolved: Mapping[str, Any]


def reason(step: Step, preimage: Mapping[str, Any], keys: Keys, store: Store) -> str:
    """Say in which fields an action differs from the nearest earlier one, and what that one took.

    The nearest is looked for among the runs of this recipe, and only where none has the step among all that the store
    holds of the same pass.
    """
    name = type(step.options).name
    own = [
        (run, relative)
        for run in _runs(keys.recipe)
        for relative in store.actions([run.actions[step.label]] if step.label in run.actions else [])
        if relative.preimage.get("pass") == name
    ]
    others = [] if own else [(None, relative) for relative in store.relatives(name)]
    if not own and not others:
        return "never run before"
    run, nearest = min(own or others, key=lambda pair: len(difference(pair[1].preimage, preimage)))
    changes = difference(nearest.preimage, preimage)
    said = [] if run is None else _replaced(run, keys.recipe)
    if run is not None:
        changes = [change for change in changes if not _follows(change, step, run, keys.recipe)]
        changes = _without_resolved(changes, step, run, keys.recipe)

    def contents(source: str, before: str) -> str:
        return changed_contents(store.root, before, keys.listing(source))

    said = list(
        dict.fromkeys([*said, *(explained(step.label, name, change, contents) for change in changes)])
    )
    if run is None and len(said) > FAR:
        return f"never run before in this recipe; '{name}' took {nearest.seconds:.1f} s in another"
    shown = ", ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")
    return f"{shown or 'its stored result is gone'}; took {nearest.seconds:.1f} s last time"


def _replaced(run: EarlierRun, recipe: Recipe) -> list[str]:
    """Say which other data, and which other model, the recipe is built on now."""
    said = []
    (kind, root), (kind_now, root_now) = run.data, _data_of(recipe)
    if kind != kind_now:
        said.append(f"data: {plain(kind)} -> {plain(kind_now)}")
    elif root != root_now:
        said.append(f"data.root: {plain(root)} -> {plain(root_now)}")
    if run.model != type(recipe.model).name:
        said.append(f"model: {plain(run.model)} -> {plain(type(recipe.model).name)}")
    return said


def _follows(change: Change, step: Step, run: EarlierRun, recipe: Recipe) -> bool:
    """Say whether a difference follows from other data or another model, so that naming it would tell nothing."""
    (first, *rest), _, _ = change
    other_data, other_model = run.data != _data_of(recipe), run.model != type(recipe.model).name
    if first in OF_DATA and other_data:
        by_recipe = first == "reader" and rest[:1] == ["preprocess"] and _said(("data", *rest), run, recipe)
        return not by_recipe
    if first == "model" and rest[:1] == ["code"]:
        return other_model
    if first == "model":
        return other_model or (
            other_data and not _said(("model", *rest[rest[:1] == ["options"] :]), run, recipe)
        )
    if first == "options":
        return (other_data or other_model) and not _said((step.label, *rest), run, recipe)
    return bool(first == "toolchain" and (other_data or other_model) and None in change[1:])


def _without_resolved(changes: list[Change], step: Step, run: EarlierRun, recipe: Recipe) -> list[Change]:
    """Leave out options that only follow from others of the step, where the recipe says one of these otherwise."""
    said = [
        path for path, _, _ in changes if path[0] == "options" and _said((step.label, *path[1:]), run, recipe)
    ]
    return [change for change in changes if not said or change[0][0] != "options" or change[0] in said]


def _said(path: tuple[str, ...], run: EarlierRun, recipe: Recipe) -> bool:
    """Say whether the recipes themselves say different things of an option, so that it did not just follow."""
    return bool(_at(run.resolved, path) != _at(recipe.mapping, path))


def _at(mapping: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        mapping = mapping.get(key) if isinstance(mapping, Mapping) else None
    return mapping


def _data_of(recipe: Recipe) -> tuple[str, str]:
    return type(recipe.data).name, str(to_json(recipe.data).get("root") or "")


def _runs(recipe: Recipe) -> Iterator[EarlierRun]:
    """Give the latest runs of a recipe, the newest first; a report that is none is passed over."""
    folder = recipe.outputs / recipe.name
    reports = [path for form in RUNS for path in folder.glob(form) if path.parent.name != "latest"]
    dated = sorted(((_changed(path), path) for path in reports), reverse=True)
    for changed, path in dated[:LOOKED_AT]:
        found = _read(path, changed)
        if found is not None:
            yield found


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # it is being removed
        return 0


@lru_cache(maxsize=2 * LOOKED_AT)
def _read(path: Path, changed: int) -> EarlierRun | None:
    """Read what a report says of its run; None where it is none, as it may be anybody's."""
    try:
        report = json_text.read_mapping(path)
        data, model = report["data"], report["model"]
        return EarlierRun(
            actions={step["label"]: step["action"] for step in report["passes"] if is_digest(step["action"])},
            data=(str(data["type"]), str(data.get("root") or "")),
            model=str(model["type"]),
            resolved=dict(report["resolved"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
