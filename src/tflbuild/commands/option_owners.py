"""Who has options, by the name that a person gives: everything declared, keys of a recipe, launchers, the search."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from tflbuild.commands.listing import REGISTRIES
from tflbuild.core.dataset import Dataset
from tflbuild.core.modality import MODALITIES
from tflbuild.modalities.altered_image import AlteredImage
from tflbuild.modalities.image.augment import Augment
from tflbuild.recipe import files, keys
from tflbuild.recipe.declared_options import Option, options_of, with_blocks, with_defaults
from tflbuild.recipe.text import parsed, read_text
from tflbuild.sweep import study
from tflbuild.sweep.launchers import LAUNCHERS, PRESETS
from tflbuild.tasks.detection.heads import declared as heads

PLACES = {
    "models": "model",
    "data": "data",
    "targets": "target.{}",
    "hooks": "hooks.{}",
    "analyses": "analyses.{}",
    "passes": "{}",
    "modalities": "preprocess",
}
"""Key of a recipe at which the options of each kind stand; {} is the declared name."""

GROUPS = {"models": "model", "data": "data", "targets": "target"}
"""Folder of files with defaults, by kind."""

RECIPE = (
    "Keys at the root of a recipe, besides its steps: each can be set on the command line, e.g. `seed=3`."
)
STEP = "Keys of every step of the pipeline, besides the options of its pass, e.g. `prune.enabled=false`."
LIMIT = """\
Limits on a metric. On the whole build, judged on the test split: `budget.METRIC.max_drop=0.02`. On one step, judged
on the val split: `LABEL.budget.METRIC.max_drop=0.02`. null limits nothing; `tflbuild list metrics` names metrics."""
PREPROCESS = """\
How a picture becomes the model's input. Of each option the first of these counts: the recipe's `preprocess` (or
`data.preprocess`), what the model's file says, the default."""
AUGMENT = """\
How training images are varied. An image is zoomed out, cropped, or neither. Defaults are those of a data set whose
file says nothing else; `tflbuild describe voc` has those of `voc`."""
SEARCH = "Chosen by hydra/sweeper=optuna: searches for the values of options with which `objective` is best."


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Something that has options.

    Attributes:
        name: as a person says it, e.g. "prune".
        noun: its kind, e.g. "pass".
        place: key of a recipe at which its options stand; "" for its root, None where no recipe sets them.
        text: what it is; "" for what is declared, which has a page of its own.
        options: of it.
    """

    name: str
    noun: str
    place: str | None
    text: str
    options: tuple[Option, ...]

    def key(self, option: Option) -> str:
        """Give the key by which a recipe sets an option; "" where none does."""
        if self.place is None:
            return ""
        return f"{self.place}.{option.name}" if self.place else option.name


def owners(name: str) -> list[Owner]:
    """Give what has options and may be meant by a name, e.g. "prune.sparsity": by what it begins with.

    Nothing else is imported, so that the page of one option does not load every declaration.
    """
    outer = name.partition(".")[0]
    near: list[Owner] = []
    for kind, registry in REGISTRIES.items():
        # preprocess.* is told once, as a key of a recipe
        placed = kind in PLACES and kind != "modalities" and PLACES[kind].partition(".")[0] == outer
        for one in registry if placed else {outer} & set(registry):
            near += _declared(kind, one)
    near += [owner for owner in of_recipes() if _may_mean(owner, outer)]
    near += [owner for owner in of_heads() if outer in (owner.name, "model")]
    if outer in (*LAUNCHERS, "optuna", "hydra"):
        near += of_sweeps()
    return near


def _may_mean(owner: Owner, outer: str) -> bool:
    return (
        outer == owner.name
        or outer == (owner.place or owner.name).partition(".")[0]
        or (owner.place == "" and outer in (option.name for option in owner.options))
    )


def everything() -> list[Owner]:
    """Give everything that has options."""
    every = [
        owner for kind, registry in REGISTRIES.items() for one in registry for owner in _declared(kind, one)
    ]
    return [*every, *of_recipes(), *of_heads(), *of_sweeps()]


def _declared(kind: str, name: str) -> Iterator[Owner]:
    cls = REGISTRIES[kind].get(name)
    if dataclasses.is_dataclass(cls) and dataclasses.fields(cls):
        place = PLACES[kind].format(name) if kind in PLACES else None
        options = declared_options(name, cls, kind)
        yield Owner(name=name, noun=REGISTRIES[kind].noun, place=place, text="", options=options)


def declared_options(name: str, cls: type[Any], kind: str, *, whole: bool = True) -> tuple[Option, ...]:
    """Give the options of what is declared, with the defaults that its file of a group says.

    Args:
        name: of it.
        cls: the class.
        kind: room of its registry.
        whole: whether options of `preprocess` and `augment` are listed with those of a data set of pictures.
    """
    path = files.group_file(GROUPS[kind], name) if kind in GROUPS else None
    said = parsed(read_text(path), path) if path else {}
    own = options_of(cls)
    if issubclass(cls, Dataset):
        own = with_blocks(own, cls.modality, listed=whole and bool(MODALITIES.get(cls.modality).varied))
    return tuple(with_defaults(own, said if isinstance(said, Mapping) else {}))


def of_recipes() -> Iterator[Owner]:
    """Give the keys of a recipe."""
    yield _owner("recipe", "keys of a recipe", "", RECIPE, keys.RootOptions, keys.ChoiceKeys)
    yield _owner("step", "keys of a step", "LABEL", STEP, keys.StepKeys)
    yield _owner("budget", "key of a recipe", "budget.METRIC", LIMIT, keys.LimitKeys)
    yield _owner("preprocess", "key of a recipe", "preprocess", PREPROCESS, AlteredImage)
    yield _owner("augment", "key of a data set", "data.augment", AUGMENT, Augment)
    yield _owner("worker", "key of a recipe", "worker", _summary(keys.WorkerSettings), keys.WorkerSettings)
    yield _owner("store", "key of a recipe", "store", _summary(keys.StoreOptions), keys.StoreOptions)


def of_heads() -> Iterator[Owner]:
    """Give the heads of a detector before suppression."""
    for name, head in heads.every().items():
        yield _owner(name, "head", "model.head", inspect.getdoc(head) or "", head)


def of_sweeps() -> Iterator[Owner]:
    """Give the launchers of a sweep that have options, and the search."""
    for name, module in LAUNCHERS.items():
        found = import_module(module)
        if hasattr(found, "Options"):
            text = f"Chosen by hydra/launcher={name}.\n\n{(found.__doc__ or '').strip()}"
            owner = _owner(name, "launcher", "hydra.launcher", text, found.Options)
            yield replace(owner, options=tuple(with_defaults(owner.options, PRESETS.get(name, {}))))
    yield _owner("optuna", "sweeper", "hydra.sweeper", SEARCH, study.Options)


def _owner(name: str, noun: str, place: str, text: str, *classes: type[Any]) -> Owner:
    options = tuple(option for cls in classes for option in options_of(cls))
    return Owner(name=name, noun=noun, place=place, text=text, options=options)


def _summary(cls: type[Any]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]
