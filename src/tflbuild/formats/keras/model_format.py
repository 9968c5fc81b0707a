"""Keras."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Description, Format, model_format


@model_format("keras")
class Keras(Format):
    """A whole model of tf_keras or of Keras 3: `.h5`, or the zip archive `.keras`.

    Its configuration is read as JSON, and nothing of it is executed: layers that hold code are refused. That of Keras 3
    is translated to tf_keras, where each of its layers has an equal there.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".keras")
    kind: ClassVar[str] = "KerasModel"
    loader: ClassVar[str] = "load"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for HDF5, or for an archive that begins with one of the three members of a `.keras` file."""
        from tflbuild.formats.keras import meaning

        return meaning.is_model(beginning) and not meaning.is_exported(path)

    def otherwise(self, path: Path) -> str:
        """Let Keras 3 export its own files, where their translation fails."""
        from tflbuild.formats.keras import meaning

        return "keras3_export" if meaning.is_of_keras3(path) else ""

    def check(self, path: Path) -> None:
        """Refuse a file that is no model, that would run code, or whose inputs have no fixed sides."""
        from tflbuild.formats.keras import meaning

        meaning.check(path)

    def describe(self, path: Path) -> Description:
        """Read the configuration, the facts of tflbuild, and the labels beside the file."""
        from tflbuild.formats.keras import meaning

        return meaning.describe(path)
