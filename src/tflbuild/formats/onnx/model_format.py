"""ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Asked, Description, Format, model_format

VERSIONS = range(3, 64)
"""Versions of ONNX's representation; a SavedModel begins likewise, with version 1."""

FIELDS = frozenset({0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72})
"""Tags of the fields that may follow the version: producer, domain, model, text, graph, operators."""


@model_format("onnx")
class Onnx(Format):
    """An ONNX file, of any exporter: it becomes a `.tflite`, and is held to what onnxruntime makes of the file.

    Its graph is read while planning: inputs, outputs, operators, and the files beside it that hold its weights. Open
    sides are said by `model.shape`, in the file's own order of axes, such as [1,3,H,W].
    """

    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)
    kind: ClassVar[str] = "TFLiteModel"
    loader: ClassVar[str] = "load_onnx"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for a protobuf that begins as an ONNX model does: its version, then another field of a model."""
        if len(beginning) < 3 or beginning[0] != 0x08 or beginning[1] not in VERSIONS:
            return False
        return beginning[2] in FIELDS

    def check(self, path: Path) -> None:
        """Refuse a file that is not well-formed, has operators that are not ONNX's, or lacks its weights."""
        from tflbuild.formats.onnx import description

        description.check(path)

    def describe(self, path: Path) -> Description:
        """Read the graph, and the labels in it and beside it."""
        return self.describe_as(path, Asked())

    def describe_as(self, path: Path, asked: Asked) -> Description:
        """Read the graph with the sides that the recipe says."""
        from tflbuild.formats.onnx import description

        if asked.signature:
            raise ValueError("signature: an ONNX file has one graph alone; leave model.signature out")
        return description.describe(path, asked.shape)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Name the file, and those beside it that hold its weights."""
        from tflbuild.formats.onnx import description

        return description.files_of(path)
