"""Hold a file that a pass just wrote to being one that its runtime executes."""

from __future__ import annotations

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import usual_runtime


def prove(model: Artifact) -> None:
    """Let the runtime that executes such models prove this one.

    Raises:
        BrokenPromise: it cannot be executed.
    """
    usual_runtime(model.kind)().prove(model)
