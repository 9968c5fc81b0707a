"""Calibration samples against training samples: scale, noise, copies, classes, overlap.

Five tests may name a cause, each at 1 %, so that good samples are accused in 5 % of cases at most (Bonferroni); and
each asks for a least effect besides, which draws of one source do not reach.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tflbuild.analyses.calibrating.sources import Samples
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.evaluation.sample_look import Look
from tflbuild.metrics.statistics.comparing import fisher, mann_whitney
from tflbuild.passes.quantizing import faults
from tflbuild.passes.quantizing.faults import ALPHA, Fault, Source

WIDER = 1.6
"""Ratio of the widths of samples, either way, that a wrong scale makes at least: from 0..1 to -1..1 it is 2."""

FAR = 3.0
"""Ratio of the widths of samples, either way, that no draw of one source has."""

FITS = 1.4
"""Ratio of deviations, either way, that samples taken in another scale still have to training samples."""

READINGS: Mapping[str, tuple[float, float]] = {
    "0..255": (0.0, 255.0),
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
    "-128..127": (-128.0, 127.0),
}
"""Ranges that people store pixels and signals in."""

NOISY = 0.3
"""Part of the correlation of training samples' neighbours below which calibration samples are noise."""

RANK_RATIO, DRAWS, LEAST_ROWS = 3.0, 100, 30
"""How much more directions numbers must vary in than the training samples; draws of these; rows that tell."""


def of_values(
    taken: Samples, train: Samples, meaning: Meaning, source: Source, names: Sequence[str]
) -> list[Fault]:
    """Name what is wrong with calibration samples, beside training samples; the gravest first."""
    wrong = _dtype(taken, train, source)
    if wrong:
        return [wrong]
    alone = faults.shown_by_values(taken.looks, meaning, source)
    found = [fault for fault in alone if fault.cause in ("calibration.scale", "calibration.noise")]
    distinct = faults.distinct_of(taken.looks)
    own = len(faults.distinct_of(train.looks))
    for fault in alone:
        if fault.cause == "calibration.copies":
            fault = _copies(fault, len(taken.values), len(distinct), len(train.values), own)
        if fault not in found:
            found.append(fault)
    if source.name == "data.train":  # the very samples that they would be held against
        one = faults.one_class(taken.classes, train.classes, names, source)
        return found + ([one] if one else [])
    if not any(fault.cause for fault in found if fault.cause != "calibration.few"):
        some = {name: [of[place] for place in distinct] for name, of in taken.looks.items()}
        found += _unlike(some, taken, train, source)
    one = faults.one_class(taken.classes, train.classes, names, source)
    return found + ([one] if one else [])


def _unlike(
    looks: Mapping[str, Sequence[Look]], taken: Samples, train: Samples, source: Source
) -> list[Fault]:
    """Name another scale or noise; where it is neither, a range that differs is worth knowing."""
    for name, of_input in looks.items():
        fault = (
            scale(of_input, train.looks[name], source)
            or _noise(of_input, train.looks[name], source)
            or _independent(name, taken, train, source)
        )
        if fault:
            return [fault]
    return []


def _dtype(taken: Samples, train: Samples, source: Source) -> Fault | None:
    if not taken.kinds or not train.kinds or taken.kinds == train.kinds:
        return None
    words = {"u": "unsigned integers", "i": "integers", "f": "floats", "b": "booleans"}
    given, right = (
        " and ".join(sorted(words.get(kind, kind) for kind in kinds)) for kinds in (taken.kinds, train.kinds)
    )
    return Fault(
        "calibration.scale" if "f" in taken.kinds | train.kinds else "",
        f"calibration samples are {given}, and training samples {right}: these do not match",
        source.train,
        {"given": given, "expected": right},
        beyond_doubt=False,
        error=True,
    )


def _copies(fault: Fault, count: int, distinct: int, others: int, own: int) -> Fault:
    """Blame copies only where training samples do not hold as many."""
    clear = fisher(count - distinct, count, others - own, others) < ALPHA
    return (
        fault
        if clear and others - own < (count - distinct) / count * others / 2
        else fault._replace(
            text=f"{fault.text}; so are {others - own} of {others} training samples",
            beyond_doubt=False,
        )
    )


class _Scale(NamedTuple):
    mean: float
    deviation: float
    width: float


def _scale_of(looks: Sequence[Look]) -> _Scale:
    means = np.array([one.mean.mean() for one in looks])
    squares = np.array([np.square(one.deviation).mean() + np.square(one.mean).mean() for one in looks])
    mean = float(means.mean())
    return _Scale(
        mean,
        math.sqrt(max(0.0, float(squares.mean()) - mean**2)),
        float(np.median([one.width for one in looks])),
    )


def scale(looks: Sequence[Look], train: Sequence[Look], source: Source) -> Fault | None:
    """Name samples in another scale: their widths differ beyond chance, and in one of `READINGS` they would fit."""
    here, there = _scale_of(looks), _scale_of(train)
    if not (here.width > 0 and there.width > 0 and here.deviation > 0 and there.deviation > 0):
        return None
    ratio = here.width / there.width
    if (
        max(ratio, 1 / ratio) < WIDER
        or mann_whitney([one.width for one in looks], [one.width for one in train]) >= ALPHA
    ):
        return None
    low, high = min(one.low for one in looks), max(one.high for one in looks)
    least, most = min(one.low for one in train), max(one.high for one in train)
    figures = {"low": low, "high": high, "train_low": least, "train_high": most, "ratio": ratio}
    said = f"calibration samples reach from {low:.4g} to {high:.4g}, training samples from {least:.4g} to {most:.4g}"
    given, meant = _reading(low, high, here), _reading(least, most, there)
    if given and meant and given != meant and _fits(here, there, READINGS[given], READINGS[meant]):
        text = f"{said}: they are in {given} instead of {meant}"
        return Fault("calibration.scale", text, source.train, figures)
    if max(ratio, 1 / ratio) >= 20:
        text = f"{said}: their scale is {max(ratio, 1 / ratio):.3g} times too {'large' if ratio > 1 else 'small'}"
        return Fault("calibration.scale", text, source.train, figures)
    text = f"{said}: they are {max(ratio, 1 / ratio):.2g} times as {'wide' if ratio > 1 else 'narrow'}"
    if max(ratio, 1 / ratio) >= FAR:
        return Fault("calibration.range", text, source.train, figures)
    return Fault("", text, source.train, figures, beyond_doubt=False)


def _reading(low: float, high: float, seen: _Scale) -> str:
    """Give the narrowest range of `READINGS` that holds all values, half of which they fill."""
    slack = 0.02
    for name, (least, most) in sorted(READINGS.items(), key=lambda item: item[1][1] - item[1][0]):
        width = most - least
        if low >= least - slack * width and high <= most + slack * width and 2 * (high - low) >= width:
            return name
    return ""


def _fits(here: _Scale, there: _Scale, given: tuple[float, float], meant: tuple[float, float]) -> bool:
    """Say whether mean and deviation would be those of training samples, taken from one range to the other."""
    factor = (meant[1] - meant[0]) / (given[1] - given[0])
    mean = (here.mean - given[0]) * factor + meant[0]
    ratio = here.deviation * factor / there.deviation
    return max(ratio, 1 / ratio) <= FITS and abs(mean - there.mean) <= there.deviation


def _noise(looks: Sequence[Look], train: Sequence[Look], source: Source) -> Fault | None:
    """Name samples whose neighbours have nothing to do with one another, where those of training samples have."""
    for key, what in (("near", "neighbouring values"), ("far", "values an eighth of the width apart")):
        one, other = ([getattr(each, key) for each in group] for group in (looks, train))
        known = [value for value in other if not math.isnan(value)]
        if len(known) < len(other) / 2 or all(math.isnan(value) for value in one):
            continue
        here, there = float(np.nanmedian(one)), float(np.median(known))
        least = 0.3 if key == "near" else 0.15
        low = NOISY * there if key == "near" else min(NOISY * there, faults.FAR_UNLIKE)
        if there < least or here >= low or mann_whitney(one, other) >= ALPHA:
            continue
        return Fault(
            "calibration.noise",
            f"calibration samples are random noise: {what} correlate by {here:.2f}, those of training samples by "
            f"{there:.2f}",
            source.train,
            {"correlation": here, "train_correlation": there},
        )
    return None


def _independent(name: str, taken: Samples, train: Samples, source: Source) -> Fault | None:
    """Name rows of numbers that vary in all directions alike, where training samples vary in a few.

    Directions are the participation ratio of the covariance's eigenvalues, in deviations of the training samples.
    """
    rows, others = (np.stack([one[name].ravel() for one in group.values]) for group in (taken, train))
    count = min(len(rows), len(others))
    if count < LEAST_ROWS or rows.shape[1] < faults.FEWEST or not math.isnan(train.looks[name][0].near):
        return None
    size = others.std(axis=0)
    varied = size > 0
    rows, others = rows[:, varied] / size[varied], others[:, varied] / size[varied]
    rng = np.random.default_rng(0)
    drawn = [directions(others[rng.choice(len(others), count, replace=True)]) for _ in range(DRAWS)]
    here, there = directions(rows[:count]), float(np.median(drawn))
    if here < RANK_RATIO * there or here <= max(drawn):
        return None
    return Fault(
        "calibration.noise",
        f"calibration samples are random noise: their numbers vary in {here:.0f} directions, those of training "
        f"samples in {there:.0f}",
        source.train,
        {"directions": here, "train_directions": there},
    )


def directions(rows: Any) -> float:
    """Give the participation ratio of (rows, columns): 1 where all rows lie on a line, columns where all are alike."""
    apart = rows - rows.mean(axis=0)
    together = apart @ apart.T
    size = float(np.square(together).sum())
    return float(np.trace(together)) ** 2 / size if size > 0 else 0.0


def coverage(taken: Samples, train: Samples, names: Sequence[str]) -> dict[str, Any]:
    """Say which classes no calibration sample shows though five or more were to be expected; {} where none is."""
    known, others = [one for one in taken.classes if one], [one for one in train.classes if one]
    if not known or not others:
        return {}
    shown = frozenset().union(*known)
    missing = [
        label
        for label in sorted(frozenset().union(*others) - shown)
        if sum(label in one for one in others) / len(others) * len(known) >= 5
    ]
    if not missing or len(shown) < 2:
        return {}
    listed = ", ".join(plain(names[label], 60) if label < len(names) else str(label) for label in missing[:5])
    return {
        "text": f"no calibration sample shows {listed}{', ...' if len(missing) > 5 else ''}, but training samples do",
        "missing": missing,
    }
