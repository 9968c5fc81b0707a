"""From a composed mapping to a typed `Recipe`: the only place where a recipe is validated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core.budget import entries_of
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import PluginError, RecipeError, did_you_mean
from tflbuild.core.form import is_inside, is_name
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, RunOptions, WorkerOptions
from tflbuild.recipe import choices, compose, preprocessing
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.branches import branched
from tflbuild.recipe.composition_errors import NoSuchChoice
from tflbuild.recipe.deliveries import with_deliveries
from tflbuild.recipe.keys import ChoiceKeys, RootOptions
from tflbuild.recipe.own_model import start_from_file
from tflbuild.recipe.steps import limits_at, settle_alternatives, step_of
from tflbuild.recipe.subject import Subject
from tflbuild.recipe.text import read_text
from tflbuild.recipe.validation import typed

LISTS = ("pipeline", "seeds", "objective")
"""Keys of lists: a single value stands for a list of it, as in `objective=map`."""


INSTEAD = (
    ("hydra.run.dir.", "outputs=DIR"),
    ("hydra.sweep.dir.", "outputs=DIR"),
    ("hydra.searchpath.", "--config-dir DIR"),
    ("hydra.verbose.", "--verbose"),
)
"""Settings of Hydra that have no effect here, and what has the effect that they have there."""


def _is_one(value: Any) -> bool:
    """Say whether a value is a single one where a list is meant."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def load_recipe(overrides: Iterable[str]) -> Recipe:
    """Compose and validate a recipe.

    Args:
        overrides: what the user typed, `recipe=NAME` included.

    Raises:
        RecipeError: anything that is wrong with it, by its key.
        PluginError: it needs a plugin that cannot be loaded.
    """
    typed = list(overrides)
    for item in typed:
        key = item.lstrip("+~").partition("=")[0]
        if key.startswith(("hydra.", "hydra/")):
            cure = next((ours for theirs, ours in INSTEAD if f"{key}.".startswith(theirs)), "")
            other = f"write {cure} instead" if cure else "add -m, or remove it"
            raise RecipeError(
                f"{item}: of Hydra's own settings a sweep reads its launcher and sweeper; {other}."
            )
    with recipe_files.by_path(typed) as words:
        return _loaded(words, typed)


def _loaded(words: list[str], typed: list[str]) -> Recipe:
    """Compose and validate a recipe that has a name.

    Args:
        words: what composes it.
        typed: what the user typed.
    """
    folder = plugins.default_folder()
    loaded = plugins.load(folder)
    try:
        found = compose.composed(words)
    except NoSuchChoice as error:
        plugins.require(error.name, loaded, error.noun)
        raise
    mapping = found.mapping
    if mapping.get("locked") is True:
        mapping["locked"] = str(recipe_files.find_lock(mapping["recipe"]) or "true")
    mapping = _written_out(settle_alternatives(mapping, words))
    subject = Subject(mapping)
    settled = branched(mapping, found.said, subject, words)
    recipe = recipe_of(settled.mapping, typed, folder, subject)
    remarks = (*found.remarks, *preprocessing.remarks(words), *settled.remarks, *recipe.remarks)
    recipe = replace(recipe, replaced=found.replaced, remarks=remarks)
    for label, step in recipe.steps.items():
        if type(step.options).name in loaded.taken:
            raise PluginError(f"{label}: {loaded.taken[type(step.options).name]}")
    for name in recipe.hooks:
        if name in loaded.taken:
            raise PluginError(f"hooks.{name}: {loaded.taken[name]}")
    return recipe


def thaw(
    mapping: Mapping[str, Any], overrides: Iterable[str], folder: Path | None, *, assumed: bool = False
) -> Recipe:
    """Make a recipe of what was resolved earlier, with its plugins loaded; composes nothing.

    Args:
        mapping: the `mapping` of a recipe made earlier.
        overrides: what the user typed for it.
        folder: the user's plugin files.
        assumed: whether nobody had said how samples are scaled; the mapping has the default that was assumed.

    Raises:
        TflbuildError: a plugin that it was composed with is gone or has changed its options.
    """
    plugins.load(folder)
    recipe = recipe_of(mapping, list(overrides), folder)
    if not assumed:
        return recipe
    return replace(recipe, recognised=tuple(one for one in recipe.recognised if one["what"] != "preprocess"))


def recipe_of(
    mapping: Mapping[str, Any], overrides: list[str], folder: Path | None, subject: Subject | None = None
) -> Recipe:
    """Validate a composed mapping; reads no file, so that a frozen recipe stays what it was.

    Args:
        mapping: what `compose.compose` gave, its alternatives settled, or the `mapping` of a recipe made earlier.
        overrides: what the user typed.
        folder: the user's plugin files.
        subject: model and data of the mapping, where they were validated already.
    """
    roots = {f.name for f in dataclasses.fields(RootOptions)}
    known = {*roots, *(f.name for f in dataclasses.fields(ChoiceKeys))}
    mapping = _written_out(mapping)
    steps = {key: value for key, value in mapping.items() if key not in known}
    _check_keys(steps, known, mapping)
    _check_labels(known, mapping)
    root = typed(RootOptions, {key: mapping[key] for key in roots if key in mapping}, "")
    if not root.outputs.strip():
        raise RecipeError("outputs: it is empty; name a folder, e.g. outputs=outputs.")
    steps |= {label: {"pass": label} for label in root.pipeline if label not in steps and label in PASSES}
    added = tuple(
        item.partition("=")[0].partition("@")[2] for item in overrides if item.startswith("+passes@")
    )
    subject = subject or Subject(mapping)
    model, (data, recognised) = subject.model, subject.data
    recipe = Recipe(
        name=root.recipe,
        description=root.description,
        overrides=tuple(item for item in overrides if not item.startswith("recipe=")),
        file=recipe_files.named_file(overrides),
        model=model,
        data=data,
        targets=choices.targets(mapping["target"]),
        steps={label: step_of(label, value) for label, value in steps.items()},
        pipeline=root.pipeline,
        added=added,
        limits=limits_at(mapping.get("budget"), "budget"),
        seed=root.seed,
        device=root.device,
        strict=root.strict,
        store=Path(root.store.path or Path(root.outputs) / "store").resolve(),
        outputs=Path(root.outputs).resolve(),
        worker=WorkerOptions(**dataclasses.asdict(root.worker)),
        seeds=root.seeds,
        objective=root.objective,
        export=root.export,
        remote=root.store.remote,
        shared=root.store.shared,
        run=RunOptions(
            locked="true" if root.locked is True else str(root.locked or ""),
            stop_after=root.stop_after,
            keep_intermediate=root.keep_intermediate,
            time_passes=root.time_passes,
            tensorboard=root.tensorboard,
        ),
        analyses=choices.analyses(mapping.get("analyses")),
        silenced=choices.silenced(mapping.get("analyses")),
        hooks=choices.hooks(
            mapping.get("hooks"),
            replaced=any(item.startswith("hooks=") for item in overrides),
            also=("tensorboard",) if root.tensorboard else (),
        ),
        recognised=recognised,
        mapping=_resolved(mapping, data),
        plugins=folder,
    )
    _check_names(recipe)
    return start_from_file(with_deliveries(recipe))


def _written_out(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Write out what is short for something: a mapping that is null, and a single value where a list is meant."""
    empty: dict[str, Any] = {key: {} for key in ("worker", "store", "export") if mapping.get(key, 0) is None}
    return {**mapping, **empty, **{key: [mapping[key]] for key in LISTS if _is_one(mapping.get(key))}}


def _check_keys(steps: Mapping[str, Any], known: Iterable[str], mapping: Mapping[str, Any]) -> None:
    """Refuse a key that is neither one of a recipe's own nor a step, and a recipe that lacks a choice."""
    for label, value in steps.items():
        if not isinstance(value, dict) or "pass" not in value:
            near = [*known, *(k for k, v in steps.items() if isinstance(v, dict) and "pass" in v)]
            where = _in_file(label, mapping)
            raise RecipeError(
                f"{plain(label)}: there is no such key in a recipe{where}.{did_you_mean(label, near)}"
            )
    for group in ("model", "data", "target"):
        if mapping.get(group) is None:
            raise RecipeError(f"{group}: the recipe chooses none; add '- /{group}: NAME' to its defaults.")


def _check_labels(known: Iterable[str], mapping: Mapping[str, Any]) -> None:
    """Refuse a step whose label is a key of every recipe."""
    for key in known:
        value = mapping.get(key)
        if isinstance(value, Mapping) and "pass" in value:
            raise RecipeError(
                f"{key}: a step cannot be called so, since '{key}' is a key of every recipe; give it another label, "
                f"e.g. +passes@another={plain(value['pass'])}."
            )


def _check_names(recipe: Recipe) -> None:
    """Refuse names that are none: of files in the run's folder, and of metrics."""
    choices.check_objective(recipe.objective, recipe.data.task)
    if not is_inside(recipe.name):
        raise RecipeError(
            f"recipe: '{plain(recipe.name)}' is not the name of a recipe, since runs are filed under it."
        )
    for key, names in (("", recipe.steps), ("target.", recipe.targets)):
        for name in names:
            if not is_name(name):
                raise RecipeError(
                    f"{key}{plain(name)}: '{plain(name)}' cannot be the name of a file; use letters, digits and '_'."
                )


def _resolved(mapping: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """Complete the composed recipe with what followed from it, so that a report shows what was built with."""
    cleaned = _without_empty(mapping)
    told = {key: item for key, item in (cleaned.get("preprocess") or {}).items() if item is not None}
    given = cleaned["data"].get("preprocess") or {}
    if cleaned["data"].get("type") != type(data).name:
        cleaned["data"] = {"type": type(data).name, **to_json(data)}
    elif told or any(item is None for item in given.values()):
        known = {key: data.preprocess[key] for key in (*given, *told) if key in data.preprocess}
        cleaned["data"] = {**cleaned["data"], "preprocess": known}
    cleaned.pop("preprocess", None)
    return cleaned


def _without_empty(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out limits that say nothing, so that a report shows what was meant."""
    cleaned = {}
    for key, value in mapping.items():
        if key == "budget" and (value is None or isinstance(value, Mapping)):
            metrics = {metric: _said(limits) for metric, limits in (value or {}).items()}
            cleaned[key] = {metric: limits for metric, limits in metrics.items() if limits}
        else:
            cleaned[key] = _without_empty(value) if isinstance(value, Mapping) else value
    return cleaned


def _said(limits: Any) -> Any:
    """Leave limits of null out, of one mapping or of a list of them."""
    found = [
        kept
        for one in entries_of(limits)
        if (kept := {form: bound for form, bound in one.items() if bound is not None})
    ]
    return found if isinstance(limits, (list, tuple)) else next(iter(found), {})


def _in_file(label: str, mapping: Mapping[str, Any]) -> str:
    path = recipe_files.find_recipe(str(mapping["recipe"]))
    return f" ({plain(path)})" if path and f"{label}:" in read_text(path) else ""
