"""Fidelity: how near a model stays to the base that it was made of; needs no labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import AccuracyMetric, Difference, Measurement, metric
from tflbuild.core.plain_text import plain
from tflbuild.metrics.detection import MeanAveragePrecision
from tflbuild.tasks.unlabelled import OUTPUT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

SURE = 0.3
"""Score of a detection of the base from which on it counts as an object that is to be found again."""

LOUDEST = 200.0
"""Signal-to-noise ratio in dB that stands for outputs without any difference."""


@metric("fidelity")
class Fidelity(AccuracyMetric):
    """Agreement with the base on the same samples, in 0..1; 1 for the base itself.

    Of scores the share of samples whose best class is the base's (Wilson's interval; a difference has Newcombe's); of
    detections the mAP against the base's own from a score of 0.3 on (a bootstrap over samples), and where the base has
    none of these in any sample, the share of samples in which the model has none either; of other outputs the mean
    cosine of a sample's values with the base's, of the output where it is least (a bootstrap). Details hold of each
    output the signal-to-noise ratio in dB (SQNR), the mean cosine and the mean absolute difference.
    A task of a plugin whose predictions keep no outputs, float32 of (samples, values), has none: NaN.
    """

    against = "base"
    primary_of = ("unlabelled",)

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure against the base's predictions, which stand in the place of the truth."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        if "offsets" in truth:
            if _finds(truth).any():
                return MeanAveragePrecision().measure(predictions, _objects(truth))
            return _share(~_finds(predictions))
        details = {"outputs": _outputs(predictions, truth)}
        if "scores" in truth:
            return _share(_agreeing(predictions["scores"], truth["scores"]), details)
        if not details["outputs"]:  # of a task that keeps no outputs
            return Measurement(value=math.nan, unit="1")
        rows = _cosines(predictions, truth)
        value = float(rows.mean(axis=1).min())
        drawn = (resamples(rows.shape[1]) @ rows.T / rows.shape[1]).min(axis=1)
        low, high = percentile_interval(drawn, value)
        return Measurement(value=value, unit="1", n=rows.shape[1], low=low, high=high, details=details)

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the difference over the same samples."""
        from tflbuild.metrics.statistics.resampling import percentile_interval, resamples

        if "offsets" in truth:
            if _finds(truth).any():
                return MeanAveragePrecision().compare(before, after, _objects(truth))
            return _change(~_finds(before), ~_finds(after))
        if "scores" in truth:
            return _change(*(_agreeing(each["scores"], truth["scores"]) for each in (before, after)))
        if not _outputs_of(truth):
            return Difference(value=math.nan, low=math.nan, high=math.nan, n=0)
        first, second = _cosines(before, truth), _cosines(after, truth)
        weights = resamples(first.shape[1]) / first.shape[1]
        change = (weights @ second.T).min(axis=1) - (weights @ first.T).min(axis=1)
        value = float(second.mean(axis=1).min() - first.mean(axis=1).min())
        low, high = percentile_interval(change, value)
        return Difference(value=value, low=low, high=high, n=first.shape[1])


def _share(same: Bools, details: Mapping[str, Any] | None = None) -> Measurement:
    """Give the share of samples that are the base's, with Wilson's interval."""
    from tflbuild.metrics.statistics.resampling import wilson

    low, high = wilson(int(same.sum()), len(same))
    value = float(same.mean())
    return Measurement(
        value=value,
        unit="1",
        n=len(same),
        low=low,
        high=high,
        variance=value * (1 - value),
        details=details or {},
    )


def _change(before: Bools, after: Bools) -> Difference:
    """Give the difference of two such shares, with Newcombe's interval."""
    from tflbuild.metrics.statistics.resampling import paired_difference

    value, low, high = paired_difference(before, after)
    variance = float((before != after).mean()) - value * value
    return Difference(value=value, low=low, high=high, n=len(before), variance=variance)


def _agreeing(scores: Floats, base: Floats) -> Bools:
    """Say of each sample whether the best class is the base's; of equal scores the first counts."""
    import numpy as np

    known = np.isfinite(np.where(np.isneginf(scores), 0.0, scores)).all(axis=1)
    same: Bools = (scores.argmax(axis=1) == base.argmax(axis=1)) & known
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


def _finds(detections: Mapping[str, Any]) -> Bools:
    """Say of each sample whether there is a sure detection in it."""
    import numpy as np

    sure = ~(detections["scores"] < SURE)  # one that is no number is none of the base's either
    return np.array([bool(sure[start:stop].any()) for start, stop in pairwise(detections["offsets"])])


def _pairs(predictions: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[tuple[str, Floats, Floats]]:
    """Give each output of the base: its name, (samples, values) of the model and of the base.

    What a model does not know, minus infinity, counts as 0. Outputs are matched by name; one alone needs none.

    Raises:
        RecipeError: the two have other outputs, so that they cannot be compared.
    """
    import numpy as np

    found, wanted = _outputs_of(predictions), _outputs_of(base)
    if len(found) == len(wanted) == 1:
        found = dict(zip(wanted, found.values(), strict=True))
    if {name: values.shape for name, values in found.items()} != {
        name: values.shape for name, values in wanted.items()
    }:
        raise RecipeError(
            f"fidelity: the model gives {_said(found)}, and what it is compared with gives {_said(wanted)}; only the "
            f"same outputs can be compared."
        )
    for name, values in wanted.items():
        given, right = (
            np.where(np.isneginf(one), 0.0, one).astype(np.float64) for one in (found[name], values)
        )
        yield name.removeprefix(OUTPUT), given, right


def _outputs_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in arrays.items() if values.dtype.kind == "f" and values.ndim == 2}


def _said(outputs: Mapping[str, Any]) -> str:
    counts = {name.removeprefix(OUTPUT): one.shape[1] for name, one in outputs.items()}
    named = (
        f"'{plain(name)}' of {count} number{'s' if count != 1 else ''}" for name, count in counts.items()
    )
    return " and ".join(named) or "nothing"


def _cosines(predictions: Mapping[str, Any], base: Mapping[str, Any]) -> Floats:
    """Give (outputs, samples) cosines of a sample's values with the base's; 1 where both are nothing but zeros."""
    import numpy as np

    return np.stack([_cosine(found, wanted) for _, found, wanted in _pairs(predictions, base)])


def _cosine(found: Floats, wanted: Floats) -> Floats:
    import numpy as np

    sizes = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    alike = (found == wanted).all(axis=1)
    with np.errstate(invalid="ignore"):  # the cosine of what is infinite is no number
        cosine = np.divide((found * wanted).sum(axis=1), sizes, out=np.zeros(len(found)), where=sizes != 0)
    return np.where(alike, 1.0, np.minimum(cosine, 1.0))


def _decibels(signal: float, noise: float) -> float:
    """Give the ratio of two powers in dB, no further from 0 than `LOUDEST`."""
    if not noise:
        return LOUDEST
    if not signal or noise == math.inf:
        return -LOUDEST
    return round(max(-LOUDEST, min(LOUDEST, 10 * math.log10(signal / noise))), 3)


def _outputs(predictions: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Compare each output with the base's."""
    import numpy as np

    outputs = {}
    for name, found, wanted in _pairs(predictions, base):
        noise, signal = float(((found - wanted) ** 2).mean()), float((wanted**2).mean())
        outputs[name] = {
            "sqnr_db": _decibels(signal, noise),
            "cosine": float(_cosine(found, wanted).mean()),
            "mean_abs": float(np.abs(found - wanted).mean()),
        }
    return outputs
