"""Right answers of a classifier from each score on, and its confusion matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.decision import Confusion, Decided, Decisions

OTHER = "another class"
"""Name of the column of answers that the data have no class for."""

Floats = npt.NDArray[np.float64]


def decisions(given: Decided, thresholds: Floats) -> Decisions:
    """Count the answers of a classifier.

    Of two classes, the second is looked for, and its score decides. Of more, an answer is the class with the best
    score, given where that score reaches the threshold.

    Args:
        given: predictions with the truth.
        thresholds: (thresholds,) in 0..1, rising.
    """
    scores, labels = _probabilities(given), np.asarray(given.truth["labels"])
    first, names = scores.argmax(axis=1), [str(name) for name in given.truth["names"]]
    if len(names) == 2 and scores.shape[1] == 2:
        score, right, wanted = scores[:, 1], labels == 1, int((labels == 1).sum())
        what = f"A sample is called '{names[1]}' where the score of that class reaches the threshold."
    else:
        score, right, wanted = scores.max(axis=1), first == labels, len(labels)
        what = "The class with the best score is an answer where that score reaches the threshold."
    reached = score.astype(np.float32)[None] >= thresholds.astype(np.float32)[:, None]  # as an app compares
    return Decisions(
        what=what,
        made=reached.sum(axis=1),
        right=(reached & right[None]).sum(axis=1),
        wanted=wanted,
        confusion=lambda least: _confusion(first, labels, names),
        by_score=False,
    )


def _probabilities(given: Decided) -> Floats:
    """Give (samples, classes); a class that the model does not know has 0."""
    raw = np.asarray(given.model["scores"], np.float64)
    if given.logits:
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        raw = powers / powers.sum(axis=1, keepdims=True)
    return np.asarray(np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0), np.float64)


def _confusion(first: npt.NDArray[np.intp], labels: npt.NDArray[np.int32], names: list[str]) -> Confusion:
    known = len(names)
    counts = np.zeros((known, known + 1), np.int64)
    np.add.at(counts, (labels, np.minimum(first, known)), 1)
    if not counts[:, known].any():
        return Confusion(rows=names, columns=names, counts=counts[:, :known])
    return Confusion(rows=names, columns=[*names, OTHER], counts=counts)
