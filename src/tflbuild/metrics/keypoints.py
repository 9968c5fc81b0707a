"""How near keypoints are to where they belong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Weights = npt.NDArray[np.int32]


class PointMetric(AccuracyMetric):
    """Base of the metrics of points; the interval is a bootstrap over samples, of a difference over the same ones.

    Points that are not marked in the data (visibility 0) do not count.
    """

    tasks = ("keypoints",)

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with a bootstrap interval; details hold figures of each point."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        n = len(truth["points"])
        values = self._drawn(predictions, truth, resamples(n))
        value = float(values[0])
        low, high = percentile_interval(values[1:], value)
        known = low == low and value == value
        names = [str(name) for name in truth["names"]]
        missing = [str(name) for name in predictions.get("missing", ())]
        each = [float(one) if one == one else None for one in self.per_point(predictions, truth).tolist()]
        marked = (truth["visible"] > 0).sum(axis=0).tolist()
        return Measurement(
            value=value,
            unit=self.unit,
            n=n,
            low=low if known else None,
            high=high if known else None,
            details={
                "per_point": dict(zip(names, each, strict=True)),
                "marked": dict(zip(names, marked, strict=True)),
            }
            | ({"not_in_model": missing} if missing else {}),
        )

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same resampled samples."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        n = len(truth["points"])
        weights = resamples(n)
        change = self._drawn(after, truth, weights) - self._drawn(before, truth, weights)
        low, high = percentile_interval(change[1:], float(change[0]))
        return Difference(value=float(change[0]), low=low, high=high, n=n)

    def _drawn(self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: Weights) -> Floats:
        """Give (1 + replicates,); the first one counts every sample once."""
        import numpy as np

        every = np.concatenate([np.ones((1, weights.shape[1]), np.int32), weights])
        return self.of(predictions, truth, every)

    def of(self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: Weights) -> Floats:
        """Give the metric under each weighting of the samples, (weightings,)."""
        raise NotImplementedError

    def per_point(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
        """Give the share of marked points that are right, (points,); NaN for a point that is never marked."""
        raise NotImplementedError


@metric("oks")
class KeypointSimilarity(PointMetric):
    """COCO's average precision of keypoints: mean over the similarities .50, .55, ... .95 that an object must reach.

    Each sample is an image of its own with one object. Equals `pycocotools`. Details hold of each point the mean of
    its own similarity.

    References:
        COCO, Keypoint Evaluation, cocodataset.org/#keypoints-eval.
    """

    primary = True

    def of(self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: Weights) -> Floats:
        """Average precision over thresholds and recalls."""
        from tflbuild.metrics.statistics.average_precision import average_precision
        from tflbuild.metrics.statistics.similarity import matched

        return average_precision(matched(predictions, truth), weights)[:, 0]

    def per_point(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
        """Give the mean similarity of each point."""
        import numpy as np

        from tflbuild.metrics.statistics.similarity import distances

        width = np.square(2 * truth["sigmas"]) * truth["areas"][:, None] * 2
        return _means(np.exp(-np.square(distances(predictions, truth)) / width))


@metric("pck")
class CorrectKeypoints(PointMetric):
    """Percentage of correct keypoints: marked points within a tenth of the longer side of their object's box.

    References:
        Yang and Ramanan, Articulated Human Detection with Flexible Mixtures of Parts, 2013 (section 7, alpha 0.1).
    """

    alpha: ClassVar[float] = 0.1

    def of(self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: Weights) -> Floats:
        """Count right points over marked ones."""
        import numpy as np

        right = self._right(predictions, truth)
        hits, marked = np.nansum(right, axis=1), (~np.isnan(right)).sum(axis=1)
        return np.asarray((weights @ hits) / (weights @ marked))

    def per_point(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
        """Give the share of each point."""
        return _means(self._right(predictions, truth))

    def _right(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
        """Give (samples, points): 1 for a point that is right, 0 for another, NaN for one that is not marked."""
        import numpy as np

        from tflbuild.metrics.statistics.similarity import distances

        boxes = np.asarray(truth["boxes"], np.float64)
        longer = ((boxes[:, 2:] - boxes[:, :2]) * truth["sizes"]).max(axis=1)
        apart = distances(predictions, truth)
        return np.where(np.isnan(apart), np.nan, apart <= self.alpha * longer[:, None])


def _means(values: Floats) -> Floats:
    """Average over samples what is a number."""
    import numpy as np

    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
