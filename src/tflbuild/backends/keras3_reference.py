"""The user's own model in Keras 3: the reference that a model of tf_keras, translated from it, is held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflbuild.backends import keras3_process
from tflbuild.backends.keras_reference import Batch, Floats, Reference
from tflbuild.core import digest
from tflbuild.core.regular_file import read_regular
from tflbuild.formats.keras import header
from tflbuild.formats.keras.keras3.refusal import WAY_OUT


@dataclass(frozen=True)
class Keras3Reference(Reference):
    """A model in Keras 3; `model` is its translation, and says what the outputs are.

    Attributes:
        path: the user's file.
    """

    path: Path = Path()
    nearness: float = 1e-4
    advice: str = f"; {WAY_OUT}"

    @classmethod
    def at(cls, path: Path, reference: Reference) -> Keras3Reference:
        """Give the reference that a file of Keras 3 is, beside its translation."""
        name = f"{reference.name} in Keras 3"
        return cls(reference.model, reference.kinds, name, reference.task, path=path)

    def raw(self, batch: Batch) -> list[Floats]:
        """Run the file in Keras 3, in float32."""
        return outputs_of(self.path, batch)


def outputs_of(path: Path, batch: Batch) -> list[Floats]:
    """Give what a file of Keras 3 computes there.

    Args:
        path: the file; it is read and checked again.
        batch: model values of samples by input, in the model's order.

    Raises:
        MissingTool: Keras 3 is not installed.
        RecipeError: the file is refused, or Keras 3 cannot load or run it.
    """
    given = read_regular(path, header.MOST_BYTES)
    named = digest.of_json(
        [digest.of_bytes(given), [digest.of_bytes(one.tobytes()) for one in batch.values()]]
    )
    if named not in _KNOWN:
        _KNOWN.clear()  # one model at a time: loading holds to it, and converting does
        _KNOWN[named] = keras3_process.computed(path, given, batch)
    return _KNOWN[named]


_KNOWN: dict[str, list[Floats]] = {}
"""The last outputs, by what they were computed of."""
