"""One form of a float model on a workbench, as loaded or equalized, with what was measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from tflbuild.quantization import sharing
from tflbuild.quantization.form import Form
from tflbuild.quantization.observation import Activation, Progress, SampleValues, observe
from tflbuild.quantization.ranges import Method, Range, ranges_of
from tflbuild.quantization.rounding import RoundedLayer, learned_rounding
from tflbuild.tflite.packed import Packed


class Variant:
    """A float model that is observed when somebody asks.

    Args:
        model: the float one.
        images: each the model values of every input by name, in the model's order and without a batch axis.

    Attributes:
        model: the float one.
        rounded_layers: what learned rounding did to each layer, once it was learned.
    """

    def __init__(self, model: Packed, images: Sequence[SampleValues]) -> None:
        self.model, self._images = model, images
        self._observed: dict[str, Activation] | None = None
        self._ranges: dict[Method, dict[str, Range]] = {}
        self._rounded: Packed | None = None
        self.rounded_layers: list[RoundedLayer] = []

    def observed(self, progress: Progress = lambda done, total: None) -> dict[str, Activation]:
        """Give the model's activations on the calibration images; they are run once."""
        if self._observed is None:
            self._observed = observe(self.model.graph, self._images, progress)
        return self._observed

    @cached_property
    def entries(self) -> list[str]:
        """Name the tensors of the model's inputs, in order."""
        graph = self.model.graph
        return [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]

    def ranges(self, method: Method) -> dict[str, Range]:
        """Give the range of every activation, one for those between which values are only moved."""
        if method not in self._ranges:
            self._ranges[method] = ranges_of(self.observed(), method, self._groups)
        return dict(self._ranges[method])

    @cached_property
    def _groups(self) -> list[sharing.Shared]:
        return sharing.shared(self.model.graph)

    def rounded(self, form: Form, progress: Progress) -> Packed:
        """Give the model with learned rounding, on the grid that a form makes; it is learned once."""
        if self._rounded is None:
            graph, self.rounded_layers = learned_rounding(
                self.model.graph,
                self._images,
                bits=form.weight_bits,
                granularity=form.granularity,
                progress=progress,
            )
            self._rounded = Packed(graph)
        return self._rounded
