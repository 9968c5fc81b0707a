"""Reconstruction: detect anomalies by the error of an autoencoder that has seen normal samples alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tflbuild.core.answer import Answer
from tflbuild.core.field_checks import Check, text_mapping
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.core.task import GIVEN, Outputs, Rows, Task, task
from tflbuild.core.tensor_description import TensorDescription

ERRORS = "errors"
"""Name of the predictions of a split: (samples,) float32, the anomaly score of each."""

OUTPUT = "output:reconstruction"
"""Name of the predictions that hold what the model made of a sample, of the middle piece where there are several."""

RECONSTRUCTION = "reconstruction"
"""Role of the output in a head; the one output of a file has it, whatever it is called."""

NORMAL, ABNORMAL = 0, 1
"""Labels of samples."""

CLASSES = ("normal", "abnormal")
"""Names of the labels."""

MOST_VALUES = 4096
"""Values of an output that are kept of each sample; of a larger one, so many, evenly from all of it."""


@task("reconstruction")
class Reconstruction(Task):
    """Its own input again: the mean squared error of the output is the anomaly score of a sample.

    The output is dequantized, and compared with the float values of the input before these are quantized. The score of
    a recording that is cut into pieces is the mean over its pieces. Training sees normal samples alone.
    """

    purpose = "Gives its input again. The mean squared error says how unusual a sample is."
    usual_steps = 1000  # on `machines`, with a batch of 256, 608 reached an auc of 0.918 on test
    reads_inputs: ClassVar[bool] = True
    joins: ClassVar[bool] = True
    bounded: ClassVar[bool] = False
    recognised: ClassVar[bool] = False
    label_names: ClassVar[tuple[str, ...]] = CLASSES
    training: ClassVar[str] = "tflbuild.tasks.reconstruction.training"
    comparing: ClassVar[str] = "tflbuild.tasks.reconstruction.comparing:disagreement"
    head_checks: ClassVar[Mapping[str, Check]] = {"outputs": text_mapping}

    def is_learned_from(self, labels: Sequence[int]) -> bool:
        """Say whether a sample is normal: what is abnormal must stay unusual to the model, and to its ranges."""
        return ABNORMAL not in labels

    def mismatch(self, signature: Signature) -> str:
        """Say why a file cannot be an autoencoder: it has not one input and one output of as many numbers."""
        ends = (signature.inputs, signature.outputs)
        if any(len(end) != 1 for end in ends):
            return (
                f"it has {len(ends[0])} inputs and {len(ends[1])} outputs, and an autoencoder has one of each"
            )
        given, made = (next(iter(end.values())) for end in ends)
        sides = [side for spec in (given, made) for side in spec.shape[1:]]
        if any(side < 0 for side in sides) or math.prod(given.shape[1:]) == math.prod(made.shape[1:]):
            return ""
        return (
            f"its output {made.text} has another number of values than its input {given.text}, and an autoencoder "
            f"gives its input again"
        )

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give the mean squared error, and the output.

        Raises:
            ValueError: the output has another number of values than the input.
        """
        import numpy as np

        name = output_of(outputs, meaning)
        made = np.asarray(outputs[name], np.float32).ravel()
        given = np.asarray(outputs[f"{GIVEN}{next(iter(meaning.inputs))}"], np.float32).ravel()
        if made.shape != given.shape:
            raise ValueError(f"the output '{name}' has {made.size} values, and the input {given.size}")
        error = np.square(made.astype(np.float64) - given).mean()
        return {ERRORS: np.float32(error), OUTPUT: _some(made)}

    def joined(self, rows: Sequence[Rows]) -> Rows:
        """Give the mean error of all pieces, and the output for the middle one."""
        import numpy as np

        errors = np.array([row[ERRORS] for row in rows], np.float64)
        return {ERRORS: np.float32(errors.mean()), OUTPUT: rows[len(rows) // 2][OUTPUT]}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Give `errors` (samples,) and `output:reconstruction` (samples, values)."""
        import numpy as np

        return {
            ERRORS: np.array([row[ERRORS] for row in rows], np.float32),
            OUTPUT: np.stack([row[OUTPUT] for row in rows]),
        }

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give `labels` (samples,) int32, 0 for normal and 1 for abnormal, and `names`."""
        import numpy as np

        return {
            "labels": np.concatenate([row.labels for row in annotations]).astype(np.int32),
            "names": np.array(CLASSES, np.str_),
        }

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Say what the output is, and how a score follows from it."""
        said = "The input again. The anomaly score is the mean of the squared differences from the input."
        return {output_of(outputs, meaning): TensorDescription(name=RECONSTRUCTION, description=said)}

    def judged(self, answers: Sequence[Any], threshold: float) -> str:
        """Give "abnormal" where the score reaches the threshold, else "normal"."""
        return CLASSES[ABNORMAL if any(one.score >= threshold for one in answers) else NORMAL]

    def found(self, rows: Rows, meaning: Meaning) -> list[Answer]:
        """Give the anomaly score."""
        from tflbuild.tasks.labels import refuse_not_finite

        refuse_not_finite(rows[ERRORS], "anomaly score")
        return [Answer(label="anomaly score", score=float(rows[ERRORS]))]


def output_of(outputs: Mapping[str, Any], meaning: Meaning) -> str:
    """Name the output that is the input again.

    Raises:
        ValueError: there are several, and the head names none.
    """
    said = meaning.head.get("outputs", {}).get(RECONSTRUCTION)
    own = [name for name in outputs if not name.startswith(GIVEN)]
    if said is None and len(own) != 1:
        raise ValueError(f"an autoencoder has one output, and this has {len(own)}")
    return said if said is not None else own[0]


def _some(values: Any) -> Any:
    import numpy as np

    if len(values) <= MOST_VALUES:
        return values
    return values[np.linspace(0, len(values) - 1, MOST_VALUES).astype(np.int64)]
