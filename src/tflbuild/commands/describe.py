"""`tflbuild describe`: the page of anything declared, of a key of a recipe, of one option, or of a recipe."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Sequence
from typing import Any

from tflbuild import plugins
from tflbuild.commands.listing import REGISTRIES, listing_of
from tflbuild.commands.option_owners import (
    GROUPS,
    Owner,
    declared_options,
    everything,
    of_heads,
    of_recipes,
    of_sweeps,
    owners,
)
from tflbuild.commands.words import one, say, warn
from tflbuild.core.command import Command, command
from tflbuild.core.compiler_pass import PASSES, STEP_KEYS, Pass, kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import AccuracyMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.target import Target
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.declared_options import Option, options_of
from tflbuild.recipe.wanted import accepted_of, or_else
from tflbuild.show.option_text import fact_lines, option_lines, reflowed, wrapped
from tflbuild.sweep.launchers import LAUNCHERS

Found = Sequence[tuple[Owner, Option]]

PLURALS = {"pass": "passes", "analysis": "analyses", "modality": "modalities"}
WHOLE = {"keys of a recipe": "every recipe", "keys of a step": "every step"}
"""Words for who has an option, by the noun of the owner."""


@command("describe", "explain a pass, a data set, an option, a recipe, ...", usage="NAME")
def describe(words: list[str]) -> int:
    """Print the page of anything declared, of a key of a recipe, of one option (`prune.sparsity`), or of a recipe."""
    name = one(words, "describe NAME")
    loaded = plugins.load(plugins.default_folder())
    pages = [*_declared(name), *_files(name), *_keys(name)]
    pages = pages or [*_options(name, _named(_without_metric(name))), *_kind(name, loaded)]
    if not pages:
        known = everything()
        pages = _options(name, _ending(name, known))
        if not pages:
            warn(loaded.warnings)
            plugins.require(name, loaded)
            raise RecipeError(_unknown(name, known))
    say("\n\n".join(pages))
    return 0


def page(cls: type[Any], kind: str, options: Sequence[Option] | None = None) -> str:
    """Give the page of a declared class: its docstring, kinds, promise and options.

    Args:
        cls: the class.
        kind: room of its registry.
        options: to list; by default its own fields.
    """
    text = inspect.getdoc(cls) or "(no docstring)"
    lines = [reflowed(text.partition("\n\nRaises:")[0]), ""]
    if issubclass(cls, Pass):
        given, made = kinds_of(cls)
        lines.append(f"takes   {given.kind if given else 'nothing: it starts a model'}")
        lines.append(f"gives   {made.kind}")
        if cls.promises:
            lines += wrapped(f"promises {cls.promises}", 0, 8)
    if kind == "metrics":
        lines.append(f"unit    {cls.unit}; {'higher' if cls.higher_is_better else 'lower'} is better")
        form = "max_drop" if cls.higher_is_better or not issubclass(cls, AccuracyMetric) else "max_rise"
        lines.append(f"limits  budget.{cls.name}.{form}=..., see `tflbuild describe budget`")
    if issubclass(cls, Target) and cls.wants:
        asked = "; ".join(f"{name} {or_else(accepted_of(want))}" for name, want in cls.wants.items())
        lines += wrapped(f"asks for {asked}, where the recipe does not say", 0, 9)
    if issubclass(cls, Command):
        lines.append(f"usage   tflbuild {cls.name} {cls.usage}")
    if options is None and dataclasses.is_dataclass(cls):
        options = tuple(options_of(cls))
    if options:
        lines += ["options", *option_lines(options)]
    return "\n".join(lines)


def _declared(name: str) -> list[str]:
    """Give the pages of what is declared under a name."""
    found = []
    for kind, registry in REGISTRIES.items():
        if name in registry:
            cls = registry.get(name)
            options = declared_options(name, cls, kind) if dataclasses.is_dataclass(cls) else None
            found.append(f"{name} ({registry.noun})\n\n{page(cls, kind, options)}")
    return found


def _files(name: str) -> list[str]:
    """Give the text of a recipe, and of a group's choice that is no declared name, such as `ethos_u55`."""
    recipe = recipe_files.find_recipe(name)
    groups = [] if any(name in registry for registry in REGISTRIES.values()) else GROUPS.values()
    chosen = [(group, path) for group in groups if (path := recipe_files.group_file(group, name))]
    return [
        f"{name} ({noun}), {os.path.relpath(path)}\n\n{path.read_text(encoding='utf-8')}"
        for noun, path in [("recipe", recipe), *chosen]
        if path is not None
    ]


def _kind(name: str, loaded: plugins.Loaded) -> list[str]:
    """Give what `tflbuild list` says of a kind."""
    if name not in REGISTRIES:
        return []
    return ["\n".join([f"{name}:", *(f"  {one:<26} {text}" for one, text in listing_of(name, loaded))])]


def _keys(name: str) -> list[str]:
    """Give the pages of keys of a recipe, of heads, of launchers and of the search."""
    sweeps = of_sweeps() if name in (*LAUNCHERS, "optuna") else ()
    return [key_page(one) for one in (*of_recipes(), *of_heads(), *sweeps) if one.name == name]


def key_page(owner: Owner) -> str:
    """Give the page of what has options and is not declared in a registry."""
    head = f"{owner.name} ({owner.noun})\n\n{reflowed(owner.text)}\n"
    key = f"{owner.place}.NAME" if owner.place else "NAME"
    return "\n".join([head, f"options (key: {key})", *option_lines(owner.options)])


def _options(name: str, found: Found) -> list[str]:
    """Give the pages of options; one that several have, and that says the same everywhere, has one page."""
    pages: dict[tuple[str, str], list[tuple[Owner, Option]]] = {}
    for owner, option in found:
        pages.setdefault((option.text, option.range), []).append((owner, option))
    return [_option_page(name, same) for same in pages.values()]


def _named(name: str) -> Found:
    """Find options by their owner or by their key, which several may share: `voc.root`, `data.root`."""
    every = [(owner, option) for owner in owners(name) for option in owner.options]
    found = [
        (owner, option)
        for owner, option in every
        if name in (f"{owner.name}.{option.name}", owner.key(option) or None)
    ]
    own = [(owner, option) for owner, option in found if owner.name == name.partition(".")[0]]
    return own or found


def _ending(name: str, known: Sequence[Owner]) -> Found:
    """Find options by their own name: `sparsity`, `calibration.samples`."""
    every = [(owner, option) for owner in known for option in owner.options]
    return [pair for pair in every if name and f".{pair[1].name}".endswith(f".{name}")]


def _without_metric(name: str) -> str:
    """Name the key that `budget.map.max_drop`, `prune.budget.map.max_drop` and `prune.on_breach` stand for."""
    outer, _, inner = name.partition(".")
    if outer in PASSES and inner.partition(".")[0] in STEP_KEYS:
        name = inner if inner.startswith("budget.") else f"step.{inner}"
    return re.sub(r"^budget\.\w+\.(?=\w+$)", "budget.", name)


def _option_page(name: str, found: Found) -> str:
    """Give the page of one option, with every key that sets it, and with its options where it is a group."""
    option = found[0][1]
    nouns: dict[str, list[str]] = {}
    places: dict[tuple[str, str], list[str]] = {}
    for owner, same in found:
        nouns.setdefault(owner.noun, []).append(owner.name)
        places.setdefault((owner.key(same), same.default), []).append(owner.name)
    several = len({key for key, _ in places}) < len(places)
    shown = [
        (key, f"{default} of {', '.join(names)}" if several else default)
        for (key, default), names in places.items()
    ]
    whose = ", and of ".join(whose_option(noun, names) for noun, names in nouns.items())
    lines = [*wrapped(f"{name}: an option of {whose}"), "", *fact_lines(option, shown)]
    inner = [one for one in found[0][0].options if one.name.startswith(f"{option.name}.")]
    return "\n".join([*lines, *(["", "options", *option_lines(inner)] if inner else [])])


def whose_option(noun: str, names: Sequence[str]) -> str:
    """Say whose option it is.

    >>> whose_option("pass", ["prune"]), whose_option("analysis", ["ladder", "layers"])
    ('the pass prune', 'the analyses ladder, layers')
    """
    if noun in WHOLE:
        return WHOLE[noun]
    noun = noun.partition(" of ")[0]
    plural = noun if len(names) == 1 else PLURALS.get(noun, f"{noun}s")
    return f"the {plural} {', '.join(names)}"


def _unknown(name: str, known: Sequence[Owner]) -> str:
    """Say that nothing has a name, and which is nearest."""
    outer, _, inner = name.rpartition(".")
    having = [owner for owner in known if outer and outer in (owner.name, owner.place)]
    if having:
        options = [option.name for owner in having for option in owner.options]
        near = did_you_mean(inner, options).replace("Did you mean '", f"Did you mean '{outer}.")
        return f"describe: {plain(outer)} ({having[0].noun}) has no option '{plain(inner)}'.{near}"
    declared = [n for registry in REGISTRIES.values() for n in registry]
    choices = [*recipe_files.recipe_names(), *declared, *(owner.name for owner in known)]
    for owner in known:
        choices += [text for one in owner.options for text in (one.name, f"{owner.name}.{one.name}")]
    return f"describe: there is nothing called '{plain(name)}'.{did_you_mean(name, dict.fromkeys(choices))}"
