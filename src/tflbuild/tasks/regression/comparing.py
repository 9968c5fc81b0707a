"""Where two regressions disagree: by how much, in deviations of what is right."""

from __future__ import annotations

import numpy as np

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import Compared, Disagreement, Said
from tflbuild.tasks.labels import label_of

NOTICED = 0.1
"""Distance from which on two values differ: a tenth of how much they deviate over the samples."""


def disagreement(given: Compared) -> Disagreement:
    """Compare values.

    A distance is the largest absolute difference of a value of the two, in units of the standard deviation of that
    value over the samples: of what is right, or of the base's where nobody knows it.
    """
    base, model = (np.asarray(one["values"], np.float64) for one in (given.base, given.model))
    right = given.truth.get("values")
    known = base if right is None else np.asarray(right, np.float64)
    unit = known.std(axis=0)
    distances = (np.abs(base - model) / np.where(unit > 0, unit, 1.0)).max(axis=1)

    def said(place: int) -> Said:
        errors = [] if right is None else [float(np.abs(one - known)[place].max()) for one in (base, model)]
        told = f"off by {errors[0]:.4g} and {errors[1]:.4g}" if errors else ""
        apart = f"{float(np.abs(base - model)[place].max()):.4g} apart"
        return Said(
            truth=None if right is None else _answers(given, known[place]),
            base=_answers(given, base[place]),
            model=_answers(given, model[place]),
            note=f"{apart}, {told}" if told else apart,
        )

    return Disagreement(
        distances=distances,
        differ=distances >= NOTICED,
        what="a value is a tenth of its deviation apart, or more",
        said=said,
    )


def _answers(
    given: Compared, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[Answer, ...]:
    return tuple(
        Answer(label=label_of(given.labels, place), score=1.0, value=value)
        for place, value in enumerate(values.tolist())
    )
