"""Compile models for on-device TensorFlow Lite: declared, measured, cached and explained."""

from __future__ import annotations

import sys

if (
    sys.argv[:1] == ["-m"] and not sys.flags.safe_path
):  # so it is while `python -m tflbuild` looks for this package
    del sys.path[0]  # the current folder, where a stray random.py may lie

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tflbuild.core.artifact import KerasModel, OnnxModel, SavedModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.hook import Hook, hook
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.engine.report import Report

__version__ = "0.1.0"

__all__ = [
    "Hook",
    "KerasModel",
    "Meaning",
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
