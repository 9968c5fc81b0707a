"""Errors of regressions, in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


class ErrorOfValues(AccuracyMetric):
    """Base of the metrics that compare values with the right ones; of several values the mean of each one's metric.

    The interval is a bootstrap over samples; a difference has one over the same resampled samples.
    """

    tasks = ("regression",)

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with a bootstrap interval; details hold the metric of each value."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        n = len(truth["values"])
        every = self._each(predictions, truth, resamples(n))
        drawn = every.mean(axis=1)
        value = float(drawn[0])
        low, high = percentile_interval(drawn[1:], value)
        known = low == low and value == value
        names = [str(name) for name in truth["names"]]
        missing = [str(name) for name in predictions.get("missing", ())]
        return Measurement(
            value=value,
            unit=self.unit,
            n=n,
            low=low if known else None,
            high=high if known else None,
            details={"per_value": dict(zip(names, every[0].tolist(), strict=True))}
            | ({"not_in_model": missing} if missing else {}),
        )

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same resampled samples."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        n = len(truth["values"])
        weights = resamples(n)
        change = (self._each(after, truth, weights) - self._each(before, truth, weights)).mean(axis=1)
        low, high = percentile_interval(change[1:], float(change[0]))
        return Difference(value=float(change[0]), low=low, high=high, n=n)

    def _each(
        self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: npt.NDArray[np.int32]
    ) -> Floats:
        """Give (1 + replicates, values); the first row counts every sample once."""
        import numpy as np

        found = np.asarray(predictions["values"], np.float64)
        right = np.asarray(truth["values"], np.float64)
        if found.shape != right.shape:
            raise ValueError(f"the model gives {found.shape[1]} values, and the data have {right.shape[1]}")
        every = np.concatenate([np.ones((1, weights.shape[1])), weights]) / weights.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.of(found, right, every)

    def of(self, found: Floats, right: Floats, weights: Floats) -> Floats:
        """Give the metric of each value under each weighting.

        Args:
            found: (samples, values) of the model.
            right: likewise, what is right.
            weights: (weightings, samples), which sum to 1.

        Returns:
            (weightings, values).
        """
        raise NotImplementedError


@metric("mae")
class MeanAbsoluteError(ErrorOfValues):
    """Mean absolute difference from the right values, in their own units."""

    primary = True
    higher_is_better = False

    def of(self, found: Floats, right: Floats, weights: Floats) -> Floats:
        """Average the absolute errors."""
        import numpy as np

        return np.asarray(weights @ np.abs(found - right))


@metric("rmse")
class RootMeanSquareError(ErrorOfValues):
    """Root of the mean squared difference from the right values, in their own units: large errors count more."""

    higher_is_better = False

    def of(self, found: Floats, right: Floats, weights: Floats) -> Floats:
        """Average the squared errors."""
        import numpy as np

        return np.asarray(np.sqrt(weights @ np.square(found - right)))


@metric("r2")
class Determination(ErrorOfValues):
    """Share of the variance of the right values that a model explains: 1 for a perfect one, 0 for their mean.

    It has no unit, so that it also suits several values of different units.
    """

    def of(self, found: Floats, right: Floats, weights: Floats) -> Floats:
        """Divide the squared errors by the squared distances from the mean."""
        import numpy as np

        mean = weights @ right
        spread = weights @ np.square(right) - np.square(mean)
        return np.asarray(1 - (weights @ np.square(found - right)) / np.where(spread > 0, spread, np.nan))
