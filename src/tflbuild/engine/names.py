"""What the engine reaches by dotted name, because it may not import it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Names:
    """Dotted names, each "package.module" or "package.module:function".

    Attributes:
        evaluation: module with `predict_file`, `truth_file`, `measure` and `compare`.
        check_runs: allocates and invokes a `.tflite`; raises if it does not run.
        external: reads a calibration source that is no split.
        inspect: gives a file's digest and whether it decodes.
    """

    evaluation: str = "tflbuild.metrics.evaluation"
    check_runs: str = "tflbuild.backends.litert:check_runs"
    external: str = "tflbuild.data.external:external_split"
    inspect: str = "tflbuild.vision.image:inspect"


def named(dotted: str) -> Callable[..., Any]:
    """Give what "package.module:name" names."""
    module, _, name = dotted.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
