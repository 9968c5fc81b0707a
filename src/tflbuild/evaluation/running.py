"""Run a model on a few samples, and give its outputs as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import Artifact
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import usual_runtime
from tflbuild.evaluation.examples import Encoder
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import check_inputs, of_row, readable


def outputs_of(model: Artifact, values: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float32]]:
    """Run a model on raw samples, one after the other.

    Args:
        model: with its meaning.
        values: what a data set gives, see `tflbuild.core.dataset.Example.value`, by the samples' keys.

    Returns:
        Each output by name, (samples, ...) float32.
    """
    meaning = Meaning.of(model)
    execution, encoder = usual_runtime(model.kind)().open(model), Encoder(meaning)
    check_inputs(execution, meaning, model)
    rows: dict[str, list[npt.NDArray[np.float32]]] = {}
    for key, value in values.items():
        inputs = {
            name: as_input(found.codes[None], encoder.kinds[name], execution.signature.inputs[name])
            for name, found in encoder(value, key).items()
        }
        for name, output in readable(execution.run(inputs), execution).items():
            rows.setdefault(name, []).append(of_row(output, 0, 1))
    return {name: np.stack(found) for name, found in rows.items()}
