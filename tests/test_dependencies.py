"""What the package imports is declared, and every extra is tried by itself."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

OFFERED = {
    "cmaes": "a sampler of Optuna's that the user installs; the error says so",
}
"""Modules that are imported where the user has them, and belong to no extra."""


def names(requirements: list[str]) -> set[str]:
    """Give the names of distributions as `importlib.metadata` normalises them."""
    found = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def imported() -> dict[str, str]:
    """Give every foreign module that the package imports, with a file that does."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for module in modules:
                found.setdefault(module.partition(".")[0], str(path.relative_to(ROOT)))
    own = {*sys.stdlib_module_names, "tflbuild", "tflbuild_plugins"}
    return {module: path for module, path in found.items() if module not in own}


@pytest.mark.slow
def test_every_imported_module_belongs_to_a_declared_distribution() -> None:
    declared = names(PROJECT["dependencies"])
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra != "dev":
            declared |= names(requirements)
    distributions = metadata.packages_distributions()
    for module, path in imported().items():
        if module in OFFERED:
            continue
        if module not in distributions:
            pytest.skip(f"{module} is not installed here")
        assert names(distributions[module]) & declared, f"{path} imports {module}, which nothing declares"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("try_extras", ROOT / ".ci" / "try_extras.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_extra_is_tried() -> None:
    assert set(script().EXTRAS) == {"", *PROJECT["optional-dependencies"]} - {"dev"}


def test_each_extra_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    module = script()
    seen = set()
    for count in range(len(module.EXTRAS) - 1):
        done = module.subprocess.CompletedProcess([], 0, stdout=f"{count}\n")
        monkeypatch.setattr(module.subprocess, "run", lambda *given, done=done, **options: done)
        seen |= set(module.chosen(["turn"]))
    assert seen == set(module.EXTRAS) - {""}
