"""`tflbuild lint`: whether the samples that a recipe calibrates on are fit for it, before or after it is built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.commands.bisect import without_gates
from tflbuild.commands.compare_files import RECIPE, is_model_file, quoted
from tflbuild.commands.of_run import recipe_of
from tflbuild.commands.words import say, warn
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.artifact import Artifact
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.analyses import models_of
from tflbuild.engine.diagnosis_form import LINT_SCHEMA
from tflbuild.engine.leaks import in_test
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.order import main_line
from tflbuild.engine.plan import plan
from tflbuild.recipe.kept import take_words
from tflbuild.recipe.load import load_recipe
from tflbuild.show.findings.analyses import lines_of_analysis
from tflbuild.wiring import NAMES

USAGE = "usage: tflbuild lint recipe=NAME [KEY=VALUE ...] [--json], lint RUN, or lint FILE data.root=FOLDER"
ANALYSIS = "calibration"
WRONG = 2
"""Exit code where samples must not be used."""


@command(
    "lint", "check calibration samples and data before a build", usage="RECIPE_RUN_OR_FILE", prints=False
)
def lint(words: list[str]) -> int:
    """Plan, look at the calibration samples and at what they reach, and say what is wrong.

    Nothing is quantized and nothing is trained. Ends with exit code 2 where a sample of val or test, or of another
    dtype, is calibrated on; with 0 otherwise.

    Raises:
        RecipeError: a word is missing or wrong.
    """
    rest = [word for word in words if word != "--json"]
    if not rest or rest[0].startswith("-"):
        raise RecipeError(USAGE)
    recipe, whole = _recipe(rest)
    worker = session.worker_for(recipe)
    try:
        with opened(recipe, worker, warn=lambda text: warn([text])) as store:
            findings, entry = _looked(store, whole=whole)
    finally:
        worker.stop()
    wrong = [finding for finding in findings if finding.get("level")]
    errors = [finding for finding in wrong if finding["level"] == "error"]
    if "--json" in words:
        made = {"schema": LINT_SCHEMA, "command": ["lint", *words], "ok": not errors, "findings": findings}
        say(json.dumps(made, indent=1))
    else:
        for line in lines_of_analysis(entry):
            say(line)
    return WRONG if errors else 0


def _recipe(words: Sequence[str]) -> tuple[Recipe, bool]:
    """Read the recipe, and say whether all of its steps are wanted: of a run, or of a file, which is looked at itself.

    Raises:
        RecipeError: it is neither a recipe, nor a run, nor a file.
    """
    first = words[0]
    if is_model_file(first):
        return load_recipe([f"recipe={RECIPE}", f"model.path={quoted(first)}", *words[1:]]), True
    if "=" in first and not Path(first).exists():
        return without_gates(load_recipe(list(words))), False
    return _of_run(list(words)), True


def _of_run(words: list[str]) -> Recipe:
    """Give the recipe of a run, with everything that was said to it."""
    asked, rest = take_words(words)
    run = Path(rest[0]) if len(rest) == 1 else Path()
    file = run / "report.json" if run.is_dir() else run
    if len(rest) != 1 or not file.is_file():
        raise RecipeError(
            f"lint: {plain(run)} is neither a model file nor a run: it has no report.json. {USAGE}"
        )
    recipe, _ = recipe_of(file, asked, lambda text: say(f"note: {text}"))
    return without_gates(recipe)


def _looked(store: Opened, *, whole: bool) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    recipe = store.prepared.recipe
    order = main_line(recipe, store.prepared.order)
    steps = {label: recipe.steps[label].options for label in order}
    analysis: Any = ANALYSES.get(ANALYSIS).of_steps(steps)
    entry = store.analyst.entry(ANALYSIS, analysis, _models(store, "" if whole else analysis.step))
    findings = list(entry["findings"])
    leaked = in_test(store.prepared, analysis.calibration.source, NAMES)
    if leaked:
        findings.append(_leak(leaked, analysis.calibration.source))
    return findings, {**entry, "findings": findings}


def _models(store: Opened, upto: str) -> Mapping[str, Artifact]:
    """Run the steps before one, or all; gives the models by name.

    Raises:
        RecipeError: one of them trains, and has not run.
    """
    prepared, runner = store.prepared, store.runner
    main = main_line(prepared.recipe, prepared.order)
    order = main[: main.index(upto)] if upto else main
    for planned in plan(prepared.recipe, prepared.keys, prepared.store).steps:
        if planned.step.label in order and planned.status != "HIT" and hasattr(planned.step.options, "steps"):
            raise RecipeError(
                f"lint: '{planned.step.label}' has not run, and lint does not train; build the recipe first, "
                f"then run lint on that run."
            )
    runner.run(order)
    outputs = runner.outputs
    return models_of(outputs, next(iter(outputs.values())) if outputs else None)


def _leak(keys: Sequence[str], source: str) -> dict[str, Any]:
    return {
        "named": "calibration.overlap",
        "level": "error",
        "text": f"{len(keys)} sample{'s' if len(keys) != 1 else ''} of {source} {'are' if len(keys) != 1 else 'is'} in "
        f"test as well (same content): {plain(keys[0], 200)}",
        "cures": [],
        "figures": {"samples": len(keys), "keys": list(keys[:20])},
    }
