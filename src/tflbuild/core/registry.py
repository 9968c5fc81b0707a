"""Declarations by name: passes, models, data sets, tasks, ... each in a room of its own, a file of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar, dataclass_transform

from tflbuild.core.errors import NameTaken, PluginError, RecipeError, did_you_mean
from tflbuild.core.plain_text import plain

T = TypeVar("T")
C = TypeVar("C")

PACKAGE = Path(__file__).parents[1]


class Registry(Generic[T]):
    """A set of declared classes, each under one name; a class may be named before its module is imported.

    Built-in declarations are known by the name in their decorator, read off the text of the room's modules: those
    right in its folder, and `FOLDER/DECORATOR.py` of one that needs more than one file.

    Args:
        noun: what is declared, as error messages say it.
        decorator: the decorator's name; "" where nothing is built in.
        room: the folder of the built-in declarations, within the package.
    """

    def __init__(self, noun: str, decorator: str = "", room: str = "") -> None:
        self.noun = noun
        self.decorator = decorator
        self.room = room
        self._classes: dict[str, type[T] | str] | None = None

    @property
    def _known(self) -> dict[str, type[T] | str]:
        if self._classes is None:
            self._classes = dict(built_in(self.decorator, PACKAGE / self.room)) if self.room else {}
        return self._classes

    def add(self, name: str, cls: type[T]) -> None:
        """Declare `cls` under `name`.

        Raises:
            PluginError: the name is taken by a class of another module, or is not an identifier.
        """
        if not name.isidentifier():
            raise PluginError(f"{self.noun} name '{name}' in {cls.__module__}: letters, digits and _ only.")
        other = _module_of(self._known.get(name))
        if other not in (None, cls.__module__):
            raise NameTaken(
                name,
                f"{cls.__module__} declares the {self.noun} '{name}', a name that {other} has taken; choose another.",
            )
        self._known[name] = cls

    @dataclass_transform(frozen_default=True, kw_only_default=True)
    def declare(self, name: str) -> Callable[[type[C]], type[C]]:
        """Give the class decorator that makes a frozen dataclass and declares it under `name`."""

        def decorate(cls: type[C]) -> type[C]:
            made: Any = dataclass(frozen=True, kw_only=True)(cls)
            made.name = name
            self.add(name, made)
            return cls

        return decorate

    def remove_module(self, module: str) -> None:
        """Take back what a module declared before it failed to load."""
        for name in [n for n, cls in self._known.items() if _module_of(cls) == module]:
            del self._known[name]

    def get(self, name: str, key: str = "") -> type[T]:
        """Find a class by name.

        Args:
            name: the declared name.
            key: the recipe key that named it, for the error message.

        Raises:
            RecipeError: nothing of that name is declared; the nearest spelling is offered.
        """
        if name not in self._known:
            where = f"{key}: " if key else ""
            raise RecipeError(
                f"{where}there is no {self.noun} '{plain(name, 80)}'; there are {', '.join(sorted(self))}."
                f"{did_you_mean(name, self)}"
            )
        found = self._known[name]
        return self._imported(name, found) if isinstance(found, str) else found

    def _imported(self, name: str, module: str) -> type[T]:
        """Import the module that declares a name, unless it was already, and take its class."""
        imported = import_module(module)
        known = self._known.get(name)
        if isinstance(known, type):
            return known
        declared = vars(imported).values()
        found: type[T] = next(
            cls
            for cls in declared
            if isinstance(cls, type) and cls.__module__ == module and vars(cls).get("name") == name
        )
        self._known[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def items(self) -> list[tuple[str, type[T]]]:
        """Give name and class of every declaration, by name."""
        return [(name, self.get(name)) for name in sorted(self)]


def built_in(decorator: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Read off a room's modules what they declare: names, and the module that declares each."""
    declaration = re.compile(rb'^@%s\(\s*"(\w+)"' % decorator.encode(), re.MULTILINE)
    for path in sorted((*folder.glob("*.py"), *folder.glob(f"*/{decorator}.py"))):
        module = ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts))
        for name in declaration.findall(path.read_bytes()):
            yield name.decode(), module


def _module_of(declared: type[object] | str | None) -> str | None:
    """Name the module that declares a class, imported or not."""
    return declared.__module__ if isinstance(declared, type) else declared
