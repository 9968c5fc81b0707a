"""Names of the rungs of a ladder, and the models of a recipe's steps among those that an analysis is given."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.core.analysis import STEP
from tflbuild.core.artifact import Artifact, TFLiteModel

PASS = "pass:"
"""Begins the name of a rung that a pass made, unless it is of another name."""

TRAINED, BASE, CONVERTED, DELEGATE = "trained", "base", "converted", "delegate"
WEIGHTS, ACTIVATIONS, ENDS, INTEGERS, KERNELS = "weights", "activations", "ends", "integers", "kernels"
SUPPRESSION, LABELS, PREPROCESS = "suppression", "labels", "preprocess"
FILE = "file"


def labels_in(models: Mapping[str, Artifact]) -> list[str]:
    """Give the labels of the recipe's steps among the models of an analysis, in order."""
    return [name.removeprefix(STEP) for name in models if name.startswith(STEP)]


def float_step(models: Mapping[str, Artifact]) -> TFLiteModel | None:
    """Give the last float `.tflite` that a step gave; the base where that is one; None without any."""
    made = [model for name, model in models.items() if name.startswith(STEP) or name == BASE]
    floats = [model for model in made if isinstance(model, TFLiteModel) and not model.meta.get("quantized")]
    return floats[-1] if floats else None
