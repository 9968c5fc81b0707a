"""Entry points that the engine resolves at run time, to keep frameworks out of the main process."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Names:
    """Dotted names, each "package.module:function" but for `evaluation`.

    Attributes:
        predict: by kind of model, writes its predictions on a split.
        truth: writes a split's annotations.
        merge: joins what either wrote of neighbouring images.
        evaluation: module with `measure` and `compare`.
        chance: holds a base's predictions against chance.
        readings: tries a base that is no better than chance with other readings of its input.
        check_runs: allocates and invokes a `.tflite`; raises if it does not run.
        check_opens: looks whether a Keras model's file is one; raises if it is not.
        external: reads a calibration source that is no split.
        inspect: gives a file's digest and whether it decodes.
    """

    predict: Mapping[str, str] = field(
        default_factory=lambda: {
            "KerasModel": "tflbuild.metrics.keras_predictions:predict_file",
            "TFLiteModel": "tflbuild.metrics.tflite_predictions:predict_file",
        }
    )
    truth: str = "tflbuild.metrics.truth:truth_file"
    merge: str = "tflbuild.metrics.arrays:merge"
    evaluation: str = "tflbuild.metrics.evaluation"
    chance: str = "tflbuild.metrics.chance:judge"
    readings: str = "tflbuild.metrics.readings:explain"
    check_runs: str = "tflbuild.runtimes.litert:check_runs"
    check_opens: str = "tflbuild.formats.keras.header:check_opens"
    external: str = "tflbuild.data.layouts.external:external_split"
    inspect: str = "tflbuild.modalities.image.files:inspect"


def named(dotted: str) -> Callable[..., Any]:
    """Import the object that "package.module:name" names."""
    module, _, name = dotted.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def load_nothing(argument: object) -> None:
    """Load no declarations: what a process needs that only reads files of others."""
