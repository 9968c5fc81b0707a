"""`tflbuild describe`: the page of anything declared."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import types
import typing
from typing import Any

from tflbuild import plugins
from tflbuild.commands.listing import REGISTRIES
from tflbuild.commands.words import one, say, warn
from tflbuild.core.command import Command, command
from tflbuild.core.compiler_pass import Pass, kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.recipe import files as recipe_files


@command("describe", "the page of anything declared, or of a recipe", usage="NAME")
def describe(words: list[str]) -> int:
    """Print the page of anything declared, or of a recipe."""
    name = one(words, "describe NAME")
    loaded = plugins.load(plugins.default_folder())
    found = False
    for kind, registry in REGISTRIES.items():
        if name in registry:
            say(f"{name} ({registry.noun})\n")
            say(page(registry.get(name), kind))
            found = True
    path = recipe_files.find_recipe(name)
    if path is not None:
        say(f"{name} (recipe), {os.path.relpath(path)}\n\n{path.read_text(encoding='utf-8')}")
        found = True
    if not found:
        warn(loaded.warnings)
        plugins.require(name, loaded)
        choices = [*recipe_files.recipe_names(), *(n for registry in REGISTRIES.values() for n in registry)]
        raise RecipeError(f"describe: nothing is called '{name}'.{did_you_mean(name, choices)}")
    return 0


def page(cls: type[Any], kind: str) -> str:
    """Give the page of a declared class: its docstring, kinds, promise and options."""
    lines = [inspect.getdoc(cls) or "(no docstring)", ""]
    if issubclass(cls, Pass):
        given, made = kinds_of(cls)
        lines.append(f"takes   {given.kind if given else 'nothing: it starts a model'}")
        lines.append(f"gives   {made.kind}")
        if cls.promises:
            lines.append(f"promises {cls.promises}")
    if kind == "metrics":
        lines.append(f"unit    {cls.unit}; {'higher' if cls.higher_is_better else 'lower'} is better")
    if issubclass(cls, Command):
        lines.append(f"usage   tflbuild {cls.name} {cls.usage}")
    options = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    if options:
        lines.append("options")
    hints = typing.get_type_hints(cls, include_extras=True)
    for option in options:
        default = option.default
        if option.default_factory is not dataclasses.MISSING:
            default = option.default_factory()
        shown = "needed" if default is dataclasses.MISSING else repr(default)
        lines.append(f"  {option.name:<16} {_type_text(hints[option.name])} = {shown}")
    return "\n".join(lines)


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        base, *ranges = typing.get_args(hint)
        return f"{_type_text(base)} ({', '.join(repr(r) for r in ranges)})"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(str(choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(_type_text(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "None"
    return re.sub(r"\b(typing|collections\.abc)\.", "", str(hint)) if typing.get_args(hint) else hint.__name__
