"""Registries that know, for one test, what modules of fakes declare, and little else."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from tflbuild.core.analysis import ANALYSES, Analysis
from tflbuild.core.architecture import ARCHITECTURES, Architecture
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.hook import HOOKS, Hook
from tflbuild.core.metric import METRICS, Metric
from tflbuild.core.modality import MODALITIES, Modality
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS, Target
from tflbuild.core.task import TASKS, Task

ALONE: dict[Registry[Any], type[Any]] = {
    PASSES: Pass,
    ARCHITECTURES: Architecture,
    DATASETS: Dataset,
    METRICS: Metric,
    TARGETS: Target,
    HOOKS: Hook,
}
"""Registries that know nothing but fakes then, with the base of what is declared there."""

BESIDE: dict[Registry[Any], type[Any]] = {TASKS: Task, MODALITIES: Modality, ANALYSES: Analysis}
"""Registries that know the built-in declarations too."""


def declare(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Declare what modules declare and, but for tasks, modalities and analyses, nothing else."""
    for registry, base in {**ALONE, **BESIDE}.items():
        kept = registry._known if registry in BESIDE else {}
        monkeypatch.setattr(registry, "_classes", {**kept, **_declared(base, modules)})


def take_back(*modules: ModuleType) -> None:
    """Take back what importing modules declared."""
    for registry in (*ALONE, *BESIDE):
        for module in modules:
            registry.remove_module(module.__name__)


def _declared(base: type[Any], modules: tuple[ModuleType, ...]) -> dict[str, Any]:
    return {
        cls.name: cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and cls.__module__ == module.__name__ and issubclass(cls, base)
    }
