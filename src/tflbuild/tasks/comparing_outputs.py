"""Where two models whose outputs mean nothing in particular disagree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.disagreement import Compared, Disagreement, Said
from tflbuild.tasks.unlabelled import OUTPUT

DRAWN = 64
"""Values of an output that are drawn; of a larger one, so many, evenly from all of it."""

NOTICED = 0.1
"""Distance from which on outputs differ: a tenth of how much they deviate over the samples."""


def disagreement(given: Compared) -> Disagreement:
    """Compare outputs as numbers.

    A distance is the mean absolute difference of an output's values, in units of the base's own mean absolute deviation
    over the samples, and of several outputs the largest.
    """
    names = sorted(name for name in given.base if name.startswith(OUTPUT) and name in given.model)
    every = [_distances(given.base[name], given.model[name]) for name in names]
    distances = np.max(every, axis=0)

    def said(place: int) -> Said:
        outputs = {
            name.removeprefix(OUTPUT): (_some(given.base[name][place]), _some(given.model[name][place]))
            for name in names
        }
        return Said(note=f"{distances[place]:.3g} deviations apart", outputs=outputs)

    what = "outputs are a tenth of their deviation apart, or more"
    return Disagreement(distances=distances, differ=distances >= NOTICED, what=what, said=said)


def _distances(base: npt.NDArray[np.float32], model: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Give (samples,) of two outputs (samples, values)."""
    first, second = (np.asarray(one, np.float64).reshape(len(one), -1) for one in (base, model))
    unit = np.abs(first - first.mean(axis=0)).mean() or np.abs(first).mean() or 1.0
    found: npt.NDArray[np.float64] = np.abs(first - second).mean(axis=1) / unit
    return found


def _some(values: npt.NDArray[np.float32]) -> list[float]:
    flat = np.ravel(values)
    places = np.unique(np.linspace(0, len(flat) - 1, min(DRAWN, len(flat))).astype(np.int64))
    return [float(value) for value in flat[places]]
