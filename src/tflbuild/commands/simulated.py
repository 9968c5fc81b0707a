"""Measure the metric of a file on a device that computes in float16, for `tflbuild check --simulate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.analyses.float16 import Float16
from tflbuild.commands.compare_files import RECIPE, quoted
from tflbuild.commands.words import warn
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.opened import Opened, opened
from tflbuild.recipe.load import load_recipe

OWN = ("target", "budget")
"""First words of the keys that are the check's own, and no part of the recipe on the data."""


def simulate(file: Path, targets: Mapping[str, Target], words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Measure a file as devices compute it that work in float16.

    Args:
        file: a `.tflite`.
        targets: devices by name; those that do not compute in float16 are left out.
        words: overrides, those of the data among them.

    Returns:
        By device, a finding of the analysis `float16` and its `cures`.

    Raises:
        RecipeError: no device computes in float16, or the data cannot be used.
        PassError: the file cannot be run.
    """
    computing = {name: one for name, one in targets.items() if one.in_float16() != "nothing"}
    if not computing:
        known = [name for name, declared in TARGETS.items() if declared.float16 != "nothing"]
        raise RecipeError(
            f"check: --simulate: {', '.join(map(plain, targets))} does not compute in float16; {', '.join(known)} do."
        )
    own = [word for word in words if word.partition("=")[0].partition(".")[0] not in OWN]
    recipe = load_recipe([f"recipe={RECIPE}", f"model.path={quoted(str(file))}", *own])
    worker = session.worker_for(recipe)
    try:
        with opened(recipe, worker, warn=lambda text: warn([text])) as store:
            model = store.runner.run(("load",))
            store.measurer.base = model
            return {name: _finding(store, model, name, target) for name, target in computing.items()}
    finally:
        worker.stop()


def _finding(store: Opened, model: Artifact, name: str, target: Target) -> dict[str, Any]:
    placed = target.place(model.path)
    on = tuple(one["index"] for one in placed["operators"] if one["on"]) if placed else ()
    if placed and not on:
        return {
            "text": f"nothing runs on {plain(placed['title'])}, so there is nothing to simulate",
            "cures": [],
        }
    options: dict[str, Any] = {"operators": on, "integers": target.in_float16() == "everything"}
    entry = store.analyst.entry(f"{name}.float16", Float16(**options), {"model": model})
    found = dict(entry["findings"][0])
    return {**found, "cures": list(_cures(name, target, found))}


def _cures(name: str, target: Target, found: Mapping[str, Any]) -> Iterator[str]:
    """Say what helps where numbers overflow."""
    if not found["overflow"] and not found["constants"]:
        return
    if target.float32:
        yield f"target.{name}.{target.float32}, which the app has to ask for, too"
    if target.in_float16() == "floats":
        yield "quantize.scheme=int8, where the device takes integers"
    if found["overflow"]:
        layer = plain(found["overflow"]["layer"])
        yield f"scale down what the layer '{layer}' reads, or its weights, and up again what reads it"


def lines_of(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say it in lines for a terminal."""
    for name, finding in found.items():
        said = Float16().lines([finding]) if "values" in finding else [finding["text"]]
        yield from (f"{plain(name)}, simulated: {plain(line, 600)}" for line in said)
        yield from (f"    cure: {plain(cure, 300)}" for cure in finding["cures"])
