"""Tools by import name: which distribution provides them, which version is installed, how to get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import PathFinder

from tflbuild.core import environment
from tflbuild.core.errors import MissingTool

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly"),
    "tf_keras": ("tf-keras", "tf-keras-nightly"),
    "tensorflow_model_optimization": ("tensorflow-model-optimization",),
    "ai_edge_litert": ("ai-edge-litert", "ai-edge-litert-nightly"),
    "litert_quantizer": ("litert-quantizer", "ai-edge-quantizer"),
    "numpy": ("numpy",),
    "PIL": ("pillow",),
    "ethosu": ("ethos-u-vela",),
    "tflite_micro": ("tflite-micro",),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "model_explorer": ("ai-edge-model-explorer",),
}
"""Distributions that may provide an import name, the usual one first."""

EXTRAS: dict[str, str] = {
    "ethosu": "ethos",
    "tflite_micro": "micro",
    "soundfile": "audio",
    "mlflow": "mlflow",
    "joblib": "joblib",
    "ray": "ray",
    "submitit": "submitit",
    "optuna": "optuna",
    "fsspec": "remote",
    "s3fs": "s3",
    "model_explorer": "view",
    "netron": "view",
    "tensorboard": "tensorboard",
}
"""The extra of tflbuild that installs a tool; other tools come with tflbuild itself."""


def version(tool: str) -> str | None:
    """Give the installed version of a tool by its import name, or of an environment; None where it is missing."""
    return environment.version(tool) if environment.is_environment(tool) else _installed(tool)


@cache
def _installed(tool: str) -> str | None:
    from importlib import metadata  # a fiftieth of a second, which `--help` has no need of

    for distribution in DISTRIBUTIONS.get(tool, (tool,)):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def version_behind(name: str) -> str | None:
    """Give the installed version of whatever distributions provide an import name; None where it is of none."""
    from importlib import metadata

    found = version(name)
    if found is not None or PathFinder.find_spec(name) is None:
        return found
    behind = {one: metadata.version(one) for one in sorted(set(_providers().get(name, ())))}
    return (
        next(iter(behind.values())) if len(behind) == 1 else ", ".join(map(" ".join, behind.items())) or None
    )


@cache
def _providers() -> Mapping[str, list[str]]:
    """Read every installed distribution, which takes a tenth of a second: for names that nothing else explains."""
    from importlib import metadata

    return metadata.packages_distributions()


def require(tools: Iterable[str], wanted_by: str) -> dict[str, str]:
    """Give the versions of tools.

    Raises:
        MissingTool: one is not installed; the message has the `pip install` line, or `tflbuild setup`.
    """
    versions = {}
    for tool in tools:
        if environment.is_environment(tool):
            versions[tool] = environment.require(tool, wanted_by).version
            continue
        found = version(tool)
        if found is None:
            package = f'"tflbuild[{EXTRAS[tool]}]"' if tool in EXTRAS else DISTRIBUTIONS.get(tool, (tool,))[0]
            raise MissingTool(f"{wanted_by} needs {tool}, which is not installed: pip install {package}")
        versions[tool] = found
    return versions
