"""Where two models of keypoints disagree: how far their points are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.answer import Answer, Corners
from tflbuild.core.disagreement import BASE, MODEL, Compared, Disagreement, Said
from tflbuild.tasks.labels import label_of

NOTICED = 0.05
"""Distance from which on two points differ, in diagonals of the picture."""

HALF = 0.012
"""Half the side of the square that stands for a point, as a share of the picture's sides."""


def disagreement(given: Compared) -> Disagreement:
    """Compare points.

    A distance is that of the two places of the point where it is largest, in diagonals of the picture; of a point that
    is marked in the data, where somebody knows which are.
    """
    base, model = (np.asarray(one["points"], np.float64) for one in (given.base, given.model))
    visible = given.truth.get("visible")
    apart = np.sqrt(np.square(base - model).sum(axis=-1) / 2)
    counted = np.nan_to_num(apart) * (1.0 if visible is None else np.asarray(visible) > 0)
    distances = counted.max(axis=1)
    names = given.labels

    def said(place: int) -> Said:
        alone = tuple(int(one) for one in np.flatnonzero(counted[place] >= NOTICED))
        worst = int(counted[place].argmax())
        right = None
        if visible is not None:
            marked = np.flatnonzero(np.asarray(visible)[place] > 0)
            right = tuple(_answer(names, int(one), given.truth["points"][place], None) for one in marked)
        return Said(
            truth=right,
            base=_answers(names, base[place], given.base["sure"][place]),
            model=_answers(names, model[place], given.model["sure"][place]),
            alone={BASE: alone, MODEL: alone},
            note=f"{label_of(names, worst)} is {distances[place]:.1%} of the diagonal apart",
        )

    return Disagreement(
        distances=distances,
        differ=distances >= NOTICED,
        what=f"a point is {NOTICED:.0%} of the diagonal apart, or more",
        said=said,
    )


def _answers(
    names: Any, points: npt.NDArray[np.float64], sure: npt.NDArray[np.float32]
) -> tuple[Answer, ...]:
    return tuple(_answer(names, place, points, sure) for place in range(len(points)))


def _answer(names: Any, place: int, points: Any, sure: Any) -> Answer:
    y, x = (float(one) for one in points[place])
    score = 1.0 if sure is None else float(sure[place])
    known = np.isfinite((y, x)).all()
    return Answer(
        label=label_of(names, place),
        score=score,
        box=_square(y, x) if known else None,
        point=(y, x) if known else None,
    )


def _square(y: float, x: float) -> Corners:
    """Give the small box that stands for a point where only boxes are drawn."""
    return y - HALF, x - HALF, y + HALF, x + HALF
