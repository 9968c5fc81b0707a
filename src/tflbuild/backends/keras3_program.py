"""Run a model in Keras 3: a program of its own, since tf_keras and Keras 3 do not share a process.

It is started by `tflbuild.backends.keras3_reference` with the paths of a model that was checked to hold built-in layers
alone, of its input, and of what it gives.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 8


def main() -> None:
    """Write the outputs of a model, and the version of Keras; one line of JSON with `error` where that fails."""
    model, given, made = map(Path, sys.argv[1:4])
    try:
        keras = importlib.import_module("keras")
        loaded = keras.saving.load_model(model, compile=False, safe_mode=True)
        with np.load(given, allow_pickle=False) as arrays:
            inputs = [arrays[name] for name in arrays.files]
        rows = [
            _run(loaded, [one[at : at + BATCH] for one in inputs]) for at in range(0, len(inputs[0]), BATCH)
        ]
        outputs = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
        named: dict[str, Any] = {str(number): value for number, value in enumerate(outputs)}
        np.savez(made, **named)
        answer = {"version": str(keras.__version__)}
    except Exception as error:  # noqa: BLE001  # whatever Keras raises is said by whoever started this
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _run(model: Any, inputs: list[Any]) -> list[Any]:
    given = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(one) for one in (given if isinstance(given, list | tuple) else [given])]
