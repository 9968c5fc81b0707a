"""torch.export."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Asked, Description, Format, model_format


@model_format("torch_export")
class TorchExport(Format):
    """A program of PyTorch's `torch.export.save`: it becomes a `.tflite`, and is held to what PyTorch computes.

    Nothing of the file is unpickled or evaluated: its program is read as JSON, every operator of it must be one of
    PyTorch's own, and they are computed one by one. Open sides are said by `model.shape`, in the file's own order of
    axes, such as [1,3,H,W].
    """

    suffixes: ClassVar[tuple[str, ...]] = (".pt2",)
    kind: ClassVar[str] = "TFLiteModel"
    loader: ClassVar[str] = "load_torch_export"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for an archive with a program, as PyTorch writes it today or wrote it before 2.8."""
        from tflbuild.formats.recognition import is_program

        return is_program(path, beginning)

    def check(self, path: Path) -> None:
        """Refuse an archive that is damaged, holds code or pickled weights, or has operators of others."""
        from tflbuild.formats.torch_export import description

        description.check(path)

    def describe(self, path: Path) -> Description:
        """Read the program, and the labels beside it."""
        return self.describe_as(path, Asked())

    def describe_as(self, path: Path, asked: Asked) -> Description:
        """Read the program with the sides that the recipe says."""
        from tflbuild.formats.torch_export import description

        if asked.signature:
            raise ValueError("signature: a .pt2 has one program alone; leave model.signature out")
        return description.describe(path, asked.shape)
