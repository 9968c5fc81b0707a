"""Validate what a recipe chooses by name with its options: model, data, targets, analyses and hooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from tflbuild.core.analysis import ANALYSES, Analysis
from tflbuild.core.architecture import ARCHITECTURES, Architecture
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.errors import RecipeError, TflbuildError, did_you_mean
from tflbuild.core.hook import HOOKS, Hook, Unmade
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import named
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import aim_of
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS, Target
from tflbuild.core.task import TASKS
from tflbuild.recipe import preprocessing
from tflbuild.recipe.validation import shown, typed

T = TypeVar("T")


class Data(NamedTuple):
    """A data set, and what was recognised of it."""

    dataset: Dataset
    recognised: tuple[Mapping[str, str], ...]


def targets(value: Any) -> dict[str, Target]:
    """Validate what is delivered; a target that is null is none."""
    if not isinstance(value, Mapping):
        raise RecipeError(f"target: {shown(value)} is not a mapping of targets; write e.g. target=[cpu].")
    made = {
        name: _chosen(TARGETS, options, f"target.{name}")
        for name, options in value.items()
        if options is not None
    }
    if not made:
        raise RecipeError("target: the recipe is left with none; choose e.g. target=[cpu].")
    return made


def data(value: Any, root: Mapping[str, Any], model: Architecture) -> Data:
    """Validate the data set, recognise its layout where that is wanted, and settle how its samples become an input."""
    chosen = _chosen(DATASETS, value, "data")
    found, recognised = chosen.resolved()
    varied = MODALITIES.get(found.modality).varied
    options: Any = named(varied) if varied else None
    augment = typed(options, found.augment, "data.augment") if varied else found.augment
    made = replace(found, preprocess=preprocessing.settled(root, found, model), augment=to_json(augment))
    if MODALITIES.get(made.modality).of(made.preprocess).several() and not TASKS.get(made.task).joins:
        joining = ", ".join(sorted(name for name, task in TASKS.items() if task.joins))
        raise RecipeError(
            f"preprocess: a sample becomes several pieces, and the task of the data, {made.task}, does not make one "
            f"answer of them; that does {joining}. Use preprocess.cut=first."
        )
    return Data(made, (*recognised, *preprocessing.told(root, found, model)))


def dataset(value: Any) -> Dataset:
    """Validate a data set by itself, without what a model says of it.

    Raises:
        RecipeError: it is none.
    """
    return _chosen(DATASETS, value, "data").resolved()[0]


def _chosen(registry: Registry[T], value: Any, key: str) -> T:
    if not isinstance(value, Mapping) or "type" not in value:
        raise RecipeError(
            f"{key}: {shown(value)} is not a choice with its options; it needs a 'type', one of "
            f"{', '.join(sorted(registry))}."
        )
    cls = registry.get(
        value["type"] if isinstance(value["type"], str) else shown(value["type"]), f"{key}.type"
    )
    return typed(cls, {name: item for name, item in value.items() if name != "type"}, key, also=("type",))


def hooks(value: Any, *, replaced: bool, also: Sequence[str] = ()) -> dict[str, Hook]:
    """Validate the chosen hooks; options of others are leftovers where the command line chose, else a mistake.

    Args:
        value: the recipe's `hooks`.
        replaced: whether the command line chose.
        also: hooks that a flag chose; those that are chosen already keep their options.
    """
    made: dict[str, Hook] = {}
    if value is not None and value != [] and not isinstance(value, Mapping):
        raise RecipeError(f"hooks: {shown(value)} is not a mapping of hooks; write e.g. hooks=[mlflow].")
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
        made[name] = _hook(name, options)
    return made | {name: HOOKS.get(name)() for name in also if name not in made}


def analyses(value: Any) -> dict[str, Analysis]:
    """Validate the chosen analyses: a list of names, or a mapping of names to options; null chooses one off."""
    chosen = {str(name): {} for name in value} if isinstance(value, list | tuple) else value or {}
    if not isinstance(chosen, Mapping):
        raise RecipeError(
            f"analyses: {shown(value)} is not a list of analyses; write e.g. analyses=[sensitivity]."
        )
    made = {}
    for name, options in chosen.items():
        cls = ANALYSES.get(str(name), "analyses")
        if options is None:
            continue
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


def silenced(value: Any) -> frozenset[str]:
    """Name the analyses that are null: builds that run one of them by themselves do not."""
    chosen = value if isinstance(value, Mapping) else {}
    return frozenset(str(name) for name, options in chosen.items() if options is None)


def _hook(name: str, value: Any) -> Hook:
    """Validate a hook's options; what else its class raises is for the build to name."""
    try:
        return _chosen(HOOKS, value, f"hooks.{name}")
    except TflbuildError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything
        return Unmade(error=error)


def fitted(model: Architecture, data: Dataset) -> Architecture:
    """Give a model for what the data's samples become.

    Raises:
        RecipeError: it cannot take that.
    """
    taken = (model.modality, *model.modalities)
    if data.modality not in taken:
        named = f"modality '{taken[0]}'" if len(taken) == 1 else f"modalities {', '.join(taken)}"
        raise RecipeError(
            f"model.type: '{type(model).name}' takes samples of the {named}, and those of the data "
            f"set '{type(data).name}' are of '{data.modality}'."
        )
    try:
        return model.fitted(MODALITIES.get(data.modality).of(data.preprocess))
    except ValueError as error:
        raise RecipeError(f"model.{error}") from error


def check_objective(names: Iterable[str], task: str) -> None:
    """Refuse an objective that is measured on no delivered file of a task.

    Raises:
        RecipeError: names it.
    """
    for given in names:
        name, _ = aim_of(given)
        if name in METRICS and (not METRICS.get(name).tasks or task in METRICS.get(name).tasks):
            continue
        fit = [name for name, cls in METRICS.items() if not cls.tasks or task in cls.tasks]
        raise RecipeError(
            f"objective: '{plain(name)}' is not a metric for {task}; there are {', '.join(sorted(fit))}."
            f"{did_you_mean(name, fit)}"
        )


def model(value: Any) -> Architecture:
    """Validate the architecture, or the user's file."""
    chosen = _chosen(ARCHITECTURES, value, "model")
    try:
        chosen.check()
    except ValueError as error:
        raise RecipeError(f"model.{error}") from error
    return chosen
