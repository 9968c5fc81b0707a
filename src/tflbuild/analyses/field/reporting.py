"""Findings about field samples: the tests, the tensors, agreement, the verdict, and its causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tflbuild.analyses.field import causes, judging
from tflbuild.analyses.field.observing import Observed, Ranges
from tflbuild.analyses.field.told import sentence
from tflbuild.core.cause import Cure
from tflbuild.metrics.statistics import two_samples as two
from tflbuild.metrics.statistics.resampling import wilson

LARGE = 0.4
"""Distance that a set should be able to show: a shift by a deviation."""

TENSORS = 20
"""Tensors that a finding lists."""

LEAST_SHARE = 0.9
"""Part of the samples that must count as independent for nothing to be said of their likeness."""


class Report:
    """The comparison of two sources.

    Args:
        train: training samples.
        field: those of the field.
        ranges: of the file.
        least: distance that counts.
        seed: of permutations.
    """

    def __init__(self, train: Observed, field: Observed, ranges: Ranges, least: float, seed: int) -> None:
        self.train, self.field, self._ranges = train, field, ranges
        self.tests = judging.tested(train, field, least, seed)
        self.signs = causes.signs_of(self.tests, train, field, least)
        self.verdict = judging.verdict(self.tests, self.signs, field.count)

    def findings(self, override: str, notes: Sequence[str]) -> list[dict[str, Any]]:
        """Give the finding with the verdict, and one for each cause.

        Args:
            override: what lets the file be calibrated on the field samples; "" where nobody knows.
            notes: said of the choice of samples.
        """
        said = sentence(self.verdict, self.tests, self.field.count)
        whole = {
            "text": "" if self.verdict in (judging.FINE, judging.UNDECIDED) else f"drift: {said}",
            "said": said,
            "verdict": self.verdict,
            "train_samples": self.train.count,
            "field_samples": self.field.count,
            "alpha": judging.ALPHA,
            "tests": [test.to_json() for test in self.tests],
            "tensors": self._tensors(),
            "agreement": self._agreement(),
            "cures": self._cures(override),
            "notes": [*notes, *self._sizes(), *([self._ranges.why] if self._ranges.why else [])],
        }
        return [whole, *causes.caused(self.signs)]

    def _tensors(self) -> list[dict[str, Any]]:
        """Give the tensors whose activations leave their ranges most, and more than in training."""
        if not self.train.outside.size:
            return []
        train, field = self.train.outside.mean(axis=0), self.field.outside.mean(axis=0)
        rows: list[dict[str, Any]] = [
            {
                "tensor": name,
                "low": grid.low,
                "high": grid.high,
                "train": float(train[place]),
                "field": float(field[place]),
            }
            for place, (name, grid) in enumerate(self._ranges.grids.items())
        ]
        return sorted(rows, key=lambda row: row["train"] - row["field"])[:TENSORS]

    def _agreement(self) -> dict[str, Any]:
        """Give the share of samples of which file and float model find the same class; {} where there is none."""
        if not len(self.train.agrees):
            return {}
        found = {}
        for where, agrees in (("train", self.train.agrees), ("field", self.field.agrees)):
            low, high = wilson(int(agrees.sum()), len(agrees))
            found[where] = {"value": float(agrees.mean()), "low": low, "high": high, "n": len(agrees)}
        return found

    def _cures(self, override: str) -> list[dict[str, Any]]:
        """Give what the verdict asks for; causes have cures of their own."""
        if self.verdict == judging.RECALIBRATE:
            return [Cure(text="calibrate on field samples", override=override).to_json()]
        if self.verdict == judging.RETRAIN:
            return [Cure(text="label field samples and train on them, too", effort="training").to_json()]
        return []

    def _sizes(self) -> list[str]:
        """Say what the number of samples lets nobody decide, and the number that would."""
        train, field, count = self.train.count, self.field.count, len(self.tests)
        alpha = judging.ALPHA / count
        worth = float(np.median([test.n for test in self.tests if test.kind == judging.LOOKS]))
        notes = []
        if worth < LEAST_SHARE * field:
            notes.append(
                f"neighbouring field samples resemble one another, as frames of a film do: {field} count as {worth:.0f}"
            )
        least = two.least_distance(max(1, round(worth)), train, alpha)
        wanted = two.enough(LARGE, train, alpha)
        if least > LARGE:
            enough = f"{wanted} independent field samples" if wanted else "more training samples"
            shown = f"show only a distance above {least:.2f}" if least < 1 else "can show hardly any change"
            notes.append(
                f"{field} field samples {shown}; {enough} would show {LARGE:g}, a shift by one standard deviation"
            )
        index = two.enough_for_index(train)
        if index is None:
            notes.append(
                f"a population stability index of {two.SHIFTED:g} means nothing with {train} training samples, however "
                f"many field samples there are"
            )
        elif field < index:
            notes.append(
                f"a population stability index of {two.SHIFTED:g} means nothing below {index} field samples"
            )
        return notes
