"""From a composed mapping to a typed `Recipe`: the only place where a recipe is validated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge

from tflbuild import compose, plugins, recipe_files
from tflbuild.core.budget import LIMITS, POLICIES, Fallback, Limit, limits_of
from tflbuild.core.compiler_pass import ARCHITECTURES, PASSES, STEP_KEYS, Pass
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.errors import PluginError, RecipeError, did_you_mean
from tflbuild.core.metric import METRICS
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe, Step, WorkerOptions
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS
from tflbuild.validation import typed
from tflbuild.vision.augment import Augment
from tflbuild.vision.preprocess import Preprocess

T = TypeVar("T")

ALTERNATIVES = ("steps", "epochs")
"""Options that are two words for one thing: setting one replaces the other."""


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Where results are kept."""

    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How worker processes run."""

    max_rss: Annotated[int, Ge(500)] = 6000
    threads: Annotated[int, Ge(1)] = 2


@dataclass(frozen=True, kw_only=True)
class RootOptions:
    """Keys at the root of a recipe, besides its steps."""

    recipe: str
    description: str
    pipeline: tuple[str, ...]
    seed: Annotated[int, Ge(0)]
    device: Literal["cpu", "gpu"]
    strict: bool
    store: StoreOptions
    outputs: str
    worker: WorkerSettings


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """Keys of every step, besides its pass's options."""

    enabled: bool
    after: tuple[str, ...]
    on_breach: Literal["fail", "skip", "warn"]
    timeout: Annotated[float, Ge(0)] | None


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
            raise RecipeError(f"{item}: Hydra's own launchers, sweepers and folders are not used; remove it.")
    folder = plugins.default_folder()
    loaded = plugins.load(folder)
    for item in words:
        key, _, name = item.lstrip("+").partition("=")
        if key.startswith("passes@") and name not in PASSES:
            plugins.require(name, loaded)
    recipe = recipe_of(compose.compose(words), words, folder)
    for label, step in recipe.steps.items():
        if type(step.options).name in loaded.taken:
            raise PluginError(f"{label}: {loaded.taken[type(step.options).name]}")
    return recipe


def recipe_of(mapping: Mapping[str, Any], overrides: list[str], folder: Path | None) -> Recipe:
    """Validate a composed mapping.

    Args:
        mapping: what `compose.compose` gave.
        overrides: what the user typed.
        folder: the user's plugin files.
    """
    roots = {f.name for f in dataclasses.fields(RootOptions)}
    known = {*roots, "model", "data", "target", "budget"}
    steps = {key: value for key, value in mapping.items() if key not in known}
    for label, value in steps.items():
        if not isinstance(value, dict) or "pass" not in value:
            choices = [*known, *(k for k, v in steps.items() if isinstance(v, dict) and "pass" in v)]
            raise RecipeError(
                f"{label}: there is no such key in a recipe{_in_file(label, mapping)}.{did_you_mean(label, choices)}"
            )
    for group in ("model", "data", "target"):
        if group not in mapping:
            raise RecipeError(f"{group}: the recipe chooses none; add '- /{group}: NAME' to its defaults.")
    root = typed(RootOptions, {key: mapping[key] for key in roots}, "")
    added = tuple(
        item.partition("=")[0].partition("@")[2] for item in overrides if item.startswith("+passes@")
    )
    recipe = Recipe(
        name=root.recipe,
        description=root.description,
        overrides=tuple(item for item in overrides if not item.startswith("recipe=")),
        model=_chosen(ARCHITECTURES, mapping["model"], "model"),
        data=_data(mapping["data"]),
        targets={
            name: _chosen(TARGETS, options, f"target.{name}") for name, options in mapping["target"].items()
        },
        steps={label: _step(label, value, mapping, overrides) for label, value in steps.items()},
        pipeline=root.pipeline,
        added=added,
        limits=_limits(mapping["budget"], "budget"),
        seed=root.seed,
        device=root.device,
        strict=root.strict,
        store=Path(root.store.path or Path(root.outputs) / "store").resolve(),
        outputs=Path(root.outputs).resolve(),
        worker=WorkerOptions(**dataclasses.asdict(root.worker)),
        mapping=_without_empty(mapping),
        plugins=folder,
    )
    _check_model(recipe)
    return _start_from_file(recipe)


def _data(value: Any) -> Dataset:
    """Validate the data set with the two blocks that say how its pixels become an input."""
    data = _chosen(DATASETS, value, "data")
    preprocess = typed(Preprocess, data.preprocess, "data.preprocess")
    augment = typed(Augment, data.augment, "data.augment")
    return replace(data, preprocess=to_json(preprocess), augment=to_json(augment))


def _step(label: str, value: Mapping[str, Any], mapping: Mapping[str, Any], overrides: list[str]) -> Step:
    cls = PASSES.get(str(value["pass"]), f"{label}.pass")
    options = {key: item for key, item in value.items() if key not in STEP_KEYS}
    options = _one_alternative(label, options, mapping["recipe"], overrides)
    keys = {"enabled": True, "after": [], "on_breach": "fail", "timeout": None}
    if value.get("on_breach") not in (None, *POLICIES):
        raise RecipeError(
            f"{label}.on_breach: '{value['on_breach']}' is not one of {', '.join(POLICIES)}."
            f"{did_you_mean(str(value['on_breach']), POLICIES)}"
        )
    common = typed(StepOptions, {key: value.get(key, default) for key, default in keys.items()}, label)
    return Step(
        label=label,
        options=typed(cls, options, label, also=STEP_KEYS),
        enabled=common.enabled,
        after=common.after,
        limits=_limits(value.get("budget") or {}, f"{label}.budget"),
        on_breach=common.on_breach,
        fallback=tuple(
            _fallback(item, f"{label}.fallback.{i}") for i, item in enumerate(value.get("fallback") or [])
        ),
        timeout=common.timeout,
    )


def _one_alternative(
    label: str, options: dict[str, Any], recipe: str, overrides: list[str]
) -> dict[str, Any]:
    """Let the later of `steps` and `epochs` replace the other: the command line, then the nearest file."""
    given = [name for name in ALTERNATIVES if options.get(name) is not None]
    if len(given) < 2:
        return options
    typed = [name for name in given if any(o.lstrip("+").startswith(f"{label}.{name}=") for o in overrides)]
    chosen = typed or [name for name in given if name in _nearest(recipe, label, set(given))]
    if len(chosen) != 1:
        raise RecipeError(f"{label}: set either {label}.steps or {label}.epochs, not both.")
    return {key: (None if key in given and key != chosen[0] else value) for key, value in options.items()}


def _nearest(recipe: str, label: str, names: set[str]) -> set[str]:
    """Give which of `names` the first recipe file says that says any, from the recipe up through its ancestors."""
    from omegaconf import OmegaConf

    path = recipe_files.find_recipe(recipe)
    if path is None:
        return set()
    content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    said = {name for name in names if (content.get(label) or {}).get(name) is not None}
    if said:
        return said
    for parent in reversed([entry for entry in content.get("defaults", []) if isinstance(entry, str)]):
        found = set() if parent == "_self_" else _nearest(parent, label, names)
        if found:
            return found
    return set()


def _fallback(value: Any, key: str) -> Fallback:
    if isinstance(value, str):
        return Fallback(run=(value,))
    if isinstance(value, Mapping) and set(value) == {"from", "run"}:
        run = value["run"]
        return Fallback(run=(run,) if isinstance(run, str) else tuple(run), start=str(value["from"]))
    raise RecipeError(f"{key}: {value!r} is neither a label nor {{from: LABEL, run: [LABEL, ...]}}.")


def _limits(budget: Mapping[str, Any], key: str) -> tuple[Limit, ...]:
    for metric, limits in budget.items():
        METRICS.get(str(metric), key)
        if limits is None:
            continue
        if not isinstance(limits, Mapping):
            raise RecipeError(
                f"{key}.{metric}: {limits!r} is no limit; write e.g. {{max_drop: 0.01}} with one of "
                f"{', '.join(LIMITS)}."
            )
        for form, bound in limits.items():
            if form not in (*LIMITS, "since"):
                raise RecipeError(
                    f"{key}.{metric}.{form}: there is no such limit; there are {', '.join(LIMITS)}."
                    f"{did_you_mean(str(form), LIMITS)}"
                )
            if form != "since" and bound is not None and (isinstance(bound, bool) or not _number(bound)):
                raise RecipeError(f"{key}.{metric}.{form}: {bound!r} is not a number.")
    return limits_of(budget)


def _number(value: Any) -> bool:
    try:
        return float(value) == float(value)
    except (TypeError, ValueError):
        return False


def _chosen(registry: Registry[T], value: Any, key: str) -> T:
    if not isinstance(value, Mapping) or "type" not in value:
        raise RecipeError(f"{key}: needs a 'type', one of {', '.join(sorted(registry))}.")
    cls = registry.get(str(value["type"]), f"{key}.type")
    return typed(cls, {name: item for name, item in value.items() if name != "type"}, key, also=("type",))


def _check_model(recipe: Recipe) -> None:
    try:
        recipe.model.check()
    except ValueError as error:
        raise RecipeError(f"model.{error}") from error


def _start_from_file(recipe: Recipe) -> Recipe:
    """Let the user's own file take the place of training, unless `train.init=continue`."""
    if not recipe.model.files():
        return recipe
    steps = dict(recipe.steps)
    for label, step in recipe.steps.items():
        init = getattr(step.options, "init", None)
        if type(step.options).name == "train" and init == "scratch":
            reason = f"model.path is trained already; {label}.init=continue would train it further"
            loader: Pass = PASSES.get("load")()
            steps[label] = replace(step, options=loader, limits=(), instead=reason)
    return replace(recipe, steps=steps)


def _without_empty(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out limits that say nothing, so that a report shows what was meant."""
    cleaned = {}
    for key, value in mapping.items():
        if key == "budget" and isinstance(value, Mapping):
            metrics = {m: {f: b for f, b in (v or {}).items() if b is not None} for m, v in value.items()}
            cleaned[key] = {m: v for m, v in metrics.items() if v}
        else:
            cleaned[key] = _without_empty(value) if isinstance(value, Mapping) else value
    return cleaned


def _in_file(label: str, mapping: Mapping[str, Any]) -> str:
    path = recipe_files.find_recipe(str(mapping["recipe"]))
    return f" ({path})" if path and f"{label}:" in path.read_text(encoding="utf-8") else ""
