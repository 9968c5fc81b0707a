"""Compile models for on-device TensorFlow Lite: declared, measured, cached and explained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tflbuild.core.artifact import KerasModel, ModelFacts, OnnxModel, SavedModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.hook import Hook, hook

if TYPE_CHECKING:
    from tflbuild.engine.report import Report

__version__ = "0.1.0"

__all__ = [
    "Hook",
    "KerasModel",
    "ModelFacts",
    "OnnxModel",
    "Pass",
    "PassContext",
    "SavedModel",
    "TFLiteModel",
    "__version__",
    "build",
    "compiler_pass",
    "hook",
]


def build(recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Report:
    """Build a recipe and give its report; see `tflbuild.session.build`."""
    from tflbuild.session import build as build_recipe

    return build_recipe(recipe, overrides, show=show)
