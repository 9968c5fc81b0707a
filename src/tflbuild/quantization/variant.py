"""One form of a float model on a workbench, as loaded or equalized, with what was measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tflbuild.quantization import sharing
from tflbuild.quantization.form import Form
from tflbuild.quantization.observation import Activation, Progress, SampleValues, observe
from tflbuild.quantization.ranges import Method, Range, ranges_of
from tflbuild.quantization.rounding import RoundedLayer, learned_rounding
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph


class Variant:
    """A float model that is observed when somebody asks.

    Args:
        content: the float `.tflite`.
        path: it lies there.
        images: each the model values of every input by name, in the model's order and without a batch axis.

    Attributes:
        rounded_layers: what learned rounding did to each layer, once it was learned.
    """

    def __init__(self, content: bytes, path: Path, images: Sequence[SampleValues]) -> None:
        self.content, self.path, self._images = content, path, images
        self._observed: dict[str, Activation] | None = None
        self._ranges: dict[Method, dict[str, Range]] = {}
        self.rounded_layers: list[RoundedLayer] = []

    def observed(self, progress: Progress = lambda done, total: None) -> dict[str, Activation]:
        """Give the model's activations on the calibration images; they are run once."""
        if self._observed is None:
            self._observed = observe(self.content, self._images, progress)
        return self._observed

    @cached_property
    def entries(self) -> list[str]:
        """Name the tensors of the model's inputs, in order."""
        return flatbuffer.input_tensors(self.content)

    def ranges(self, method: Method) -> dict[str, Range]:
        """Give the range of every activation, one for those between which values are only moved."""
        if method not in self._ranges:
            self._ranges[method] = ranges_of(self.observed(), method, self._groups)
        return dict(self._ranges[method])

    @cached_property
    def _groups(self) -> list[sharing.Shared]:
        return sharing.shared(Graph(flatbuffer.unpack(self.content)))

    def rounded(self, form: Form, progress: Progress) -> Path:
        """Give the model with learned rounding, on the grid that a form makes; it is learned once."""
        path = self.path.with_name(f"{self.path.stem}-rounded.tflite")
        if not path.exists():
            content, self.rounded_layers = learned_rounding(
                self.content,
                self._images,
                bits=form.weight_bits,
                granularity=form.granularity,
                progress=progress,
            )
            path.write_bytes(content)
        return path
