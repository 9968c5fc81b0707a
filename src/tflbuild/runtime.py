"""Run a delivered `.tflite` from Python: raw samples in, answers with class names out.

    from tflbuild.runtime import Predictor

    predictor = Predictor("model.tflite")
    for found in predictor("photo.jpg").found:
        print(found.label, found.score, found.box)

Samples are prepared, and outputs read, by what the file says of itself, through the code that `tflbuild predict`
and every measurement use. On a device it needs NumPy, ai-edge-litert and annotated-types, and Pillow for pictures:

    pip install --no-deps tflbuild && pip install numpy ai-edge-litert annotated-types pillow
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.answer import Answer
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Answer", "Predicted", "Predictor", "TensorSpec"]

Sample = Any
"""A path, or an array: (height, width, 3) uint8 RGB of a picture, (samples,) of a recording at the rate of its front
end, numbers in the input's shape of a vector."""


@dataclass(frozen=True)
class Predicted:
    """The answer of a model about one sample.

    Attributes:
        found: objects of a detector, the best five classes of a classifier, the surest first; () where the outputs
            have no meaning to people. Each has a `label`, a `score` in 0..1 and, of an object, a `box`, which is
            (ymin, xmin, ymax, xmax) in 0..1 of the picture as it was given.
        outputs: every output of the file by name: float32, dequantized, without the batch axis.
    """

    found: tuple[Answer, ...]
    outputs: Mapping[str, NDArray[np.float32]]

    @property
    def best(self) -> Answer | None:
        """Give the surest answer; None where there is none."""
        return self.found[0] if self.found else None


class Predictor:
    """A delivered `.tflite`, loaded in LiteRT.

    Args:
        model: path of the file. It must be one that tflbuild delivered: others do not say how samples become inputs.
        threads: of the interpreter; answers do not depend on it.

    Attributes:
        path: of the file.
        task: what its outputs mean: "detection", "classification", "unlabelled", ...
        labels: class names, by index; () where the file has none.
        inputs: by name, `shape` with the batch axis, `dtype`, `scale` and `zero_point` of each tensor.
        outputs: likewise.

    Raises:
        RecipeError: the file cannot be loaded, is not what it says of itself, or tflbuild did not make it.
    """

    def __init__(self, model: str | os.PathLike[str], *, threads: int = 1) -> None:
        from tflbuild.evaluation.answering import open_file
        from tflbuild.runtimes.litert import Litert

        self.path = Path(model)
        if not self.path.is_file():
            raise RecipeError(f"{plain(self.path)} is not a file; expected a delivered .tflite.")
        self._opened = open_file(self.path, Litert(threads=threads))
        meaning, signature = self._opened.meaning, self._opened.execution.signature
        self.task: str = meaning.task
        self.labels: tuple[str, ...] = meaning.labels
        self.inputs: Mapping[str, TensorSpec] = dict(signature.inputs)
        self.outputs: Mapping[str, TensorSpec] = dict(signature.outputs)

    def __call__(self, sample: Sample | Mapping[str, Sample], *, threshold: float = 0.0) -> Predicted:
        """Run the model on one raw sample.

        Args:
            sample: a path of a picture, a recording, or an `.npy` for inputs of numbers; or an array: a picture is
                (height, width, 3) uint8 RGB of any size, numbers have the input's shape without the batch axis.
                A model of several inputs takes a mapping of their names to one each.
            threshold: answers with a lower score are left out; 0 for none.

        Raises:
            RecipeError: the sample cannot be read or does not fit, or the file is not what it says of itself.
        """
        from tflbuild.evaluation.answering import answer

        made = answer(self._opened, self._read(sample), self.path)
        return Predicted(tuple(one for one in made.found if one.score >= threshold), made.outputs)

    def tensors(self, sample: Sample | Mapping[str, Sample]) -> dict[str, NDArray[Any]]:
        """Give the exact tensors that the file takes for a raw sample, by input: (1, ...) in the tensor's dtype.

        Raises:
            RecipeError: the sample cannot be read, or does not fit.
        """
        from tflbuild.evaluation.answering import encoded, tensors

        return tensors(self._opened, encoded(self._opened, self._read(sample), self.path))

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name} {spec.text}" for name, spec in self.inputs.items())
        classes = f"{len(self.labels)} classes, " if self.labels else ""
        return f"Predictor({str(self.path)!r}: {self.task}, {classes}takes {inputs})"

    def _read(self, sample: Sample | Mapping[str, Sample]) -> Any:
        from tflbuild.evaluation.answering import by_input

        given = by_input(self._opened.meaning, sample, self.path)
        inputs = self._opened.meaning.inputs
        return {name: _raw(one, inputs[name].kind) for name, one in given.items()}


def _raw(sample: Sample, kind: Any) -> Any:
    if not isinstance(sample, str | os.PathLike):
        return sample
    from tflbuild.evaluation.samples import read_sample

    return read_sample(Path(sample), kind)
