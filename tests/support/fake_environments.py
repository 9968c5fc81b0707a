"""Environments that are made in no time: the Python of the tests, and no package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tflbuild.core.environment import ENVIRONMENTS, Environment, Made
from tflbuild.environments.making import installing, pythons


class Toy(Environment):
    """Nothing that anybody needs."""

    name: ClassVar[str] = "toy"
    pythons: ClassVar[tuple[str, ...]] = (f"{sys.version_info[0]}.{sys.version_info[1]}",)
    main: ClassVar[str] = "numpy"
    requirements: ClassVar[tuple[str, ...]] = ("numpy==0",)
    imports: ClassVar[tuple[str, ...]] = ("json",)


def here(folder: Path) -> Made:
    """Give an environment that is the Python of the tests."""
    return Made(
        name="toy", folder=folder, python=Path(sys.executable), python_version="3", packages={"numpy": "1"}
    )


def declare(monkeypatch: pytest.MonkeyPatch, cache: Path, cls: type[Environment] = Toy) -> type[Environment]:
    """Declare one environment alone, in a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    known: Any = ENVIRONMENTS
    monkeypatch.setattr(known, "_classes", {cls.name: cls})
    return cls


def make_quickly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a venv be a link to the Python of the tests, and installing nothing; gives what was done."""
    done: list[str] = []

    def fresh(wanted: Environment, folder: Path, tell: Any) -> Path:
        done.append("venv")
        program = folder / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.symlink_to(sys.executable)
        (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")
        return program

    def install(wanted: Environment, program: Path, tell: Any, wheels: Path | None = None) -> None:
        done.append(f"wheels {wheels}" if wheels else "packages")
        tell("fetching")

    monkeypatch.setattr(installing, "fresh", fresh)
    monkeypatch.setattr(installing, "install", install)
    monkeypatch.setattr("tflbuild.environments.making.make._contents", lambda *_: ("3.13.0", {"numpy": "0"}))
    return done


__all__ = ["Toy", "declare", "here", "make_quickly", "pythons"]
