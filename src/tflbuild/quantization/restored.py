"""Hold the float model that was made of a quantized file to that file: what their grids explain, and what nothing does.

Three models run on the same samples: the quantized file, the float one, and the float one with every activation rounded
to the grid that the file held it in. The last differs from the file by what is wrong with the float model alone, but
for single steps that sums rounded in another order cost. The last two differ by what the grids cost: rounding, and
clipping to their ends, which is told apart by rounding once more to grids of the same steps without ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import (
    Executable,
    SampleValues,
    activations,
    exposed,
    runnable,
    without_custom,
)
from tflbuild.tflite.dequantization import Dequantized
from tflbuild.tflite.grids import Grid
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.rounded import MOST_BITS, round_to

FLOATS = 1e-4
"""Largest difference, relative to the size of an output, that float kernels may make."""

ROUNDINGS = 2.0
"""Differences that rounding makes, in units of what it was measured to make, that are taken for those of rounding."""

Rows = npt.NDArray[np.float32]


class Beyond(NamedTuple):
    """An activation whose values are not clipped any more where the quantized file clips them.

    Attributes:
        name: of the tensor.
        low: end of its grid.
        high: other end.
        least: smallest value on the samples.
        most: largest.
    """

    name: str
    low: float
    high: float
    least: float
    most: float


class Restored(NamedTuple):
    """How a float model compares with the quantized file that it was made of.

    Attributes:
        outputs: by output, root mean squares over all samples of `difference` (float and file), `rounding` (what the
            grids' steps cost), `clipping` (what their ends cost) and `unexplained` (file and rounded float model); the
            `bound` of the latter; `largest`, the largest single difference; `step` and `size` of the output; `samples`.
            Of an output of `whole` numbers the first five are shares of unequal ones.
        beyond: activations that go beyond their grids.
    """

    outputs: dict[str, dict[str, float]]
    beyond: list[Beyond]

    @property
    def breaches(self) -> list[str]:
        """Say of each output that the grids do not explain by how much it differs."""
        return [
            f"'{name}' differs by {found['unexplained']:.3g} from what the file's own steps give, where "
            f"{found['bound']:.3g} could be rounding"
            for name, found in self.outputs.items()
            if not found["unexplained"] <= found["bound"]
        ]


def compared(
    quantized: Packed, floats: Packed, made: Dequantized, samples: Sequence[SampleValues]
) -> Restored:
    """Compare a float model with the quantized file that it was made of.

    Args:
        quantized: the file.
        floats: the float model.
        made: how that was made.
        samples: each the model values of every input by name, in the model's order and without a batch axis.

    Raises:
        PassError: LiteRT cannot execute one of them.
    """
    reached = _reached(floats, samples, [*made.grids, *made.hybrid])
    grids = dict(made.grids)
    for name in made.hybrid:
        least, most = reached[name]
        grids.setdefault(name, Grid.between(min(least, 0), max(most, 0), 8))
    endless = {name: grid.endless(MOST_BITS) for name, grid in grids.items()}
    given = Executable(runnable(quantized))
    rows = [_rows(given, samples)]
    rows += [_rows(Executable(_rounded(floats, one)), samples) for one in ({}, grids, endless)]
    names, steps = _outputs(floats), given.steps
    by_output = zip(*rows, strict=True)
    outputs = {
        name: _of_output(found, step) for name, step, found in zip(names, steps, by_output, strict=True)
    }
    beyond = [
        Beyond(name, grid.low, grid.high, *reached[name])
        for name, grid in made.grids.items()
        if name in reached
        and (reached[name][0] < grid.low - grid.step or reached[name][1] > grid.high + grid.step)
    ]
    return Restored(outputs, beyond)


def _reached(
    floats: Packed, samples: Sequence[SampleValues], names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Give the smallest and the largest value of activations, by name; those of custom operators are left out."""
    computed = set(activations(floats.graph))
    known = [name for name in dict.fromkeys(names) if name in computed]
    running = Executable(exposed(without_custom(floats.graph), known))
    ends = [[(float(np.min(value)), float(np.max(value))) for value in running.run(one)] for one in samples]
    return {
        name: (min(low for low, _ in found), max(high for _, high in found))
        for name, found in zip(known, zip(*ends, strict=True), strict=True)
    }


def _rounded(floats: Packed, grids: Mapping[str, Grid]) -> bytes:
    if not grids:
        return runnable(floats)
    graph = without_custom(floats.graph).copy()
    round_to(graph, grids)
    return graph.packed()


def _rows(running: Executable, samples: Sequence[SampleValues]) -> list[Rows]:
    found = [running.run(sample) for sample in samples]
    return [np.stack(values) for values in zip(*found, strict=True)]


def _outputs(floats: Packed) -> list[str]:
    """Name what `without_custom` leaves as outputs, in order."""
    graph = without_custom(floats.graph)
    return [graph.name(int(index)) for index in graph.model.subgraphs[0].outputs]


def _of_output(rows: Sequence[Rows], step: float) -> dict[str, float]:
    given, made, held, endless = rows
    size = float(np.max(np.abs(given)))
    whole = step == 0 and bool(np.all(given == np.rint(given)) and np.all(made == np.rint(made)))
    apart = _unequal if whole else _apart
    cost = apart(made, held)
    floor = 0.0 if whole else step + FLOATS * size
    return {
        "difference": apart(given, made),
        "rounding": apart(made, endless),
        "clipping": apart(endless, held),
        "unexplained": apart(given, held),
        "bound": ROUNDINGS * cost + floor,
        "largest": float(np.max(np.abs(given - made))),
        "step": step,
        "size": size,
        "samples": len(given),
        "whole": whole,
    }


def _apart(one: Rows, other: Rows) -> float:
    return float(np.sqrt(np.mean(np.square(one.astype(np.float64) - other))))


def _unequal(one: Rows, other: Rows) -> float:
    return float(np.mean(one != other))
