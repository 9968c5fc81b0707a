"""LiteRT for Microcontrollers: what a delivered file needs of memory, and sources that run it on a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.target import Target, target

FOLDER = "micro"
"""Folder of the sources, beside the delivered file."""


@target("tflite_micro")
class TfliteMicro(Target):
    """Deliver the file for LiteRT for Microcontrollers, and run it in the interpreter of the package tflite-micro.

    Accuracy is that of this interpreter. Its outputs are held to those of LiteRT's reference kernels, byte for byte, on
    up to 64 samples of the test split. `arena` is reported and can be budgeted: the smallest memory for tensors and
    structures in which the file runs. Beside the file lies `micro/`: the model, a resolver with its operators, and a
    small program with one sample, in C++.
    """

    needs = ("tflite_micro", "ai_edge_litert")
    runtime = "tflite_micro"
    kernels = "reference"
    rules = "tflite_micro"
    wants: ClassVar[Mapping[str, Any]] = {"scheme": ("int8", "int16x8"), "scores": "int8"}

    arena_size: Annotated[int, Ge(1), Le(1 << 32)] | None = None
    """Memory that the device has for the arena. A file that needs more is refused. null: any. [bytes]"""

    def runtime_options(self) -> Mapping[str, Any]:
        """Give the interpreter the memory that the device has."""
        return {"arena_size": self.arena_size}

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `arena`, and `micro` with what lies in it and which operators the file needs.

        Raises:
            PassError: the file does not run, or not in `arena_size`.
        """
        from tflbuild.backends.micro.inspection import inspect

        return inspect(model.path, self.arena_size, self.place(model.path))

    def companions(
        self, model: Artifact, figures: Mapping[str, Any], sample: Mapping[str, Any] | None
    ) -> Mapping[str, str]:
        """Give the sources of `micro/`."""
        from tflbuild.backends.micro.sources import sources_of

        if sample is None:
            return {}
        made = sources_of(model.path.read_bytes(), figures["micro"], sample)
        return {f"{FOLDER}/{name}": text for name, text in made.files().items()}
