"""Equalize only what leaves the outputs as they were: find the layers that cannot be rescaled, and leave them.

In exact arithmetic every factor is exact. Where a model's numbers are far apart, float32 loses some of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tflbuild.quantization import equalization
from tflbuild.quantization.attempts import REFUSALS, reason
from tflbuild.quantization.equalization import Balance, Relu6, Vector
from tflbuild.quantization.observation import Activation, SampleValues
from tflbuild.quantization.output_error import largest_difference
from tflbuild.tflite.packed import Packed

FEW = 8
"""Images that layers are tried on one by one; what comes out is measured on all."""


@dataclass(frozen=True, kw_only=True)
class Equalized:
    """An equalized model.

    Attributes:
        model: what came out.
        factors: by what channels were divided, by the tensor that a layer writes.
        difference: largest difference of an output, in units of its largest value.
        left: why layers were left as they were, by the tensor that they write.
    """

    model: Packed
    factors: Mapping[str, Vector]
    difference: float
    left: Mapping[str, str]


class Equalizer:
    """Equalize one model in one way.

    Args:
        model: a float one.
        observed: its activations on the calibration images.
        images: each the model values of every input by name, in the model's order and without a batch axis.
        balance: see `equalization.equalize`.
        relu6: see there.
        tolerance: largest difference of an output, in units of its largest value.
    """

    def __init__(
        self,
        model: Packed,
        observed: Mapping[str, Activation],
        images: Sequence[SampleValues],
        *,
        balance: Balance,
        relu6: Relu6,
        tolerance: float,
    ) -> None:
        self._model, self._observed, self._images = model, observed, images
        self._balance, self._relu6, self._tolerance = balance, relu6, tolerance

    def run(self) -> Equalized:
        """Equalize every layer but those that change the outputs."""
        everything = self._without({}, self._images)
        if everything.difference <= self._tolerance:
            return everything
        left = self._harmful(list(everything.factors))
        found = self._without(left, self._images)
        while found.difference > self._tolerance and found.factors:
            left |= {next(iter(found.factors)): "with others it changes an output"}
            found = self._without(left, self._images)
        return found

    def _harmful(self, names: Sequence[str]) -> dict[str, str]:
        """Say which layers alone change an output too much, and how much."""
        left = {}
        for name in names:
            alone = self._without(dict.fromkeys(set(names) - {name}, ""), self._images[:FEW])
            if alone.difference > self._tolerance:
                left[name] = (
                    alone.left.get(name)
                    or f"alone it changes an output by {alone.difference:.2g} of its size"
                )
        return left

    def _without(self, left: Mapping[str, str], images: Sequence[SampleValues]) -> Equalized:
        """Equalize what is not left out, and measure it; one that does not run is infinitely far."""
        made, factors = self._made(left)
        try:
            difference = largest_difference(self._model, made, images) if factors else 0.0
        except REFUSALS as error:
            said = dict.fromkeys(factors, reason(error))
            return Equalized(model=made, factors=factors, difference=float("inf"), left={**left, **said})
        return Equalized(model=made, factors=factors, difference=difference, left=left)

    def _made(self, left: Collection[str]) -> tuple[Packed, dict[str, Vector]]:
        made, factors = equalization.equalized(
            self._model.graph, self._observed, balance=self._balance, relu6=self._relu6, without=left
        )
        return Packed(made), factors
