"""Faults of calibration samples that their own values show, without any other sample beside them.

Run inside every pass that measures ranges; the analysis `calibration` compares with training samples besides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from tflbuild.core.meaning import IMAGE, Meaning
from tflbuild.core.plain_text import plain

if TYPE_CHECKING:
    from tflbuild.evaluation.sample_look import Look

LOOKED = 32
"""Calibration samples that are looked at, at most, from all over them."""

FEWEST = 10
"""Distinct samples below which ranges are too narrow: of n the next one exceeds a range with a chance of 2/(n + 1)."""

ENOUGH, USUAL = 100, 200
"""Samples that are advised, and those that are taken where nothing is said."""

COPIES = 0.5
"""Share of samples that are copies of others from which on they are named."""

CODES = 255
DARK = 2.5
"""Steps of a pixel up to which a picture holds numbers of 0..1, or of 0..2, where 0..255 is meant."""

UNLIKE = 0.1
FAR_UNLIKE = 0.03
"""Correlation of neighbouring pixels, or of colours, that photos do not have; and of pixels that lie far apart."""

ALPHA = 0.01
"""Chance, of each of five tests, to name something of good samples: 5 % for all of them, after Bonferroni."""


class Fault(NamedTuple):
    """One thing that is wrong with calibration samples.

    Attributes:
        cause: from the vocabulary of docs/diagnosing.md; "" for what is only worth knowing.
        text: a sentence with the figure.
        override: cures it; "" where no override does.
        figures: behind it.
        beyond_doubt: whether it may be blamed for lost accuracy.
        error: whether the samples must not be used.
    """

    cause: str
    text: str
    override: str = ""
    figures: Mapping[str, Any] = {}
    beyond_doubt: bool = True
    error: bool = False

    @property
    def sentence(self) -> str:
        """Give the text with the override that cures it."""
        return f"{self.text}; {self.override}" if self.override else self.text

    def to_json(self) -> dict[str, Any]:
        """Give the form that a pass's note holds."""
        return {"cause": self.cause, "text": self.sentence, "override": self.override}


class Source(NamedTuple):
    """Where calibration samples come from.

    Attributes:
        name: as the recipe has it.
        label: of the step.
        samples: how many were taken.
        of: how many it holds.
        wanted: how many the recipe asks for.
    """

    name: str
    label: str
    samples: int
    of: int
    wanted: int

    @property
    def train(self) -> str:
        """Give the override that takes training samples; "" where it does so already."""
        return "" if self.name == "data.train" else f"{self.label}.calibration.source=data.train"

    @property
    def more(self) -> str:
        """Give the override that takes more samples; "" where there are none."""
        if self.of >= 2 * self.samples or self.of >= ENOUGH > self.samples:
            return f"{self.label}.calibration.samples={min(self.of, USUAL)}"
        return self.train


def places(count: int, most: int = LOOKED) -> list[int]:
    """Give positions from all over a list, in order."""
    return sorted({count * number // min(most, count) for number in range(min(most, count))})


def shown_by_values(looks: Mapping[str, Sequence[Look]], meaning: Meaning, source: Source) -> list[Fault]:
    """Name what is wrong with calibration samples, the gravest first; several that say the same are told once.

    Args:
        looks: of the samples, by input.
        meaning: of the model.
        source: where they come from.
    """
    for name, given in meaning.inputs.items():
        if given.modality == IMAGE:
            fault = _dark(looks[name], given.kind.limits(), source) or _noise(looks[name], source)
            if fault:
                return [fault]
    distinct = distinct_of(looks)
    copies = copied(len(next(iter(looks.values()))), len(distinct), source)
    found = [copies, _flat(looks, meaning, source), None if copies else too_few(len(distinct), source)]
    return [fault for fault in found if fault]


def distinct_of(looks: Mapping[str, Sequence[Look]]) -> list[int]:
    """Give the positions of samples that are no copies of earlier ones in every input."""
    from tflbuild.evaluation.sample_look import groups

    marks = list(zip(*(groups(of_input) for of_input in looks.values()), strict=True))
    firsts = {mark: place for place, mark in reversed(list(enumerate(marks)))}
    return sorted(firsts.values())


def copied(count: int, distinct: int, source: Source) -> Fault | None:
    """Name samples half of which, or more, are copies."""
    if count < 3 or count - distinct < COPIES * count:
        return None
    what = "one" if distinct == 1 else f"{distinct}"
    seen = f"all {count} calibration samples"
    if source.samples > count:
        seen = f"{count} of {source.samples} calibration samples, all that were looked at,"
    return Fault(
        "calibration.copies",
        f"{seen} are copies of {what}: ranges hold no more than those do",
        source.train,
        {"samples": count, "distinct": distinct},
    )


def too_few(distinct: int, source: Source) -> Fault | None:
    """Name fewer samples than ranges need."""
    if distinct >= FEWEST:
        return None
    beyond = 2 / (distinct + 1)
    return Fault(
        "calibration.few",
        f"only {distinct} calibration sample{'s' if distinct != 1 else ''}: {min(1.0, beyond):.0%} of all others "
        f"exceed a range that so few span; {ENOUGH} or more are advised",
        source.more,
        {"samples": distinct, "advised": ENOUGH},
    )


def _dark(looks: Sequence[Look], limits: tuple[float, float] | None, source: Source) -> Fault | None:
    """Name pictures whose every pixel is next to black: stored as 0..1."""
    if limits is None:
        return None
    step = (limits[1] - limits[0]) / CODES
    most = max((one.high - limits[0]) / step for one in looks)
    if most > DARK:
        return None
    return Fault(
        "calibration.scale",
        f"no pixel of {len(looks)} calibration samples is above {most:.0f} of {CODES}: they hold 0..1 where 0..{CODES} "
        f"is meant",
        source.train,
        {"most": most},
    )


def _noise(looks: Sequence[Look], source: Source) -> Fault | None:
    """Name pictures whose pixels have nothing to do with their neighbours; enlarged ones show it farther away."""
    near, far, channels = (
        _middle([getattr(one, name) for one in looks]) for name in ("near", "far", "channels")
    )
    if near < UNLIKE:
        said = f"neighbouring pixels correlate by {near:.2f}, those of photos by 0.5 and more"
    elif abs(far) < FAR_UNLIKE and abs(channels) < UNLIKE:
        said = (
            f"pixels an eighth of the width apart correlate by {abs(far):.2f}, and colours by {abs(channels):.2f}, "
            f"those of photos by 0.1 and 0.5 or more"
        )
    else:
        return None
    text = f"{len(looks)} calibration samples are random noise: {said}"
    return Fault("calibration.noise", text, source.train, {"near": near, "far": far, "channels": channels})


def _middle(values: Sequence[float]) -> float:
    """Give the median of what is known; NaN where most is not."""
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known and 2 * len(known) >= len(values) else math.nan


def _flat(looks: Mapping[str, Sequence[Look]], meaning: Meaning, source: Source) -> Fault | None:
    """Name samples of one value throughout."""
    for name, of_input in looks.items():
        if math.prod(meaning.inputs[name].shape) < 2:
            continue
        limits = meaning.inputs[name].kind.limits()
        least = DARK * (limits[1] - limits[0]) / CODES if limits else 0.0
        flat = sum(one.width <= max(least, 1e-6 * abs(one.high)) for one in of_input)
        if flat >= COPIES * len(of_input):
            return Fault(
                "",
                f"{flat} of {len(of_input)} calibration samples are the same value throughout: such samples say "
                f"nothing of ranges",
                source.train,
                {"flat": flat},
            )
    return None


def one_class(
    taken: Sequence[frozenset[int]], others: Sequence[frozenset[int]], names: Sequence[str], source: Source
) -> Fault | None:
    """Name samples that show one class alone, where others show several.

    The chance that so many random samples show that class alone must be below 1 %.

    Args:
        taken: classes in each calibration sample whose classes are known.
        others: classes in each training sample.
        names: of the classes.
        source: where the samples come from.
    """
    known, all_others = [one for one in taken if one], [one for one in others if one]
    classes = frozenset().union(*known)
    if len(known) < 3 or len(classes) != 1 or len(frozenset().union(*all_others)) < 2:
        return None
    share = sum(one <= classes for one in all_others) / len(all_others)
    if share ** len(known) >= ALPHA:
        return None
    (label,) = classes
    name = plain(names[label], 60) if label < len(names) else str(label)
    return Fault(
        "calibration.one_class",
        f"all {len(known)} calibration samples whose class is known are of '{name}', as {share:.0%} of the training "
        f"samples are",
        source.train,
        {"class": name, "samples": len(known), "share": share},
    )
