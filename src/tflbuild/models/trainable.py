"""Base of the architectures that are trained here, from fresh weights or from those of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core import digest
from tflbuild.core.architecture import Architecture
from tflbuild.core.names import named

IMAGENET = "imagenet"
"""Word for the weights of tf_keras.applications."""

SOURCE = "tflbuild.weights.source"
"""Module that reads files of weights; it is not imported, since only trainings that start so depend on it."""


@dataclass(frozen=True, kw_only=True)
class Trainable(Architecture):
    """Base of every architecture that a recipe trains."""

    starting: ClassVar[str] = "tflbuild.training.starting"

    weights: str = ""
    """Weights that the training starts from: a `.h5`, `.keras`, `.npz` or float `.tflite` file, a checkpoint, or the
    folder of a SavedModel, matched by name and shape, or by order; `imagenet` downloads those of tf_keras.applications.
    Empty: fresh weights. See docs/pretrained.md."""

    def check(self) -> None:
        """Refuse a file that no weights can be taken from.

        Raises:
            ValueError: it says why, or that there are none published.
        """
        if self.weights == IMAGENET:
            self.published()
        elif self.weights:
            try:
                named(f"{SOURCE}:check")(Path(self.weights))
            except ValueError as error:
                raise ValueError(f"weights: {error}") from error

    def published(self) -> str:
        """Give the URL of the weights that were trained on ImageNet.

        Raises:
            ValueError: there are none.
        """
        raise ValueError(
            f"weights: tf_keras.applications has no {type(self).name}; give a file: model.weights=FILE"
        )

    def starts_with(self) -> dict[str, Any]:
        """Name the content of the file, or the URL."""
        if not self.weights:
            return {}
        if self.weights == IMAGENET:
            return {"url": self.published()}
        return {"files": [digest.of_file(path) for path in named(f"{SOURCE}:files_of")(Path(self.weights))]}

    def start(self, built: Any, classes: int) -> dict[str, Any]:
        """Fill a built model with what matches, and say what was taken."""
        if not self.weights:
            return {}
        online = self.weights == IMAGENET
        path = (
            named("tflbuild.weights.download:downloaded")(self.published()) if online else Path(self.weights)
        )
        taken: dict[str, Any] = named(f"{self.starting}:start_from")(built, self, classes, path)
        return taken
