"""From a composed mapping to a typed `Recipe`: the only place where a recipe is validated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from annotated_types import Ge, Le

from tflbuild import plugins
from tflbuild.core.analysis import ANALYSES, Analysis
from tflbuild.core.compiler_pass import ARCHITECTURES, Architecture, kinds_of
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.errors import PluginError, RecipeError, TflbuildError, did_you_mean
from tflbuild.core.form import is_inside, is_name
from tflbuild.core.hook import HOOKS, Hook, Unmade
from tflbuild.core.meaning import IMAGE
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, RunOptions, Step, WorkerOptions
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS, Target
from tflbuild.modalities.image.augment import Augment
from tflbuild.recipe import compose, preprocessing
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.composition_errors import NoSuchChoice
from tflbuild.recipe.steps import LONGEST_TIMEOUT, limits_at, settle_alternatives, step_of
from tflbuild.recipe.text import read_text
from tflbuild.recipe.validation import shown, typed

T = TypeVar("T")

Seed = Annotated[int, Ge(0), Le(2**31 - 1)]
"""Seed of every generator: NumPy takes no larger one than 2**32 - 1, and a pass adds its number of levels."""


class Data(NamedTuple):
    """A data set, and what was recognised of it."""

    dataset: Dataset
    recognised: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Options of the store, in which results are kept."""

    path: str | None = None
    remote: str | None = None
    shared: bool | None = None


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Settings of worker processes."""

    max_rss: Annotated[int, Ge(500), Le(100_000_000)] = 6000
    threads: Annotated[int, Ge(1), Le(1024)] = 2
    evaluators: Annotated[int, Ge(1), Le(1024)] | None = None
    checkpoint_seconds: Annotated[float, Ge(0), Le(LONGEST_TIMEOUT)] = 30.0


@dataclass(frozen=True, kw_only=True)
class RootOptions:
    """Keys at the root of a recipe, besides its steps."""

    recipe: str
    description: str
    pipeline: tuple[str, ...]
    seed: Seed
    device: Literal["cpu", "gpu"]
    strict: bool
    store: StoreOptions
    outputs: str
    worker: WorkerSettings
    preprocess: Mapping[str, Any] | None = None
    seeds: tuple[Seed, ...] = ()
    objective: tuple[str, ...] = ()
    locked: bool | str = False
    stop_after: str | None = None
    keep_intermediate: bool = False
    time_passes: bool = False


def load_recipe(overrides: Iterable[str]) -> Recipe:
    """Compose and validate a recipe.

    Args:
        overrides: what the user typed, `recipe=NAME` included.

    Raises:
        RecipeError: anything that is wrong with it, by its key.
        PluginError: it needs a plugin that cannot be loaded.
    """
    words = list(overrides)
    for item in words:
        if item.lstrip("+~").startswith(("hydra.", "hydra/")):
            raise RecipeError(
                f"{item}: of Hydra's own settings a sweep reads its launcher and sweeper; add -m, or remove it."
            )
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
    recipe = recipe_of(settle_alternatives(mapping, words), words, folder)
    recipe = replace(recipe, replaced=found.replaced, remarks=found.remarks)
    for label, step in recipe.steps.items():
        if type(step.options).name in loaded.taken:
            raise PluginError(f"{label}: {loaded.taken[type(step.options).name]}")
    for name in recipe.hooks:
        if name in loaded.taken:
            raise PluginError(f"hooks.{name}: {loaded.taken[name]}")
    return recipe


def thaw(mapping: Mapping[str, Any], overrides: Iterable[str], folder: Path | None) -> Recipe:
    """Make a recipe of what was resolved earlier, with its plugins loaded; composes nothing.

    Args:
        mapping: the `mapping` of a recipe made earlier.
        overrides: what the user typed for it.
        folder: the user's plugin files.

    Raises:
        TflbuildError: a plugin that it was composed with is gone or has changed its options.
    """
    plugins.load(folder)
    return recipe_of(mapping, list(overrides), folder)


def recipe_of(mapping: Mapping[str, Any], overrides: list[str], folder: Path | None) -> Recipe:
    """Validate a composed mapping; reads no file, so that a frozen recipe stays what it was.

    Args:
        mapping: what `compose.compose` gave, its alternatives settled, or the `mapping` of a recipe made earlier.
        overrides: what the user typed.
        folder: the user's plugin files.
    """
    roots = {f.name for f in dataclasses.fields(RootOptions)}
    known = {*roots, "model", "data", "target", "budget", "hooks", "analyses"}
    for key in ("worker", "store"):
        if mapping.get(key, 0) is None:
            mapping = {**mapping, key: {}}
    steps = {key: value for key, value in mapping.items() if key not in known}
    for label, value in steps.items():
        if not isinstance(value, dict) or "pass" not in value:
            choices = [*known, *(k for k, v in steps.items() if isinstance(v, dict) and "pass" in v)]
            where = _in_file(label, mapping)
            raise RecipeError(
                f"{plain(label)}: there is no such key in a recipe{where}.{did_you_mean(label, choices)}"
            )
    for group in ("model", "data", "target"):
        if mapping.get(group) is None:
            raise RecipeError(f"{group}: the recipe chooses none; add '- /{group}: NAME' to its defaults.")
    root = typed(RootOptions, {key: mapping[key] for key in roots if key in mapping}, "")
    if not root.outputs.strip():
        raise RecipeError("outputs: it is empty; name a folder, e.g. outputs=outputs.")
    added = tuple(
        item.partition("=")[0].partition("@")[2] for item in overrides if item.startswith("+passes@")
    )
    model = _model(mapping["model"])
    data, recognised = _data(mapping["data"], root.preprocess or {}, model)
    recipe = Recipe(
        name=root.recipe,
        description=root.description,
        overrides=tuple(item for item in overrides if not item.startswith("recipe=")),
        model=model,
        data=data,
        targets=_targets(mapping["target"]),
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
        remote=root.store.remote,
        shared=root.store.shared,
        run=RunOptions(
            locked="true" if root.locked is True else str(root.locked or ""),
            stop_after=root.stop_after,
            keep_intermediate=root.keep_intermediate,
            time_passes=root.time_passes,
        ),
        analyses=_analyses(mapping.get("analyses")),
        hooks=_hooks(mapping.get("hooks"), replaced=any(item.startswith("hooks=") for item in overrides)),
        recognised=recognised,
        mapping=_resolved(mapping, data),
        plugins=folder,
    )
    _check_names(recipe)
    return _start_from_file(recipe)


def _targets(value: Any) -> dict[str, Target]:
    """Validate what is delivered; a target that is null is none."""
    if not isinstance(value, Mapping):
        raise RecipeError(f"target: {shown(value)} is no mapping of targets; write e.g. target=[cpu].")
    made = {
        name: _chosen(TARGETS, options, f"target.{name}")
        for name, options in value.items()
        if options is not None
    }
    if not made:
        raise RecipeError("target: the recipe is left with none; choose e.g. target=[cpu].")
    return made


def _data(value: Any, root: Mapping[str, Any], model: Architecture) -> Data:
    """Validate the data set, recognise its layout where that is wanted, and settle how its samples become an input."""
    chosen = _chosen(DATASETS, value, "data")
    data, recognised = chosen.resolved()
    augment = typed(Augment, data.augment, "data.augment") if data.modality == IMAGE else data.augment
    made = replace(data, preprocess=preprocessing.settled(root, data, model), augment=to_json(augment))
    return Data(made, recognised)


def _chosen(registry: Registry[T], value: Any, key: str) -> T:
    if not isinstance(value, Mapping) or "type" not in value:
        raise RecipeError(
            f"{key}: {shown(value)} is no choice with its options; it needs a 'type', one of "
            f"{', '.join(sorted(registry))}."
        )
    cls = registry.get(
        value["type"] if isinstance(value["type"], str) else shown(value["type"]), f"{key}.type"
    )
    return typed(cls, {name: item for name, item in value.items() if name != "type"}, key, also=("type",))


def _hooks(value: Any, *, replaced: bool) -> dict[str, Hook]:
    """Validate the chosen hooks; options of others are leftovers where the command line chose, else a mistake."""
    hooks = {}
    if value is not None and value != [] and not isinstance(value, Mapping):
        raise RecipeError(f"hooks: {shown(value)} is no mapping of hooks; write e.g. hooks=[mlflow].")
    for name, options in (value or {}).items():
        if options is None:
            continue
        if isinstance(options, Mapping) and "type" not in options:
            if replaced and name in HOOKS:
                continue
            raise RecipeError(
                f"hooks.{name}: this hook is not chosen; add '- /hooks: [{name}]' to the recipe's defaults, or "
                f"hooks=[{name}].{did_you_mean(name, HOOKS)}"
            )
        hooks[name] = _hook(name, options)
    return hooks


def _analyses(value: Any) -> dict[str, Analysis]:
    """Validate the chosen analyses: a list of names, or a mapping of names to options."""
    chosen = {str(name): {} for name in value} if isinstance(value, list | tuple) else value or {}
    if not isinstance(chosen, Mapping):
        raise RecipeError(
            f"analyses: {shown(value)} is no list of analyses; write e.g. analyses=[sensitivity]."
        )
    made = {}
    for name, options in chosen.items():
        if options is None:
            continue
        cls = ANALYSES.get(str(name), "analyses")
        if cls.run is Analysis.run:
            raise RecipeError(
                f"analyses.{name}: it runs by itself where it has something to look at; remove it."
            )
        made[str(name)] = typed(cls, options, f"analyses.{name}")
        try:
            made[str(name)].check()
        except ValueError as error:
            raise RecipeError(f"analyses.{name}.{error}") from error
    return made


def _hook(name: str, value: Any) -> Hook:
    """Validate a hook's options; what else its class raises is for the build to name."""
    try:
        return _chosen(HOOKS, value, f"hooks.{name}")
    except TflbuildError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything
        return Unmade(error=error)


def _check_names(recipe: Recipe) -> None:
    """Refuse names that would lead out of the run's folder, where steps and targets have files by their name."""
    if not is_inside(recipe.name):
        raise RecipeError(
            f"recipe: '{plain(recipe.name)}' is no name of a recipe, since runs are filed under it."
        )
    for key, names in (("", recipe.steps), ("target.", recipe.targets)):
        for name in names:
            if not is_name(name):
                raise RecipeError(
                    f"{key}{plain(name)}: '{plain(name)}' cannot be the name of a file; use letters, digits and '_'."
                )


def _model(value: Any) -> Architecture:
    model = _chosen(ARCHITECTURES, value, "model")
    try:
        model.check()
    except ValueError as error:
        raise RecipeError(f"model.{error}") from error
    return model


def _start_from_file(recipe: Recipe) -> Recipe:
    """Let the pass that takes the user's file in stand where the recipe trains from scratch, or loads another kind."""
    loader = recipe.model.starts()
    if loader is None:
        return recipe
    steps = dict(recipe.steps)
    for label, step in recipe.steps.items():
        starts = kinds_of(type(step.options))[0] is None
        if not starts or type(step.options) is type(loader):
            continue
        init = getattr(step.options, "init", None)
        if init == "scratch":
            reason = f"model.path is trained already; {label}.init=continue would train it further"
            steps[label] = replace(step, options=loader, limits=(), instead=reason)
        elif init is None:
            steps[label] = replace(step, options=loader)
    return replace(recipe, steps=_without_done(recipe, steps))


def _without_done(recipe: Recipe, steps: Mapping[str, Step]) -> dict[str, Step]:
    """Leave steps out that only turn a model into the kind that the user's file is of already."""
    left, kind = dict(steps), None
    for label in recipe.pipeline:
        if label not in steps or not steps[label].enabled:
            continue
        given, made = kinds_of(type(steps[label].options))
        if given is not None and given is not made and kind is made:
            suffix = made.suffix.removeprefix(".")
            left[label] = replace(steps[label], done=f"model.path is a .{suffix} already")
            continue
        kind = made
    return left


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
        if key == "budget" and isinstance(value, Mapping):
            metrics = {
                metric: {form: bound for form, bound in (limits or {}).items() if bound is not None}
                for metric, limits in value.items()
            }
            cleaned[key] = {metric: limits for metric, limits in metrics.items() if limits}
        else:
            cleaned[key] = _without_empty(value) if isinstance(value, Mapping) else value
    return cleaned


def _in_file(label: str, mapping: Mapping[str, Any]) -> str:
    path = recipe_files.find_recipe(str(mapping["recipe"]))
    return f" ({plain(path)})" if path and f"{label}:" in read_text(path) else ""
