"""Keras 3, where tf_keras lacks a layer, or computes it otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Description, Format, model_format


@model_format("keras3_export")
class Keras3Export(Format):
    """A whole model of Keras 3, `.h5` or `.keras`, with a layer that has no equal in tf_keras.

    Keras 3 loads it in a process of its own, after every object that it names was found in a list of built-in layers
    and operations, and exports it as a SavedModel. The plan says which layer has no equal. Any other file of Keras 3 is
    taken so where `model.format=keras3_export` says it.
    """

    title: ClassVar[str] = "keras"
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".keras")
    kind: ClassVar[str] = "TFLiteModel"
    loader: ClassVar[str] = "load_keras3"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for a Keras file, and in its configuration for a layer of Keras 3 without an equal."""
        from tflbuild.formats.keras import meaning

        return meaning.is_model(beginning) and meaning.is_exported(path)

    def takes(self, path: Path, beginning: bytes) -> bool:
        """Take any file of Keras 3."""
        from tflbuild.formats.keras import meaning

        return meaning.is_model(beginning) and meaning.is_of_keras3(path)

    def check(self, path: Path) -> None:
        """Refuse a file that is no model, that Keras 3 would run code of, or whose inputs have no fixed sides."""
        from tflbuild.formats.keras import meaning

        meaning.check(path, exported=True)

    def describe(self, path: Path) -> Description:
        """Read the configuration, as far as it shows without Keras 3, and the labels beside the file."""
        from tflbuild.formats.keras import meaning

        return meaning.describe(path, exported=True)
