"""Two model files on the same samples, for `tflbuild compare`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.commands.words import warn
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import BudgetExceeded, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric, primary_metrics
from tflbuild.core.model_format import FORMATS
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.core.task import TASKS
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.gate import judge_against
from tflbuild.engine.measure import Measurer
from tflbuild.engine.opened import opened
from tflbuild.recipe.load import load_recipe
from tflbuild.show.file_comparison import FileComparison, Row

RECIPE = "_model_file"
FIDELITY = "fidelity"


def is_model_file(word: str) -> bool:
    """Say whether a word names a model file rather than a run: it is there, or is called like one."""
    path = Path(word)
    if path.is_file():
        return path.suffix != ".json"
    if not path.suffix or "=" in word or path.is_dir():
        return False
    return any(path.suffix in declared.suffixes for _, declared in FORMATS.items())


def compare_files(files: list[str], overrides: list[str]) -> FileComparison:
    """Measure two files on the same samples, paired.

    Args:
        files: two model files.
        overrides: the data, and what else a recipe says; limits under `budget` are judged on the second file.

    Raises:
        RecipeError: a file or the data cannot be used.
    """
    if len(files) != 2:
        raise RecipeError(f"compare: expected two model files, not {len(files)}.")
    recipes = [_recipe(file, overrides) for file in files]
    worker = session.worker_for(recipes[0])
    try:
        with ExitStack() as stack:
            stores = [
                stack.enter_context(opened(recipe, worker, warn=lambda text: warn([text])))
                for recipe in recipes
            ]
            models = [store.runner.run(("load",)) for store in stores]
            _check_alike(files, models)
            measurer = stores[0].measurer
            measurer.base = models[0]
            return _compared(files, stores[0].prepared.recipe, measurer, models[0], models[1], recipes)
    finally:
        worker.stop()


def refuse_over_budget(made: FileComparison) -> None:
    """End with exit code 5 where a limit is exceeded."""
    over = [verdict.text for verdict in made.verdicts if not verdict.ok]
    if over:
        raise BudgetExceeded(f"budget: {'; '.join(over)}")


def _check_alike(files: list[str], models: list[Artifact]) -> None:
    """Refuse files whose outputs are of different tasks.

    Raises:
        RecipeError: it says what each was taken for.
    """
    tasks = [Meaning.of(model).task for model in models]
    if tasks[0] != tasks[1]:
        kinds = [f"for {task}" if TASKS.get(task).labelled else "of an unknown kind" for task in tasks]
        said = " and those of ".join(
            f"'{plain(file)}' are {kind}" for file, kind in zip(files, kinds, strict=True)
        )
        raise RecipeError(f"compare: the outputs of {said}; only outputs of the same kind can be compared.")


def _recipe(file: str, overrides: list[str]) -> Recipe:
    return load_recipe([f"recipe={RECIPE}", f"model.path={quoted(file)}", *overrides])


def quoted(file: str) -> str:
    """Write a path as an override takes it."""
    return "'" + file.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _compared(
    files: list[str],
    recipe: Recipe,
    measurer: Measurer,
    before: Artifact,
    after: Artifact,
    recipes: list[Recipe],
) -> FileComparison:
    limited = [limit.metric for limit in recipe.limits]
    names = list(dict.fromkeys([*primary_metrics(recipe.data.task), FIDELITY, *limited]))
    accuracy = [name for name in names if issubclass(METRICS.get(name), AccuracyMetric)]
    first, second = (measurer.accuracy(model, accuracy, FINAL_SPLIT) for model in (before, after))
    rows = {
        name: Row(
            before=first.get(name),
            after=second.get(name),
            difference=measurer.compare(name, before, after, FINAL_SPLIT),
        )
        for name in accuracy
    }
    facts = [name for name, cls in METRICS.items() if issubclass(cls, FileMetric)]
    one, two = (measurer.file_metrics(model, facts) for model in (before, after))
    rows |= {
        name: Row(before=one.get(name), after=two.get(name)) for name in facts if name in one or name in two
    }
    verdicts = tuple(
        judge_against(
            measurer,
            limit,
            second.get(limit.metric) or two.get(limit.metric),
            after,
            before,
            FINAL_SPLIT,
            strict=recipe.strict,
        )
        for limit in recipe.limits
    )
    return FileComparison(
        files=(files[0], files[1]),
        split=FINAL_SPLIT,
        samples=max((row.after.n for row in rows.values() if row.after), default=0),
        rows=rows,
        operators=_differing(before, after),
        verdicts=verdicts,
        recognised=tuple(each.seen for each in recipes),
    )


def _differing(before: Artifact, after: Artifact) -> dict[str, tuple[int, int]]:
    """Count the operators of two `.tflite` files, where the counts differ."""
    counts: list[Mapping[str, Any]] = [
        model.meta.get("census", {}).get("operators", {}) for model in (before, after)
    ]
    if not all(counts):
        return {}
    names = sorted({*counts[0], *counts[1]})
    pairs = {name: (counts[0].get(name, 0), counts[1].get(name, 0)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
