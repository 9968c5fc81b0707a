"""Where two autoencoders disagree: the error that each has on a sample."""

from __future__ import annotations

import numpy as np

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import BASE, MODEL, Compared, Disagreement, Said
from tflbuild.tasks.reconstruction.task import CLASSES, ERRORS

NOTICED = 0.1
"""Difference of two scores, as a part of the base's, from which on somebody would notice."""


def disagreement(given: Compared) -> Disagreement:
    """Compare anomaly scores: a distance is the difference, as a part of the base's mean score."""
    scores = {
        name: np.asarray(arrays[ERRORS], np.float64)
        for name, arrays in ((BASE, given.base), (MODEL, given.model))
    }
    unit = float(np.nan_to_num(scores[BASE]).mean()) or 1.0
    distances = np.nan_to_num(np.abs(scores[MODEL] - scores[BASE]) / unit, nan=np.inf)
    right = given.truth.get("labels")

    def said(place: int) -> Said:
        before, after = (float(scores[name][place]) for name in (BASE, MODEL))
        truth = None if right is None else (Answer(label=CLASSES[int(right[place])], score=1.0),)
        return Said(
            truth=truth,
            base=(Answer(label="anomaly score", score=before),),
            model=(Answer(label="anomaly score", score=after),),
            note=f"{after - before:+.3g} of {before:.3g}",
        )

    what = "the anomaly score is a tenth of the mean score apart, or more"
    return Disagreement(distances=distances, differ=distances >= NOTICED, what=what, said=said)
