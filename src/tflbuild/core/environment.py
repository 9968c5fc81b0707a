"""Environments: packages of others that pin other versions than ours, each set in a Python of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core import digest
from tflbuild.core.cache import cache_folder
from tflbuild.core.errors import MissingTool
from tflbuild.core.registry import Registry

ENVIRONMENTS: Registry[Environment] = Registry("environment", "environment", "environments")

PREFIX = "environment:"
"""The beginning of an environment's name among the tools that a declaration needs, e.g. "environment:onnx"."""

READY = "ready.json"
"""The file that an environment has once all of it is there; it is written last."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Base of every environment. Declared with `@environment("name")`; its docstring says what it is for."""

    name: ClassVar[str] = ""
    pythons: ClassVar[tuple[str, ...]] = ()
    """Versions of Python that its packages run on, e.g. "3.13"; the best one first."""
    requirements: ClassVar[tuple[str, ...]] = ()
    """Every package with its version, "NAME==VERSION": those that were asked for, and those that these need."""
    main: ClassVar[str] = ""
    """The package that it is made for, whose version people are told."""
    imports: ClassVar[tuple[str, ...]] = ()
    """Modules that are imported once, before it counts as made."""

    def folder(self) -> Path:
        """Give the folder of the environment; other requirements give another folder."""
        pins = digest.of_json([list(self.pythons), sorted(self.requirements)])
        return cache_folder("environments") / f"{type(self).name}-{pins[:12]}"

    def made(self) -> Made | None:
        """Give the environment as it was made; None if it is missing or incomplete, or its Python is gone."""
        folder = self.folder()
        try:
            found = json.loads((folder / READY).read_text(encoding="utf-8"))
            made = Made(
                name=type(self).name,
                folder=folder,
                python=folder / found["interpreter"],
                python_version=str(found["python"]),
                packages={str(name): str(version) for name, version in found["packages"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return made if made.python.is_file() else None


@dataclass(frozen=True, kw_only=True)
class Made:
    """An environment that is there.

    Attributes:
        name: of the environment.
        folder: that it lies in.
        python: its interpreter.
        python_version: e.g. "3.13.0".
        packages: versions by the name of the package.
    """

    name: str
    folder: Path
    python: Path
    python_version: str
    packages: dict[str, str]

    @property
    def version(self) -> str:
        """Give the version for keys: that of its main package, and a digest of all packages."""
        main = ENVIRONMENTS.get(self.name).main
        everything = digest.of_json([self.python_version, self.packages])
        return f"{main} {self.packages.get(main, '?')}, {everything[:12]}"

    def to_json(self) -> dict[str, Any]:
        """Give the form of `ready.json`."""
        return {
            "interpreter": str(self.python.relative_to(self.folder)),
            "python": self.python_version,
            "packages": self.packages,
        }


def is_environment(tool: str) -> bool:
    """Say whether a tool is an environment rather than a package."""
    return tool.startswith(PREFIX)


def version(tool: str) -> str | None:
    """Give the version of the environment that a tool stands for; None if it is missing."""
    made = ENVIRONMENTS.get(tool.removeprefix(PREFIX))().made()
    return made.version if made else None


def require(tool: str, wanted_by: str) -> Made:
    """Give an environment.

    Args:
        tool: its name behind `PREFIX`.
        wanted_by: as a sentence begins, e.g. "pass 'load'".

    Raises:
        MissingTool: it was not made; the message has the command.
    """
    name = tool.removeprefix(PREFIX)
    made = ENVIRONMENTS.get(name)().made()
    if made is None:
        raise MissingTool(
            f"{wanted_by} needs the environment '{name}', which is not there; make it once: tflbuild setup {name}"
        )
    return made


environment = ENVIRONMENTS.declare
"""Class decorator: declare an environment under a name."""
