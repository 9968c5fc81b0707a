"""Hold field samples to training samples: tests, what they say of the pictures, and the verdict.

Rules of the verdict, the first that fits:

    undecided           nothing is beyond chance, and there are fewer than FEW field samples
    fine                nothing is beyond chance
    mend_preprocessing  the samples look as another camera, or a mistake in the preprocessing, leaves them
    recalibrate         activations leave the calibrated ranges more than in training, or the file differs more from the
                        float model; unless answers changed while the file agrees with the float model as in training
    retrain             anything else changed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.analyses.field.form import KINDS, VERDICTS
from tflbuild.analyses.field.observing import Observed
from tflbuild.metrics.statistics import two_samples as two

ALPHA = 0.05
"""Of all tests together."""

FEW = 10
"""Field samples below which an inconspicuous set decides nothing."""

REPLICATES = 4999

LOOKS, ANSWERS, RANGES, AGREEMENT = KINDS

OUTSIDE, DIFFERENCE, CLASSES = "outside_ranges", "difference_from_float", "classes"

FINE, UNDECIDED, MEND, RECALIBRATE, RETRAIN = VERDICTS

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Test:
    """One number of the samples, compared.

    Attributes:
        name: of the number.
        kind: LOOKS, ANSWERS, RANGES or AGREEMENT.
        train: its median in training, or the mean where that decides; None of classes.
        field: likewise.
        distance: Kolmogorov-Smirnov's, or of shares of classes the total variation beyond what chance gives.
        chance: probability of so large a distance by chance.
        adjusted: that, with all tests in mind (Holm).
        beyond: whether the distance is beyond chance, and large enough to matter.
        index: population stability index; None of classes.
        index_noise: what the index stays below in 95 of 100 cases without a change.
        n: field samples that are worth as much as independent ones.
        m: training samples likewise.
    """

    __test__ = False  # not one of pytest's

    name: str
    kind: str
    train: float | None
    field: float | None
    distance: float
    chance: float
    adjusted: float = 1.0
    beyond: bool = False
    index: float | None = None
    index_noise: float | None = None
    n: float
    m: float

    @property
    def up(self) -> bool:
        """Whether the number is larger in the field."""
        return (self.field or 0.0) > (self.train or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Give the form that a finding holds."""
        return asdict(self)


def tested(train: Observed, field: Observed, least: float, seed: int) -> list[Test]:
    """Compare every number of two sources.

    Args:
        train: training samples.
        field: those of the field.
        least: distance below which a change does not matter, however sure it is.
        seed: of permutations.
    """
    tests = [_compared(name, kind, one, other) for name, kind, one, other in _pairs(train, field)]
    if len(train.classes):
        tests.append(_of_classes(train, field, tests, seed))
    adjusted = two.holm([test.chance for test in tests])
    return [
        _with(test, adjusted=chance, beyond=chance <= ALPHA and test.distance >= least)
        for test, chance in zip(tests, adjusted, strict=True)
    ]


def _with(test: Test, **changed: Any) -> Test:
    return Test(**{**asdict(test), **changed})


def _pairs(train: Observed, field: Observed) -> Iterator[tuple[str, str, Values, Values]]:
    for name, values in train.looks.items():
        yield name, LOOKS, values, field.looks[name]
    for name, values in train.answers.items():
        yield name, ANSWERS, values, field.answers[name]
    if train.outside.size:
        yield OUTSIDE, RANGES, train.outside.mean(axis=1), field.outside.mean(axis=1)
    if len(train.differences):
        yield DIFFERENCE, AGREEMENT, train.differences, field.differences


def _compared(name: str, kind: str, one: Values, other: Values) -> Test:
    m, n = two.independent(one), two.independent(other)
    found = two.distance(one, other)
    middle, end = float(np.median(one)), float(np.median(other))
    if middle == end:  # e.g. of bars, which most pictures have none of
        middle, end = float(one.mean()), float(other.mean())
    return Test(
        name=name,
        kind=kind,
        train=middle,
        field=end,
        distance=found,
        chance=two.chance_of(found, max(1, round(n)), max(1, round(m))),
        index=two.stability_index(one, other),
        index_noise=two.index_of_noise(len(other), len(one)),
        n=n,
        m=m,
    )


def _of_classes(train: Observed, field: Observed, tests: Sequence[Test], seed: int) -> Test:
    """Compare the shares of classes; neighbours go together as the looks of most samples say."""
    looks = [test for test in tests if test.kind == LOOKS]
    blocks = tuple(
        max(1, round(count / float(np.median(worth))))
        for count, worth in (
            (train.count, [test.m for test in looks]),
            (field.count, [test.n for test in looks]),
        )
    )
    found, usual, chance = two.shares_differ(
        train.classes, field.classes, (blocks[0], blocks[1]), REPLICATES, seed
    )
    return Test(
        name=CLASSES,
        kind=ANSWERS,
        train=None,
        field=None,
        distance=max(0.0, found - usual),
        chance=chance,
        n=field.count / blocks[1],
        m=train.count / blocks[0],
    )


def verdict(tests: Sequence[Test], signs: Mapping[str, Sequence[str]], count: int) -> str:
    """Give the verdict by the rules of this module.

    Args:
        tests: all of them.
        signs: what is seen of each cause, see `tflbuild.analyses.field.causes`.
        count: field samples.
    """
    changed = {test.name: test for test in tests if test.beyond}
    if not changed:
        return UNDECIDED if count < FEW else FINE
    if signs.get("field.camera"):
        return MEND
    worse = [name for name in (OUTSIDE, DIFFERENCE) if name in changed and changed[name].up]
    answers = any(test.kind == ANSWERS for test in changed.values())
    held = any(test.name == DIFFERENCE for test in tests) and DIFFERENCE not in changed
    if worse and not (answers and held):
        return RECALIBRATE
    return RETRAIN
