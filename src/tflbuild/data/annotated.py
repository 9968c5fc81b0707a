"""From boxes as annotators left them to an index: sizes, clipping, classes, splits, leaks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, Sample
from tflbuild.core.errors import DataError
from tflbuild.data.files import SPLITS, FileDataset, looked_at, without_leaks

SLACK = 1.0
"""Pixels that a box may reach outside without a word: annotation tools count from 0 or from 1."""

Box = tuple[float, float, float, float]


class RawBox(NamedTuple):
    """One object as annotated; in pixels, not yet checked. `number` names it in messages."""

    number: str
    label: str
    ymin: float
    xmin: float
    ymax: float
    xmax: float


class Annotated(NamedTuple):
    """One image as annotated.

    Attributes:
        key: the image file, relative to the root.
        source: the annotation file, relative to the root, for messages.
        path: the image file.
        height: as the annotation says; 0 where it does not.
        width: likewise.
        objects: what was marked.
    """

    key: str
    source: str
    path: str
    height: int
    width: int
    objects: tuple[RawBox, ...]


class Checked(NamedTuple):
    """One image that decodes, with the boxes that make sense, in 0..1."""

    key: str
    source: str
    path: str
    digest: str
    objects: tuple[tuple[str, Box], ...]


def assemble(
    dataset: FileDataset,
    splits: Mapping[str, list[Annotated]],
    look: Look,
    dropped: list[Dropped],
    order: Callable[[Iterable[str]], Sequence[str]] = sorted,
) -> Index:
    """Build the index of a detection set.

    Args:
        dataset: its options decide on classes and missing splits.
        splits: images by split; train at least.
        look: gives facts of an image file.
        dropped: what was left out so far; grows.
        order: puts class names in order.

    Raises:
        DataError: a split ends without images or without boxes.
    """
    checked = {split: _checked(images, look, dropped) for split, images in splits.items()}
    complete = dataset.completed(checked, key=lambda image: image.key)
    apart, leaks = without_leaks(complete, lambda image: image.digest, lambda image: image.key)
    dropped += leaks
    _refuse_empty(
        dataset, {split: [bool(i.objects) for i in images] for split, images in apart.items()}, dropped
    )
    in_train = _labels(apart["train"])
    everywhere = set().union(*(_labels(images) for images in apart.values()))
    classes = dataset.chosen_classes(order(in_train), everywhere)
    _report_unknown(dataset, apart, classes, dropped)
    samples = {split: tuple(_sample(image, classes) for image in images) for split, images in apart.items()}
    _refuse_empty(dataset, {split: [bool(s.boxes) for s in kept] for split, kept in samples.items()}, dropped)
    return Index(classes=classes, splits=samples, dropped=tuple(dropped))


def _checked(images: list[Annotated], look: Look, dropped: list[Dropped]) -> list[Checked]:
    facts = looked_at([image.path for image in images], look)
    found = (_check(image, fact, dropped) for image, fact in zip(images, facts, strict=True))
    return [image for image in found if image is not None]


def _check(image: Annotated, facts: FileFacts, dropped: list[Dropped]) -> Checked | None:
    """Hold an annotation against its image file."""
    if facts.problem:
        dropped.append(Dropped(image.key, facts.problem))
        return None
    height, width = _size(image.path, facts)
    declared = (image.height or height, image.width or width)
    if not _same_shape(declared, (height, width)):
        says = f"{declared[1]} x {declared[0]} pixels, but the image has {width} x {height}"
        dropped.append(Dropped(image.source, f"{image.key}: the annotation says {says}"))
        return None
    objects = []
    for raw in image.objects:
        box, reason = _fitted(raw, *declared)
        if reason:
            dropped.append(Dropped(image.source, f"box {raw.number} ({raw.label}) {reason}"))
        if box:
            objects.append((raw.label, box))
    return Checked(image.key, image.source, image.path, facts.digest, tuple(objects))


def _size(path: str, facts: FileFacts) -> tuple[int, int]:
    if facts.height and facts.width:
        return facts.height, facts.width
    from tflbuild.vision import image

    return image.size(Path(path))


def _same_shape(declared: tuple[int, int], real: tuple[int, int]) -> bool:
    """Tell whether the image is what was annotated, perhaps resized since."""
    return abs(declared[0] * real[1] - declared[1] * real[0]) <= 0.02 * declared[1] * real[0]


def _fitted(raw: RawBox, height: int, width: int) -> tuple[Box | None, str]:
    """Clip a box to its image.

    Returns:
        The box in 0..1, None where nothing is left; and what is wrong with it, "" for nothing.
    """
    _, _, top, left, bottom, right = raw
    if 0 <= top < bottom <= height and 0 <= left < right <= width:  # as nearly all are
        return (top / height, left / width, bottom / height, right / width), ""
    if not all(math.isfinite(edge) for edge in (top, left, bottom, right)):
        return None, "has an edge that is no number: dropped"
    for axis, low, high in (("x", left, right), ("y", top, bottom)):
        if low >= high:
            sign = "=" if low == high else ">"
            return None, f"has no area, {axis}min {low:g} {sign} {axis}max {high:g}: dropped"
    ymin, ymax = max(0.0, top), min(float(height), bottom)
    xmin, xmax = max(0.0, left), min(float(width), right)
    where = f"x {left:g}..{right:g}, y {top:g}..{bottom:g} in {width} x {height} pixels"
    if ymin >= ymax or xmin >= xmax:
        return None, f"lies outside its image, {where}: dropped"
    box = (ymin / height, xmin / width, ymax / height, xmax / width)
    outside = max(-top, -left, bottom - height, right - width)
    return box, f"reaches outside its image, {where}: clipped" if outside > SLACK else ""


def _labels(images: Iterable[Checked]) -> set[str]:
    return {label for image in images for label, _ in image.objects}


def _report_unknown(
    dataset: FileDataset, splits: Mapping[str, list[Checked]], classes: Sequence[str], dropped: list[Dropped]
) -> None:
    """Say which boxes go because of their class: one by one where nobody asked for it."""
    if dataset.classes is not None:
        counts = Counter(
            label for images in splits.values() for image in images for label, _ in image.objects
        )
        left = ", ".join(f"{n} of {label}" for label, n in sorted(counts.items()) if label not in classes)
        if left:
            dropped.append(Dropped(dataset.root, f"boxes of classes not in data.classes: {left}"))
        return
    for split in ("val", "test"):
        for image in splits[split]:
            for label, n in sorted(Counter(label for label, _ in image.objects).items()):
                if label not in classes:
                    reason = f"{n} x class '{label}' in {split}, which train never has: dropped"
                    dropped.append(Dropped(image.source, reason))


def _sample(image: Checked, classes: Sequence[str]) -> Sample:
    kept = [(classes.index(label), box) for label, box in image.objects if label in classes]
    labels, boxes = zip(*kept, strict=True) if kept else ((), ())
    content = digest.of_json([image.digest, boxes, labels])
    return Sample(key=image.key, digest=content, path=image.path, boxes=boxes, labels=labels)


def _refuse_empty(dataset: FileDataset, marked: Mapping[str, Sequence[bool]], dropped: list[Dropped]) -> None:
    """Refuse a split without images or boxes; `marked` says of every image whether it has a box."""
    for split in SPLITS:
        what = "" if any(marked[split]) else "box" if marked[split] else "image"
        if what:
            first = f"; {len(dropped)} were dropped, the first: {': '.join(dropped[0])}" if dropped else ""
            raise DataError(
                f"data.root: the {split} split of '{dataset.root}' ends without a usable {what}{first}."
            )
