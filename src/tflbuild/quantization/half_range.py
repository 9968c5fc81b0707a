"""How far the numbers of a model reach in float16: which operator is the first whose result does not fit.

References:
    IEEE 754-2019: binary16 holds up to 65504, all digits down to 2^-14, and fewer down to 2^-24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import Executable, SampleValues, without_custom
from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.half_precision import OVERFLOWS, SMALLEST_NORMAL, Halved


@dataclass(kw_only=True)
class Reached:
    """Values that one operator of the device gives, before they are rounded.

    Attributes:
        operator: its kind, e.g. "CONV_2D".
        layer: as the user knows it.
        tensor: that it writes.
        largest: size of the largest finite number.
        values: how many numbers it gave on all samples.
        beyond: how many of them are finite and overflow in float16.
        small: how many are not 0, and below the smallest number of float16 with all of its digits.
        lost: how many are not 0 and become 0.
        samples: on how many samples one overflows.
        first: place of the first such sample; -1 for none.
    """

    operator: str
    layer: str
    tensor: str
    largest: float = 0.0
    values: int = 0
    beyond: int = 0
    small: int = 0
    lost: int = 0
    samples: int = 0
    first: int = -1

    def count(self, numbers: npt.NDArray[np.float32], sample: int) -> None:
        """Count the numbers of one sample."""
        sizes = np.abs(numbers[np.isfinite(numbers)])
        beyond = int((sizes >= OVERFLOWS).sum())
        tiny = sizes[(sizes > 0) & (sizes < SMALLEST_NORMAL)]
        self.values += numbers.size
        self.largest = max(self.largest, float(sizes.max(initial=0)))
        self.beyond += beyond
        self.small += tiny.size
        self.lost += int((tiny.astype(np.float16) == 0).sum())
        self.samples += beyond > 0
        if beyond and self.first < 0:
            self.first = sample


@dataclass(kw_only=True)
class HalfRange:
    """How far a model reaches in float16, on samples.

    Attributes:
        operators: of the device, in order of execution.
        constants: names of constants that float16 does not hold.
        samples: that it was run on.
        outputs: by name, the largest difference between a number of the file and of what was rounded; infinite where
            one of the two is.
        sizes: by the same, size of the largest number of the file.
    """

    operators: list[Reached]
    constants: list[str]
    samples: int
    outputs: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)

    @property
    def first(self) -> Reached | None:
        """First operator with a result that overflows; None for none."""
        return next((one for one in self.operators if one.beyond), None)

    @property
    def furthest(self) -> Reached | None:
        """Operator with the largest number; None where nothing runs on the device."""
        return max(self.operators, key=lambda one: one.largest, default=None)


def half_range(graph: Graph, halved: Graph, found: Halved, samples: Sequence[SampleValues]) -> HalfRange:
    """Run a model and what float16 makes of it, and look at every number that is rounded.

    Args:
        graph: of the file.
        halved: the same, after `compute_in_float16`.
        found: what that rounded.
        samples: each the model values of every input by name, in the model's order and without a batch axis.

    Raises:
        PassError: LiteRT cannot execute it.
    """
    result = HalfRange(operators=_reached(halved, found), constants=found.constants, samples=len(samples))
    _count(halved, found, result, samples)
    _compare(graph, halved, result, samples)
    return result


def _reached(graph: Graph, found: Halved) -> list[Reached]:
    return [
        Reached(operator=kind, layer=layer_name(graph.name(index), kind), tensor=graph.name(index))
        for index, kind in found.makers.items()
    ]


def _count(graph: Graph, found: Halved, result: HalfRange, samples: Sequence[SampleValues]) -> None:
    if not found.exact:
        return
    running = Executable(graph.ending_in(list(found.exact.values())).packed())
    for place, sample in enumerate(samples):
        for one, numbers in zip(result.operators, running.run(sample), strict=True):
            one.count(numbers, place)


def _compare(graph: Graph, halved: Graph, result: HalfRange, samples: Sequence[SampleValues]) -> None:
    """Compare outputs; those of custom operators are left out, and what they read stands for them."""
    cut = without_custom(graph)
    names = [cut.name(int(index)) for index in cut.model.subgraphs[0].outputs]
    plain, rounded = (Executable(one.packed()) for one in (cut, without_custom(halved)))
    for sample in samples:
        for name, before, after in zip(names, plain.run(sample), rounded.run(sample), strict=True):
            both = np.isfinite(before) & np.isfinite(after)
            apart = float(np.abs(before[both] - after[both]).max(initial=0)) if both.all() else np.inf
            result.outputs[name] = max(result.outputs.get(name, 0.0), apart)
            largest = float(np.abs(before[np.isfinite(before)]).max(initial=0))
            result.sizes[name] = max(result.sizes.get(name, 0.0), largest)
