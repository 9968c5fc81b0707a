"""Accuracy of classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class TopAccuracy(AccuracyMetric):
    """Base of the metrics that count an image as right when its class is among the best scores.

    Of equal scores, which integer outputs often give, the class with the lower index ranks first. The interval is
    Wilson's; a difference has Newcombe's interval for paired proportions.
    """

    tasks = ("classification",)
    best: ClassVar[int] = 1

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with Wilson's interval; details hold the share found (recall) and images per class."""
        import numpy as np

        from tflbuild.metrics.statistics.resampling import wilson

        right, labels = self._right(predictions, truth), truth["labels"]
        names = [str(name) for name in truth["names"]]
        counts = np.bincount(labels, minlength=len(names)).tolist()
        if right is None:
            return Measurement(value=float("nan"), unit=self.unit, n=len(labels))
        found = np.bincount(labels[right], minlength=len(names)).tolist()
        low, high = wilson(int(right.sum()), len(right))
        share = float(right.mean())
        recalls = [hits / n if n else None for hits, n in zip(found, counts, strict=True)]
        missing = [str(name) for name in predictions.get("missing", ())]
        return Measurement(
            value=share,
            unit=self.unit,
            n=len(right),
            low=low,
            high=high,
            variance=share * (1 - share),
            details={
                "per_class": dict(zip(names, recalls, strict=True)),
                "objects": dict(zip(names, counts, strict=True)),
            }
            | ({"not_in_model": missing} if missing else {}),
        )

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same images."""
        from tflbuild.metrics.statistics.resampling import paired_difference

        n = len(truth["labels"])
        old, new = self._right(before, truth), self._right(after, truth)
        if old is None or new is None:
            return Difference(value=float("nan"), low=float("nan"), high=float("nan"), n=n)
        value, low, high = paired_difference(old, new)
        variance = float((old != new).mean()) - value * value
        return Difference(value=value, low=low, high=high, n=n, variance=variance)

    def _right(
        self, predictions: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> npt.NDArray[np.bool_] | None:
        """Say of every image whether it is right; None where a score is not a number."""
        import numpy as np

        scores, labels = predictions["scores"], truth["labels"]
        if np.isnan(scores).any():
            return None
        own = np.take_along_axis(scores, labels[:, None], axis=1)
        earlier = np.arange(scores.shape[1]) < labels[:, None]
        ahead = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
        right: npt.NDArray[np.bool_] = ahead < self.best
        return right


@metric("top1")
class Top1(TopAccuracy):
    """Share of images whose class has the best score."""

    primary = True


@metric("top5")
class Top5(TopAccuracy):
    """Share of images whose class is among the five best scores."""

    best = 5
