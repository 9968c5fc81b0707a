from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parent))

import fake_cli
import fakes
import sweep_fakes
from sweep_place import GROUPS, RECIPE, Place

from tflbuild import plugins, session
from tflbuild.core.compiler_pass import ARCHITECTURES, PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS

plugins.load(None)  # before a test hides the built-in declarations, since they are made once a process
MODULES = (fakes, sweep_fakes)
REGISTRIES: tuple[Registry[Any], ...] = (PASSES, ARCHITECTURES, DATASETS, METRICS, TARGETS, HOOKS)


def pytest_collection_finish() -> None:
    """Take the fakes back; not before tests/engine/conftest.py, which may come later, has looked at them."""
    for registry in REGISTRIES:
        for module in MODULES:
            registry.remove_module(module.__name__)


def _declared(registry: Registry[Any]) -> dict[str, Any]:
    """Give what the fakes declare in a registry."""
    kind = {id(PASSES): "Pass", id(ARCHITECTURES): "Architecture", id(DATASETS): "Dataset"}
    kind |= {id(METRICS): "Metric", id(TARGETS): "Target", id(HOOKS): "Hook"}
    return {
        cls.name: cls
        for module in MODULES
        for cls in vars(module).values()
        if isinstance(cls, type)
        and cls.__module__ == module.__name__
        and kind[id(registry)] in [parent.__name__ for parent in cls.__mro__]
    }


@pytest.fixture(autouse=True)
def only_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the fakes and nothing else, for one test."""
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_classes", _declared(registry))
    monkeypatch.setattr(session, "worker_for", fake_cli.worker_for)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Stand in a folder with the recipe `fake`."""
    for name, text in {"fake.yaml": RECIPE, **GROUPS}.items():
        path = tmp_path / "recipes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = tmp_path / "fake.log"
    log.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TFLBUILD_STORE", raising=False)
    monkeypatch.setenv("FAKE_LOG", str(log))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    place = Place(tmp_path, log)
    yield place
    for process in place.started:
        process.kill()
        process.wait()
