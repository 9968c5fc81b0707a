"""Say when an import takes seconds: whoever waits for TensorFlow is told so, wherever it is imported."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

HEAVY = {"tensorflow": "TensorFlow", "torch": "PyTorch"}
"""Packages that take seconds to import, by the name that people know them by."""


def announce(doing: Callable[[str], None]) -> None:
    """Have the import of a heavy package announced.

    Args:
        doing: is told what is being waited for, and "" when that is over.
    """
    sys.meta_path.insert(0, _Announcer(doing))


class _Announcer(MetaPathFinder):
    """Finds nothing itself: it looks a heavy package up among the others, and wraps what loads it."""

    def __init__(self, doing: Callable[[str], None]) -> None:
        self._doing = doing
        self._looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the spec of a heavy package with an announcing loader; None for all others."""
        if name not in HEAVY or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec is None or spec.loader is None:
            return None
        spec.loader = _Announced(spec.loader, HEAVY[name], self._doing)
        return spec


class _Announced(Loader):
    """Loads a package as its own loader does, between two announcements."""

    def __init__(self, loader: Loader, name: str, doing: Callable[[str], None]) -> None:
        self._loader, self._name, self._doing = loader, name, doing

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Give the module that the package's own loader makes."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the package; afterwards it has its own loader, which it may ask for its files."""
        self._doing(f"loading {self._name}")
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
        finally:
            self._doing("")
