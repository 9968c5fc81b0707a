"""Calibration images: which, how many, and as the model wants them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Meaning
from tflbuild.core.task import TASKS
from tflbuild.passes.quantizing import faults

T = TypeVar("T")

HELD_OUT = 0.3
"""Share of the calibration images that errors are measured on."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The images that ranges are measured on."""

    source: str = "data.train"
    """Source of the images: `data.train` or `data.val`, a folder, a glob, a list file (`.txt`), an `.npy`
    or an `.npz`. They are never augmented and never those of test."""
    samples: Annotated[int, Ge(1), Le(1_000_000)] = 200
    """Number of images, chosen by the recipe's seed; all if there are fewer. More take longer and cover more
    of what the device will see. [images]"""


def calibration_samples(
    calibration: Calibration, meaning: Meaning, names: Sequence[str], ctx: PassContext | AnalysisContext
) -> list[dict[str, Any]]:
    """Give the calibration samples: by input, its model values, float32, without a batch axis.

    Args:
        calibration: which samples.
        meaning: of the model that takes them.
        names: of its inputs, in the order that they are wanted in: that of a `.tflite`'s graph.
        ctx: where they come from.

    Raises:
        DataError: the source holds nothing.
    """
    from tflbuild.evaluation.examples import Encoder

    split = ctx.dataset(calibration.source)
    if not len(split):
        raise DataError(f"{ctx.label}.calibration.source: '{calibration.source}' holds no sample.")
    encoder = Encoder(meaning)
    chosen = chosen_of(calibration, split, ctx.seed)
    count = len(chosen)
    if not count:
        raise DataError(
            f"{ctx.label}.calibration.source: '{calibration.source}' holds abnormal samples alone, and ranges are "
            f"measured on normal ones; use data.train."
        )
    ctx.notes["calibration"] = {"source": calibration.source, "samples": count, "of": len(split)}
    if count < calibration.samples:
        ctx.log(f"{calibration.samples} calibration samples were wanted, {calibration.source} holds {count}")
    samples = []
    for done, position in enumerate(chosen):
        values = encoder.values(split[position].value, split.samples[position].key)
        samples.append({name: values[name] for name in names})
        ctx.progress(done + 1, count, "calibration samples")
    _note_faults(samples, meaning, calibration, split, chosen, ctx)
    return samples


def _note_faults(
    samples: Sequence[Mapping[str, Any]],
    meaning: Meaning,
    calibration: Calibration,
    split: Split,
    chosen: Sequence[int],
    ctx: PassContext | AnalysisContext,
) -> None:
    """Note and log what is wrong with the samples; they are used all the same."""
    from tflbuild.evaluation.sample_look import look

    some = [samples[place] for place in faults.places(len(samples))]
    looks = {name: [look(sample[name]) for sample in some] for name in some[0]}
    source = faults.Source(calibration.source, ctx.label, len(samples), len(split), calibration.samples)
    found = faults.shown_by_values(looks, meaning, source)
    labels = [frozenset(sample.labels) for sample in split.samples]
    one = faults.one_class([labels[place] for place in chosen], labels, split.classes, source)
    named = [fault.to_json() for fault in (*found, *([one] if one else []))]
    if named:
        ctx.notes["calibration"]["named"] = named
        for fault in named:
            ctx.log(fault["text"])


def calibration_labels(calibration: Calibration, ctx: PassContext | AnalysisContext) -> list[int]:
    """Give the class of each image that `calibration_samples` gives, of a split of a classifier's data."""
    split = ctx.dataset(calibration.source)
    return [int(split[position].labels[0]) for position in chosen_of(calibration, split, ctx.seed)]


def chosen_of(calibration: Calibration, split: Split, seed: int) -> list[int]:
    """Give the positions of the calibration samples in their source, in order; those that a task learns from alone."""
    places = list(range(len(split)))
    if split.dataset.task:  # a folder that is only calibrated on has none
        task = TASKS.get(split.dataset.task)()
        places = [place for place in places if task.is_learned_from(split.samples[place].labels)]
    return sorted(random.Random(seed).sample(places, min(calibration.samples, len(places))))


def parted(images: list[T], seed: int) -> tuple[list[T], list[T]]:
    """Hold 30 % of the calibration images (or their labels) out, to measure on; one alone serves for both."""
    shuffled = random.Random(seed).sample(images, len(images))
    count = max(1, round(HELD_OUT * len(images)))
    return (shuffled[count:], shuffled[:count]) if len(images) > 1 else (images, images)
