"""Modules that need TensorFlow, replaced by what a test writes down."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOMS = [import_module(f"tflbuild.{room}") for room in ("backends", "training", "tflite", "quantization")]


class Fake:
    """Modules in the place of those that import a framework, so that what a pass does with them is seen fast.

    Attributes:
        calls: what was called, in order: name, arguments, options.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if (
            "tensorflow" not in sys.modules
        ):  # what would import it has to be replaced, or it would keep the fakes
            monkeypatch.setitem(sys.modules, "tensorflow", None)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def module(self, monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> SimpleNamespace:
        """Put a module in the place of that of its name in one of the rooms; calls of its functions are noted."""
        (room,) = [room for room in ROOMS if Path(str(room.__file__)).with_name(f"{name}.py").exists()]
        made = SimpleNamespace(
            **{
                key: self._noted(f"{name}.{key}", value)
                if callable(value) and not isinstance(value, type)
                else value
                for key, value in members.items()
            }
        )
        monkeypatch.setitem(sys.modules, f"{room.__name__}.{name}", made)
        monkeypatch.setattr(room, name, made, raising=False)
        return made

    def fresh(self, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
        """Import a module anew, so that what it imports is what was put in place; afterwards it is forgotten."""
        room, _, own = name.rpartition(".")
        monkeypatch.setattr(import_module(room), own, None, raising=False)
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
        return import_module(name)

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """Give the arguments of each call of one function; options, where there are any, come last."""
        return [
            (*given, options) if options else given for called, given, options in self.calls if called == name
        ]

    def _noted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            self.calls.append((name, given, options))
            return function(*given, **options)

        return call
