"""Compile models for on-device TensorFlow Lite: declared, measured, cached and explained.

    import tflbuild

    report = tflbuild.build("int8", ["model.path=best.onnx", "data.root=photos/"])

What stands in `__all__` is public; importing the package imports none of it before it is used. See docs/python.md.
"""

from __future__ import annotations

import sys

if (
    sys.argv[:1] == ["-m"] and not sys.flags.safe_path
):  # so it is while `python -m tflbuild` looks for this package
    del sys.path[0]  # the current folder, where a stray random.py may lie

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflbuild import runtime as runtime
    from tflbuild.api.check import Check, check
    from tflbuild.api.compare import Comparison, compare
    from tflbuild.api.diagnose import Diagnosis, diagnose
    from tflbuild.api.plan import Plan, plan
    from tflbuild.api.predict import predict
    from tflbuild.core.artifact import KerasModel, OnnxModel, SavedModel, TFLiteModel
    from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
    from tflbuild.core.errors import (
        BudgetExceeded,
        DataError,
        Drift,
        MissingTool,
        PassError,
        PluginError,
        RecipeError,
        StoreError,
        TflbuildError,
    )
    from tflbuild.core.hook import Hook, hook
    from tflbuild.core.meaning import Meaning
    from tflbuild.session import build
    from tflbuild.show.inference import Prediction
    from tflbuild.show.notebook import Report, load_report
    from tflbuild.sweep.calling import Sweep, load_sweep, sweep

__version__ = "0.1.0"

__all__ = [
    "BudgetExceeded",
    "Check",
    "Comparison",
    "DataError",
    "Diagnosis",
    "Drift",
    "Hook",
    "KerasModel",
    "Meaning",
    "MissingTool",
    "OnnxModel",
    "Pass",
    "PassContext",
    "PassError",
    "Plan",
    "PluginError",
    "Prediction",
    "RecipeError",
    "Report",
    "SavedModel",
    "StoreError",
    "Sweep",
    "TFLiteModel",
    "TflbuildError",
    "__version__",
    "build",
    "check",
    "compare",
    "compiler_pass",
    "diagnose",
    "hook",
    "load_report",
    "load_sweep",
    "plan",
    "predict",
    "runtime",
    "sweep",
]

_PLACES = {
    "api.check": ("Check", "check"),
    "api.compare": ("Comparison", "compare"),
    "api.diagnose": ("Diagnosis", "diagnose"),
    "api.plan": ("Plan", "plan"),
    "api.predict": ("predict",),
    "core.artifact": ("KerasModel", "OnnxModel", "SavedModel", "TFLiteModel"),
    "core.compiler_pass": ("Pass", "PassContext", "compiler_pass"),
    "core.errors": (
        "BudgetExceeded",
        "DataError",
        "Drift",
        "MissingTool",
        "PassError",
        "PluginError",
        "RecipeError",
        "StoreError",
        "TflbuildError",
    ),
    "core.hook": ("Hook", "hook"),
    "core.meaning": ("Meaning",),
    "session": ("build",),
    "show.inference": ("Prediction",),
    "show.notebook": ("Report", "load_report"),
    "sweep.calling": ("Sweep", "load_sweep"),
}
"""Where what is public is declared, by module."""

_MODULES = ("runtime", "sweep")
"""Public names that are modules; `sweep` can be called."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    for place, names in _PLACES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"{__name__}.{place}"), name)
            return value
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
