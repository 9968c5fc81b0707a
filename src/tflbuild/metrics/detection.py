"""Accuracy of detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class AveragePrecision(AccuracyMetric):
    """Base of the metrics that average COCO's average precision over classes.

    Precision is made monotone and read at 101 recalls; at most 100 detections an image and class; classes
    without objects are left out. Equals `pycocotools`. The interval is a bootstrap over images.
    """

    primary = True
    tasks = ("detection",)
    levels: ClassVar[int] = 10
    """Number of the overlap thresholds .50, .55, ... .95 that are averaged, from the lowest."""

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with a bootstrap interval; details hold average precision and objects per class."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        images = len(truth["offsets"]) - 1
        per_class, values = self._evaluate(predictions, truth, resamples(images))
        low, high = percentile_interval(values[1:], float(values[0]))
        known = low == low
        names = [str(name) for name in truth["names"]]
        missing = [str(name) for name in predictions.get("missing", ())]
        counts = [int((truth["labels"] == label).sum()) for label in range(len(names))]
        return Measurement(
            value=float(values[0]),
            unit=self.unit,
            n=images,
            low=low if known else None,
            high=high if known else None,
            details={
                "per_class": {
                    name: float(ap) if ap == ap else None
                    for name, ap in zip(names, per_class[0].tolist(), strict=True)
                },
                "objects": dict(zip(names, counts, strict=True)),
            }
            | ({"not_in_model": missing} if missing else {}),
        )

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same resampled images."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        images = len(truth["offsets"]) - 1
        weights = resamples(images)
        change = self._evaluate(after, truth, weights)[1] - self._evaluate(before, truth, weights)[1]
        low, high = percentile_interval(change[1:], float(change[0]))
        return Difference(value=float(change[0]), low=low, high=high, n=images)

    def _evaluate(
        self, predictions: Mapping[str, Any], truth: Mapping[str, Any], weights: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Give (1 + replicates, classes) and (1 + replicates,); the first row counts every image once."""
        import numpy as np

        from tflbuild.metrics.statistics.average_precision import average_precision, mean_average_precision
        from tflbuild.metrics.statistics.matching import THRESHOLDS, match

        every = np.concatenate([np.ones((1, weights.shape[1]), np.int32), weights])
        classes = len(truth["names"])
        if not (np.isfinite(predictions["scores"]).all() and np.isfinite(predictions["boxes"]).all()):
            return np.full((len(every), classes), np.nan), np.full(len(every), np.nan)
        matches = match(predictions, truth, classes, THRESHOLDS[: self.levels])
        per_class = average_precision(matches, every)
        return per_class, mean_average_precision(per_class)


@metric("map")
class MeanAveragePrecision(AveragePrecision):
    """COCO's mAP: mean over classes and over the overlap thresholds .50, .55, ... .95."""


@metric("map50")
class MeanAveragePrecision50(AveragePrecision):
    """COCO's mAP at the one overlap threshold .50, as Pascal VOC counts a hit."""

    levels = 1
