"""Metrics: a number never goes without its unit, sample size and interval."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tflbuild.core.artifact import Artifact
from tflbuild.core.registry import Registry

METRICS: Registry[Metric] = Registry("metric", "metric", "metrics")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A measured value.

    Attributes:
        value: the point value; NaN is a breach of any limit.
        unit: "1", "bytes", "ms", "cycles", ...
        split: the split it was measured on; "" for facts of the file.
        n: images (or runs) it was measured on.
        low: lower end of the 95 % interval, None where there is none.
        high: upper end.
        variance: of what one image adds to the value; from it follows which part of the interval shrinks with the
            root of n, the rest shrinks with n. None where it is not known, as for a bootstrap.
        kernels: what executed the model: "xnnpack", "keras", ...; "" for facts of the file.
        details: further JSON-able figures, e.g. AP per class.
    """

    value: float
    unit: str
    split: str = ""
    n: int = 0
    low: float | None = None
    high: float | None = None
    variance: float | None = None
    kernels: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds; a NaN or an infinity becomes null."""
        mapping: dict[str, Any] = {"value": _finite(self.value), "unit": self.unit}
        if self.split:
            mapping["split"] = self.split
        if self.n:
            mapping |= {"n": self.n, "low": _finite(self.low), "high": _finite(self.high)}
        if self.variance is not None:
            mapping["variance"] = _finite(self.variance)
        if self.kernels:
            mapping["kernels"] = self.kernels
        if self.details:
            mapping["details"] = _finite(self.details)
        return mapping

    @classmethod
    def from_json(cls, mapping: Mapping[str, Any]) -> Measurement:
        """Read what `to_json` gave."""
        value = mapping["value"]
        return cls(**{**mapping, "value": float("nan") if value is None else value})


def _finite(value: Any) -> Any:
    """Put null in place of every number that JSON does not know."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference `after - before` with its 95 % interval, over the same `n` images; `variance` as above."""

    value: float
    low: float
    high: float
    n: int
    variance: float | None = None


Z = 1.959963984540054
"""The normal distribution's 97.5 % quantile, which 95 % intervals are made with."""


def deciding_n(reach: float, margin: float, n: int, variance: float | None) -> int:
    """Estimate the sample size whose interval reaches no further than the margin.

    The square of what an interval reaches is A/n + B/n²: A is that of the normal approximation, Z² times the variance,
    and B what corrections for small samples add. Where no two images differ, A is 0 and the interval shrinks with n.

    Args:
        reach: how far the interval goes from the value, on the margin's side.
        margin: how far it may go.
        n: images that it was measured on.
        variance: of what one image adds; None for an interval that shrinks with the root of n alone.

    >>> deciding_n(0.02, 0.01, 100, None), deciding_n(0.02, 0.01, 100, 0.0)
    (400, 200)
    """
    whole = reach * reach * n
    root = whole if variance is None else min(whole, Z * Z * max(variance, 0.0))
    rest = (whole - root) * n
    square = margin * margin
    return math.ceil(round((root + math.sqrt(root * root + 4 * square * rest)) / (2 * square), 6))


class Metric:
    """Base of every metric. Declared with `@metric("name")`."""

    name: ClassVar[str] = ""
    unit: ClassVar[str] = "1"
    higher_is_better: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ()
    """Tasks it can be measured for; empty means any."""
    kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds of artifact it can be measured on; empty means any."""
    needs: ClassVar[tuple[str, ...]] = ("numpy",)
    """Tools by import name, whose versions decide the value."""


class AccuracyMetric(Metric):
    """A metric of predictions against the truth, over the images of a split."""

    primary: ClassVar[bool] = False
    """Whether it is measured after every step, gated or not, for each of its tasks."""
    primary_of: ClassVar[tuple[str, ...]] = ()
    """Tasks for which it is, where it can be measured for more."""
    against: ClassVar[Literal["truth", "base"]] = "truth"
    """The side that predictions are held against: what is right, or the predictions of the base."""

    def measure(self, predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Measurement:
        """Measure with a 95 % interval; runs in a worker.

        Args:
            predictions: arrays as `tflbuild.evaluation.arrays` describes for the task.
            truth: arrays likewise.
        """
        raise NotImplementedError

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any], truth: Mapping[str, Any]
    ) -> Difference:
        """Give the paired difference of two predictions of the same images; runs in a worker."""
        raise NotImplementedError


def primary_metrics(task: str) -> list[str]:
    """Name the metrics that are measured after every step of a build for a task."""
    return [
        name
        for name, cls in METRICS.items()
        if issubclass(cls, AccuracyMetric) and ((cls.primary and task in cls.tasks) or task in cls.primary_of)
    ]


def headline(names: Collection[str]) -> str:
    """Name the metric that stands for a model's accuracy among those that were measured; "" where none does.

    >>> headline(["size", "map50", "map"]), headline(["fidelity", "top1"]), headline(["size"])
    ('map', 'top1', '')
    """
    known = [name for name in sorted(names) if name in METRICS]
    accuracy = [name for name in known if issubclass(METRICS.get(name), AccuracyMetric)]
    own = [name for name in accuracy if getattr(METRICS.get(name), "primary", False)]
    return (own or accuracy or [""])[0]


class FileMetric(Metric):
    """A fact of the model file itself, e.g. its size or how long it takes."""

    needs: ClassVar[tuple[str, ...]] = ("ai_edge_litert", "numpy")
    exact: ClassVar[bool] = True
    """Whether a second measurement gives the same value."""
    figure: ClassVar[str] = ""
    """The field of a target's report that holds it; "" where none does. A target that measures it gives the field."""

    def measure(self, model: Artifact) -> Measurement:
        """Measure the file; runs in a worker."""
        raise NotImplementedError

    def from_figure(self, figure: Any) -> Measurement:
        """Read the measurement from the field `figure` of a target's report."""
        raise NotImplementedError


def file_metrics_of(kind: str, names: Sequence[str]) -> list[str]:
    """Give the metrics that are read from a file of a kind, without running it."""
    return [
        name
        for name in names
        if issubclass(cls := METRICS.get(name), FileMetric) and (not cls.kinds or kind in cls.kinds)
    ]


class TargetMetric(Metric):
    """A figure that only a target can give, e.g. NPU coverage; read from what the target reports."""

    target: ClassVar[str] = ""
    """The prefix of `Target.name` of targets that give the metric, besides those that name it in `Target.gives`."""
    choice: ClassVar[str] = ""
    """One of the recipes' choices of `target` that gives it, for messages."""


metric = METRICS.declare
"""Class decorator: declare a metric under a name."""
