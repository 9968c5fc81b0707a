"""Calibration samples and training samples as model values, with what is known of their classes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.array_file import is_array_name
from tflbuild.core.dataset import Sample, Split
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation.examples import Encoder
from tflbuild.evaluation.sample_look import Look, look
from tflbuild.passes.quantizing.calibration import Calibration, chosen_of
from tflbuild.passes.quantizing.faults import places

if TYPE_CHECKING:
    from tflbuild.core.artifact import Artifact

MOST = 200
"""Samples of each kind that are looked at."""

MOST_FILES = 5000
"""Files of a split that are compared by content."""


class Samples(NamedTuple):
    """Some samples of a source.

    Attributes:
        values: by input, as the model takes them, without a batch axis.
        looks: by input.
        classes: in each, where they are known.
        kinds: of the dtypes that the raw samples have, as NumPy letters them: "u", "i", "f", ...
        keys: names of the samples.
    """

    values: list[dict[str, Any]]
    looks: dict[str, list[Look]]
    classes: list[frozenset[int]]
    kinds: frozenset[str]
    keys: list[str]


def of_source(calibration: Calibration, meaning: Meaning, ctx: AnalysisContext) -> tuple[Samples, int, int]:
    """Give calibration samples, how many the step takes, and how many the source holds."""
    split = ctx.dataset(calibration.source)
    chosen = chosen_of(calibration, split, ctx.seed)
    some = [chosen[place] for place in places(len(chosen), MOST)]
    known = _known_classes(split, ctx.dataset("data.train"))
    return _read(split, some, meaning, known), len(chosen), len(split)


def of_split(name: str, meaning: Meaning, ctx: AnalysisContext, most: int = MOST) -> Samples:
    """Give samples of a split, drawn otherwise than calibration samples are."""
    split = ctx.dataset(name)
    drawn = random.Random(f"{ctx.seed} {name}").sample(range(len(split)), min(most, len(split)))
    return _read(split, sorted(drawn), meaning, {})


def _read(
    split: Split, positions: Sequence[int], meaning: Meaning, known: Mapping[str, frozenset[int]]
) -> Samples:
    encoder = Encoder(meaning)
    values, classes, kinds = [], [], set()
    for position in positions:
        example, sample = split[position], split.samples[position]
        values.append(encoder.values(example.value, sample.key))
        given = example.value.values() if isinstance(example.value, Mapping) else [example.value]
        kinds |= {np.asarray(one).dtype.kind for one in given}
        said = np.ravel(example.labels)
        labels = frozenset(map(int, (*sample.labels, *(said if said.dtype.kind in "iu" else ()))))
        classes.append(labels or known.get(sample.path or "", frozenset()))
    looks = {name: [look(one[name]) for one in values] for name in (values[0] if values else {})}
    return Samples(values, looks, classes, frozenset(kinds), [split.samples[one].key for one in positions])


def _known_classes(split: Split, train: Split) -> dict[str, frozenset[int]]:
    """Give the classes of files outside the data set that are training samples, by path: found by their content."""
    outside = {sample.path: sample.digest for sample in split.samples if sample.path and not sample.labels}
    if split.name in ("train", "val") or not outside:
        return {}
    contents = file_contents(train.samples)
    by_digest = {digest: frozenset(sample.labels) for digest, sample in contents.items()}
    return {path: by_digest[digest] for path, digest in outside.items() if digest in by_digest}


def file_contents(samples: Sequence[Sample]) -> dict[str, Sample]:
    """Give samples that are a file each by the SHA-256 of its bytes."""
    found: dict[str, Sample] = {}
    for sample in samples[:MOST_FILES]:
        if sample.path and not is_array_name(Path(sample.path)) and Path(sample.path).is_file():
            found[hashlib.sha256(Path(sample.path).read_bytes()).hexdigest()] = sample
    return found


def in_val(calibration: Calibration, taken: Samples, meaning: Meaning, ctx: AnalysisContext) -> list[str]:
    """Name calibration samples that are val samples too, by the content of their files or by all of their values."""
    split, val = ctx.dataset(calibration.source), ctx.dataset("data.val")
    contents = file_contents(val.samples)
    found = [sample.key for sample in split.samples if sample.digest in contents]
    seen = of_split("data.val", meaning, ctx)
    digests = set(zip(*([one.digest for one in of_input] for of_input in seen.looks.values()), strict=True))
    marks = zip(*([one.digest for one in of_input] for of_input in taken.looks.values()), strict=True)
    found += [key for key, mark in zip(taken.keys, marks, strict=True) if mark in digests]
    return list(dict.fromkeys(found))


def ordered(samples: Samples, model: Artifact) -> list[dict[str, Any]]:
    """Give the values of samples in the order of a `.tflite`'s inputs."""
    from tflbuild.tflite import flatbuffer

    names = [entry["name"] for entry in flatbuffer.signature(model.path)["inputs"]]
    return [{name: one[name] for name in names} for one in samples.values]
