"""Other readings of the pixels: what a base would score if it had been trained on other values than it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.analyses.first_look.causes import caused
from tflbuild.analyses.first_look.chance import level_of_chance, sentence
from tflbuild.analyses.first_look.orders import CLEARLY, class_pairs, tried
from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Index, Split
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation.arrays import load
from tflbuild.evaluation.truth import truth as truth_of
from tflbuild.metrics.classification import Top1
from tflbuild.metrics.detection import MeanAveragePrecision50
from tflbuild.modalities.image.modality import ImageModality

IMAGES = 64
"""Images that each reading is tried on."""

ALIKE = 0.02
"""Part of the range of values by which two readings may differ and be one."""

Progress = Callable[[float, float], None]
Predict = Callable[[Artifact, Split, Path], str]


class Reading(NamedTuple):
    """A usual way to turn a pixel of 0..255 into a model's value; `channels` is "" for the current order."""

    how: str
    scale: float
    offset: float
    channels: str = ""


SCALES = (
    Reading("pixels of 0..255 as they are", 1.0, 0.0),
    Reading("pixels as 0..1", 1 / 255, 0.0),
    Reading("pixels as -1..1", 1 / 127.5, -1.0),
    Reading("pixels minus ImageNet's mean, divided by its deviation (of all channels)", 0.01735, -1.987),
)
"""Scalings of pixels that training code usually applies."""

CAFFE = Reading("pixels of 0..255 minus ImageNet's mean (of all channels), blue first", 1.0, -114.8, "bgr")
"""The preprocessing that Keras calls the mode `caffe`."""


def explain(
    model: Artifact,
    split: Split,
    predict: Predict,
    finding: Mapping[str, Any],
    out: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Try other readings on some images of a split, and say the finding again with what they gave.

    Args:
        model: a base that was found to be no better than chance, or not very good.
        split: the images.
        predict: writes such a model's predictions on a split to a file.
        finding: what `tflbuild.analyses.first_look.chance.judge` gave.
        out: a folder for predictions.
        progress: is told how many readings are done, of how many.
    """
    facts = Meaning.of(model)
    current = facts.only.kind if len(facts.inputs) == 1 else None
    if not isinstance(current, ImageModality) or current.per_channel:
        return dict(finding)
    trial = _Trial(model, facts, spread(split), predict, out)
    first = [reading for reading in SCALES if not alike(reading, current)]
    now = trial.row(Reading("", current.scale, current.offset), None)
    rows = []
    for count, reading in enumerate(first, start=1):
        rows.append(trial.row(reading, now))
        progress(count, len(first) + 3)
    turned = _turned(rows, first, current)
    for count, reading in enumerate(turned if finding["verdict"] else turned[:1], start=len(first) + 1):
        rows.append(trial.row(reading, now))
        progress(count, len(first) + 3)
    rows.sort(key=lambda row: (not row["better"], -row["value"]))
    verdict = finding["verdict"] or ("reading" if rows[0]["better"] else "")
    whole = {**finding, "verdict": verdict, "now": now, "readings": rows}
    return {**whole, "text": sentence(whole) if verdict else "", **caused(whole)}


def spread(split: Split, most: int = IMAGES) -> Split:
    """Give some images of a split, evenly from all of it: it may be sorted by class."""
    index = Index(classes=split.classes, splits={split.name: split.samples})
    return Split(split.name, split.dataset, index.thinned(split.name, most))


def alike(reading: Reading, current: ImageModality) -> bool:
    """Say whether a reading gives nearly the values that the model is given now."""
    ends = [
        (pixel * reading.scale + reading.offset, pixel * current.scale + current.offset) for pixel in (0, 255)
    ]
    span = 255 * max(reading.scale, current.scale)
    same = reading.channels in ("", current.channels)
    return same and all(abs(one - other) <= ALIKE * span for one, other in ends)


def _turned(rows: list[dict[str, Any]], tried_first: list[Reading], current: ImageModality) -> list[Reading]:
    """Give readings with the channels in reverse: of what is given now, and of what is best so far."""
    if current.channels == "grey":
        return []
    other = "bgr" if current.channels == "rgb" else "rgb"
    best = max(range(len(rows)), key=lambda place: rows[place]["value"])
    first = "blue" if other == "bgr" else "red"
    readings = [
        Reading(f"channels swapped, {first} first", current.scale, current.offset, other),
        tried_first[best]._replace(how=f"{tried_first[best].how}, {first} first", channels=other),
    ]
    return [*readings, *([] if alike(CAFFE, current) else [CAFFE])]


class _Trial:
    """Run a model on the same images with one reading after the other."""

    def __init__(self, model: Artifact, facts: Meaning, split: Split, run: Predict, out: Path) -> None:
        self._model, self._facts, self._split = model, facts, split
        self._run, self._out = run, out
        self._truth = truth_of(split)

    def row(self, reading: Reading, now: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give what a reading scores, and whether that is clearly better than `now` and than chance."""
        options: dict[str, Any] = {"scale": reading.scale, "offset": reading.offset}
        options |= {"channels": reading.channels} if reading.channels else {}
        ((name, given),) = self._facts.inputs.items()
        read = replace(given, preprocess={**given.preprocess, **options})
        facts = replace(self._facts, inputs={name: read})
        model = replace(self._model, meta={**self._model.meta, "facts": facts.to_json()})
        path = self._out / "reading.npz"
        self._run(model, self._split, path)
        found = load(path)
        measured = (
            Top1() if "labels" in self._truth and "offsets" not in self._truth else MeanAveragePrecision50()
        )
        value = measured.measure(found, self._truth)
        known = value.value == value.value and value.low is not None
        pairs = class_pairs(found, self._truth) if known else None
        chance = level_of_chance(pairs) if pairs is not None and "offsets" not in self._truth else CLEARLY
        row: dict[str, Any] = {
            "how": reading.how,
            "metric": type(measured).name,
            "value": value.value if known else 0.0,
            "low": value.low if known else None,
            "high": value.high if known else None,
            "n": value.n,
            "better": bool(known and now and (value.low or 0) > max(chance, now["value"] + CLEARLY)),
            "override": " ".join(f"preprocess.{key}={_number(value)}" for key, value in options.items()),
        }
        order = next(iter(tried(pairs, {})), None) if pairs is not None else None
        if now and order and order["better"] and order["low"] > chance:
            row["with_order"] = order
        return row


def _number(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
