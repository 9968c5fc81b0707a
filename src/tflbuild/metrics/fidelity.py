"""Fidelity: how near a model stays to the base that it was made of; needs no labels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric
from tflbuild.metrics.detection import MeanAveragePrecision

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SURE = 0.3
"""Score of a detection of the base from which on it counts as an object that is to be found again."""

LOUDEST = 200.0
"""Signal-to-noise ratio in dB that stands for outputs without any difference."""


@metric("fidelity")
class Fidelity(AccuracyMetric):
    """Agreement with the base on the same samples, in 0..1; 1 for the base itself.

    Of scores the share of samples whose best class is the base's (Wilson's interval; a difference has Newcombe's); of
    detections the mAP against the base's own from a score of 0.3 on (a bootstrap over samples); of other outputs the
    mean cosine of a sample's values with the base's, of the output where it is least (a bootstrap). Details hold of
    each output the signal-to-noise ratio in dB (SQNR), the mean cosine and the mean absolute difference.
    """

    against = "base"
    primary_of = ("unlabelled",)

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure against the base's predictions, which stand in the place of the truth."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples, wilson

        if "offsets" in truth:
            return MeanAveragePrecision().measure(predictions, _objects(truth))
        details = {"outputs": _outputs(predictions, truth)}
        if "scores" in truth:
            same = _agreeing(predictions["scores"], truth["scores"])
            low, high = wilson(int(same.sum()), len(same))
            share = float(same.mean())
            variance = share * (1 - share)
            return Measurement(
                value=share, unit="1", n=len(same), low=low, high=high, variance=variance, details=details
            )
        rows = _cosines(predictions, truth)
        value = float(rows.mean(axis=1).min())
        drawn = (resamples(rows.shape[1]) @ rows.T / rows.shape[1]).min(axis=1)
        low, high = percentile_interval(drawn, value)
        return Measurement(value=value, unit="1", n=rows.shape[1], low=low, high=high, details=details)

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same samples."""
        from tflbuild.metrics.statistics.resampling import paired_difference, percentile_interval, resamples

        if "offsets" in truth:
            return MeanAveragePrecision().compare(before, after, _objects(truth))
        if "scores" in truth:
            old, new = (_agreeing(each["scores"], truth["scores"]) for each in (before, after))
            value, low, high = paired_difference(old, new)
            variance = float((old != new).mean()) - value * value
            return Difference(value=value, low=low, high=high, n=len(old), variance=variance)
        first, second = _cosines(before, truth), _cosines(after, truth)
        weights = resamples(first.shape[1]) / first.shape[1]
        change = (weights @ second.T).min(axis=1) - (weights @ first.T).min(axis=1)
        value = float(second.mean(axis=1).min() - first.mean(axis=1).min())
        low, high = percentile_interval(change, value)
        return Difference(value=value, low=low, high=high, n=first.shape[1])


def _agreeing(scores: Floats, base: Floats) -> npt.NDArray[np.bool_]:
    """Say of each sample whether the best class is the base's; of equal scores the first counts."""
    import numpy as np

    known = np.isfinite(np.where(np.isneginf(scores), 0.0, scores)).all(axis=1)
    same: npt.NDArray[np.bool_] = (scores.argmax(axis=1) == base.argmax(axis=1)) & known
    return same


def _objects(base: Mapping[str, Any]) -> dict[str, Any]:
    """Take the base's sure detections for the objects."""
    import numpy as np

    sure = base["scores"] >= SURE
    counts = [int(sure[start:stop].sum()) for start, stop in pairwise(base["offsets"])]
    classes = int(base["classes"].max(initial=0)) + 1
    return {
        "boxes": base["boxes"][sure],
        "labels": base["classes"][sure],
        "offsets": np.cumsum([0, *counts], dtype=np.int64),
        "names": np.array([str(label) for label in range(classes)], np.str_),
    }


def _names(base: Mapping[str, Any]) -> list[str]:
    """Name the arrays that hold outputs."""
    return [name for name, values in base.items() if values.dtype.kind == "f" and values.ndim == 2]


def _cosines(predictions: Mapping[str, Any], base: Mapping[str, Any]) -> Floats:
    """Give (outputs, samples) cosines of a sample's values with the base's; 1 where both are nothing but zeros."""
    import numpy as np

    rows = []
    for name in _names(base):
        found, wanted = predictions[name].astype(np.float64), base[name].astype(np.float64)
        sizes = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
        alike = (found == wanted).all(axis=1)
        cosine = np.divide((found * wanted).sum(axis=1), sizes, out=np.zeros(len(found)), where=sizes > 0)
        rows.append(np.where(alike, 1.0, np.minimum(cosine, 1.0)))
    return np.stack(rows)


def _outputs(predictions: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Compare each output with the base's."""
    import numpy as np

    found = {}
    for name, cosines in zip(_names(base), _cosines(predictions, base), strict=True):
        wanted = np.where(np.isneginf(base[name]), 0.0, base[name]).astype(np.float64)
        given = np.where(np.isneginf(predictions[name]), 0.0, predictions[name]).astype(np.float64)
        noise, signal = float(((given - wanted) ** 2).mean()), float((wanted**2).mean())
        sqnr = LOUDEST if not noise else -LOUDEST if not signal else 10 * float(np.log10(signal / noise))
        found[name.removeprefix("output:")] = {
            "sqnr_db": round(max(-LOUDEST, min(LOUDEST, sqnr)), 3),
            "cosine": float(cosines.mean()),
            "mean_abs": float(np.abs(given - wanted).mean()),
        }
    return found
