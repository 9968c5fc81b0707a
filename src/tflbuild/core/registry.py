"""Declarations by name: passes, architectures, data sets, metrics, targets and hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar, dataclass_transform

from tflbuild.core.errors import NameTaken, PluginError, RecipeError, did_you_mean
from tflbuild.core.plain_text import plain

T = TypeVar("T")
C = TypeVar("C")


class Registry(Generic[T]):
    """A set of declared classes, each under one name; a class may be named before its module is imported.

    Args:
        noun: what is declared, as error messages say it.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._classes: dict[str, type[T] | str] = {}

    def expect(self, name: str, module: str) -> None:
        """Take note of the module that declares a name; it is imported when the class is asked for."""
        self._classes.setdefault(name, module)

    def add(self, name: str, cls: type[T]) -> None:
        """Declare `cls` under `name`.

        Raises:
            PluginError: the name is taken by a class of another module, or is not an identifier.
        """
        if not name.isidentifier():
            raise PluginError(f"{self.noun} name '{name}' in {cls.__module__}: letters, digits and _ only.")
        other = _module_of(self._classes.get(name))
        if other not in (None, cls.__module__):
            raise NameTaken(
                name,
                f"{cls.__module__} declares the {self.noun} '{name}', a name that {other} has taken; choose another.",
            )
        self._classes[name] = cls

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
        for name in [n for n, cls in self._classes.items() if _module_of(cls) == module]:
            del self._classes[name]

    def get(self, name: str, key: str = "") -> type[T]:
        """Find a class by name.

        Args:
            name: the declared name.
            key: the recipe key that named it, for the error message.

        Raises:
            RecipeError: nothing of that name is declared; the nearest spelling is offered.
        """
        if name not in self._classes:
            where = f"{key}: " if key else ""
            raise RecipeError(
                f"{where}there is no {self.noun} '{plain(name, 80)}'; there are {', '.join(sorted(self))}."
                f"{did_you_mean(name, self)}"
            )
        found = self._classes[name]
        return self._imported(name, found) if isinstance(found, str) else found

    def _imported(self, name: str, module: str) -> type[T]:
        """Import the module that declares a name, unless it was already, and take its class."""
        declared = vars(import_module(module)).values()
        found: type[T] = next(
            cls
            for cls in declared
            if isinstance(cls, type) and cls.__module__ == module and vars(cls).get("name") == name
        )
        self._classes[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def items(self) -> list[tuple[str, type[T]]]:
        """Give name and class of every declaration, by name."""
        return [(name, self.get(name)) for name in sorted(self)]


def _module_of(declared: type[object] | str | None) -> str | None:
    """Name the module that declares a class, imported or not."""
    return declared.__module__ if isinstance(declared, type) else declared
