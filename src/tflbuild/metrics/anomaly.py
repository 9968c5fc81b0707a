"""Detection of anomalies: areas under the ROC curve of anomaly scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core.errors import DataError
from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, Z, metric
from tflbuild.tasks.reconstruction.task import ABNORMAL, ERRORS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]


class Area(AccuracyMetric):
    """Base of the areas under the ROC curve."""

    tasks = ("reconstruction",)


@metric("auc")
class Auc(Area):
    """Area under the ROC curve: the chance that an abnormal sample scores higher than a normal one; ties count half.

    The interval and that of a difference are DeLong's. Where every pair is in order, or none is, DeLong's has no width:
    then the interval reaches as far as Wilson's of as many right ones as the smaller side has samples.
    """

    primary = True

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with DeLong's interval; details hold how many samples are of each side."""
        from tflbuild.metrics.statistics import ranking
        from tflbuild.metrics.statistics.resampling import wilson

        abnormal = sides_of(truth, type(self).name)
        details = counts_of(abnormal)
        if not _known(predictions):
            return Measurement(value=math.nan, unit=self.unit, n=len(abnormal), details=details)
        found = ranking.placements(predictions[ERRORS], abnormal)
        value, variance = found.area, ranking.variance(found)
        if variance > 0:
            reach = Z * math.sqrt(variance)
            low, high = max(0.0, value - reach), min(1.0, value + reach)
        else:
            least = min(details["normal"], details["abnormal"])
            low, high = wilson(round(value * least), least)
            low, high = min(low, value), max(high, value)
        return Measurement(
            value=value,
            unit=self.unit,
            n=len(abnormal),
            low=low,
            high=high,
            variance=variance * len(abnormal) if variance > 0 else None,
            details=details,
        )

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same samples, with DeLong's interval of two correlated areas."""
        from tflbuild.metrics.statistics import ranking

        abnormal = sides_of(truth, type(self).name)
        n = len(abnormal)
        if not (_known(before) and _known(after)):
            return Difference(value=math.nan, low=math.nan, high=math.nan, n=n)
        first, second = (ranking.placements(each[ERRORS], abnormal) for each in (before, after))
        value, variance = second.area - first.area, ranking.variance(second, first)
        if math.isnan(variance):
            return Difference(value=value, low=-1.0, high=1.0, n=n)
        reach = Z * math.sqrt(variance)
        low, high = max(-1.0, value - reach), min(1.0, value + reach)
        return Difference(value=value, low=low, high=high, n=n, variance=variance * n)


@metric("pauc")
class PartialAuc(Area):
    """Area under the ROC curve up to a false positive rate of 0.1, standardized: 0.5 for chance, 1 for all right.

    Intervals are those of a bootstrap that draws normal and abnormal samples apart; of a difference both models are
    resampled alike. Where all abnormal samples score highest, the lower end is that of `auc`'s interval.
    """

    most: ClassVar[float] = 0.1
    """The largest false positive rate, that of DCASE's tasks on machine sounds."""

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with a bootstrap over the samples of each side."""
        from tflbuild.metrics.statistics import ranking
        from tflbuild.metrics.statistics.resampling import percentile_interval

        abnormal = sides_of(truth, type(self).name)
        details = counts_of(abnormal)
        if not _known(predictions):
            return Measurement(value=math.nan, unit=self.unit, n=len(abnormal), details=details)
        scores = predictions[ERRORS]
        value = ranking.partial_area(scores, abnormal, self.most)
        drawn = ranking.partial_areas(scores, abnormal, self.most, _resamples(abnormal))
        low, high = percentile_interval(drawn, value)
        if low == high == 1.0:
            low = Auc().measure(predictions, truth).low or low
        return Measurement(value=value, unit=self.unit, n=len(abnormal), low=low, high=high, details=details)

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same samples, resampled alike."""
        from tflbuild.metrics.statistics import ranking
        from tflbuild.metrics.statistics.resampling import percentile_interval

        abnormal = sides_of(truth, type(self).name)
        n = len(abnormal)
        if not (_known(before) and _known(after)):
            return Difference(value=math.nan, low=math.nan, high=math.nan, n=n)
        weights, pair = _resamples(abnormal), (before[ERRORS], after[ERRORS])
        first, second = (ranking.partial_area(scores, abnormal, self.most) for scores in pair)
        drawn = [ranking.partial_areas(scores, abnormal, self.most, weights) for scores in pair]
        low, high = percentile_interval(drawn[1] - drawn[0], second - first)
        return Difference(value=second - first, low=low, high=high, n=n)


def sides_of(truth: Mapping[str, Any], name: str) -> Bools:
    """Say of each sample whether it is abnormal.

    Raises:
        DataError: all samples are of one side, so that no pair can be in order.
    """
    import numpy as np

    abnormal = np.asarray(truth["labels"]) == ABNORMAL
    if abnormal.all() or not abnormal.any():
        lacking = "normal" if abnormal.all() else "abnormal"
        raise DataError(
            f"{name}: none of the {len(abnormal)} samples that it is measured on is {lacking}, and it compares normal "
            f"samples with abnormal ones; give data that hold both, or use metric fidelity, which needs no labels."
        )
    return np.asarray(abnormal, np.bool_)


def counts_of(abnormal: Bools) -> dict[str, int]:
    """Give how many samples are of each side."""
    return {"normal": int((~abnormal).sum()), "abnormal": int(abnormal.sum())}


def _known(predictions: Mapping[str, Any]) -> bool:
    import numpy as np

    return not bool(np.isnan(predictions[ERRORS]).any())


def _resamples(abnormal: Bools) -> npt.NDArray[np.int32]:
    """Draw normal and abnormal samples apart: (resamples, samples), how often each was drawn."""
    import numpy as np

    from tflbuild.metrics.statistics.resampling import REPLICATES, resamples

    high = np.flatnonzero(abnormal)
    low = np.flatnonzero(~abnormal)
    weights = np.zeros((REPLICATES, len(abnormal)), np.int32)
    weights[:, high] = resamples(len(high))
    # drawn otherwise than the abnormal ones, even where both are as many
    weights[:, low] = resamples(len(low))[::-1]
    return weights
