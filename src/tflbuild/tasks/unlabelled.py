"""Data without labels, and outputs that nobody gave a meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tflbuild.core.meaning import Meaning
from tflbuild.core.task import Outputs, Rows, Task, task

MOST_VALUES = 1 << 16
"""Values of an output that are kept of each sample; of a larger one, so many, evenly from all of it."""

OUTPUT = "output:"
"""Beginning of the name of an array of predictions that holds an output as it is."""


@task("unlabelled")
class Unlabelled(Task):
    """Outputs as they are: nobody says what is right, so that a model is held to its base alone (`fidelity`)."""

    labelled = False
    comparing: ClassVar[str] = "tflbuild.tasks.comparing_outputs:disagreement"

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give the values of each output, (values,) float32."""
        return {f"{OUTPUT}{name}": _some(value.ravel()) for name, value in outputs.items()}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Give (samples, values) float32 of each output."""
        import numpy as np

        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give how many samples there are; nothing is known of them."""
        import numpy as np

        return {"samples": np.ones(len(annotations), np.int32)}


def _some(values: Any) -> Any:
    import numpy as np

    if len(values) <= MOST_VALUES:
        return values
    return values[np.linspace(0, len(values) - 1, MOST_VALUES).astype(np.int64)]
