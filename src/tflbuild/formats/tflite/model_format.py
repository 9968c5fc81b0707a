"""TensorFlow Lite."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Description, Format, model_format


@model_format("tflite")
class Tflite(Format):
    """A TensorFlow Lite flatbuffer: of anybody's converter, quantized or not, with metadata or without.

    Its first graph is read, by its signature where it has one. What its outputs are, the operators at its end say;
    what its inputs take, its TFLite metadata, quantization and first operators.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".tflite",)
    kind: ClassVar[str] = "TFLiteModel"
    loader: ClassVar[str] = "load_tflite"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for the flatbuffer's identifier."""
        return beginning[4:8] == b"TFL3"

    def check(self, path: Path) -> None:
        """Refuse a file that is not well-formed, or that LiteRT cannot run one sample after the other."""
        from tflbuild.formats.tflite import description

        description.check(path)

    def describe(self, path: Path) -> Description:
        """Read the flatbuffer, its metadata and the labels in it and beside it."""
        from tflbuild.formats.tflite import description

        return description.describe(path)
