"""Regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tflbuild.core.answer import Answer
from tflbuild.core.dataset import Split
from tflbuild.core.field_checks import Check, number, rows_of, text_mapping
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import TensorSpec
from tflbuild.core.task import Outputs, Rows, Task, task
from tflbuild.core.tensor_description import TensorDescription

VALUES = "values"
"""Name of the output of a regression that tflbuild converted."""

MOST_VALUES = 1 << 12


@task("regression")
class Regression(Task):
    """One or several real numbers of a sample: the output `values` (values,) holds them in the data's own units.

    A model is trained on numbers of mean 0 and deviation 1. Its graph ends in a layer that multiplies by the deviation
    of the train split and adds its mean, so the file needs no arithmetic behind it. `head.mean` and `head.std` keep
    the two. A file of others may name the output otherwise, `head.outputs.values`.
    """

    purpose = "Gives numbers for a sample, in the units of the data that it was trained on."
    usual_steps = 1200  # on `gauges`, 400 reached a mean absolute error of 10.7 of 100 and 1200 reached 2.1
    stepped = True
    label_noun = ("value", "values")
    serving: ClassVar[str] = "tflbuild.tasks.regression.training:served"
    training: ClassVar[str] = "tflbuild.tasks.regression.training"
    comparing: ClassVar[str] = "tflbuild.tasks.regression.comparing:disagreement"
    head_checks: ClassVar[Mapping[str, Check]] = {
        "outputs": text_mapping,
        "mean": rows_of(number(), MOST_VALUES),
        "std": rows_of(number(above=0), MOST_VALUES),
    }

    def ended(self, model: Any, split: Split) -> tuple[Any, Mapping[str, Any]]:
        """Append the layer that gives the units of the data."""
        made: tuple[Any, Mapping[str, Any]] = self._trained("ended")(model, split)
        return made

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give `values`, (values,) float32."""
        name = meaning.head.get("outputs", {}).get(VALUES, VALUES)
        return {VALUES: outputs[name].ravel()}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Collect values by the data's names; one that the model does not give is no number."""
        import numpy as np

        from tflbuild.tasks.labels import columns, missing

        raw = np.stack([row[VALUES] for row in rows])
        if not classes or not meaning.labels:
            return {VALUES: raw}
        places = columns(meaning.labels, classes)
        values = np.full((len(raw), len(classes)), np.nan, np.float32)
        values[:, places[places >= 0]] = raw[:, places >= 0]
        return {VALUES: values, "missing": missing(meaning.labels, classes)}

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give `values` (samples, values) float64 and `names` (values,)."""
        import numpy as np

        return {
            VALUES: np.stack([row.labels for row in annotations]).astype(np.float64),
            "names": np.array(classes, np.str_),
        }

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Say which values there are."""
        name = meaning.head.get("outputs", {}).get(VALUES, VALUES)
        named = ", ".join(meaning.labels)
        return {
            name: TensorDescription(name=VALUES, description=f"Values, in the units of the data: {named}.")
        }

    def found(self, rows: Rows, meaning: Meaning) -> list[Answer]:
        """Give every value by its name, in the order of the model."""
        from tflbuild.tasks.labels import label_of, refuse_not_finite

        refuse_not_finite(rows[VALUES], VALUES)
        return [
            Answer(label=label_of(meaning.labels, place), score=1.0, value=value)
            for place, value in enumerate(rows[VALUES].tolist())
        ]
