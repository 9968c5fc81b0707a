"""Build a detection set's index from boxes as annotated: sizes, clipping, classes, splits, leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, Sample
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts import exports
from tflbuild.data.layouts.boxed import (
    Annotated,
    Box,
    fits_unturned,
    fitted,
    frame_of,
    misfit,
    refuse_fractions,
    refuse_outside,
)
from tflbuild.data.layouts.files import FileDataset, facts_of, without_leaks
from tflbuild.data.layouts.fractions import fitted_fractions, refuse_pixels, turned


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
    declared: Sequence[str] = (),
) -> Index:
    """Build the index of a detection set.

    Args:
        dataset: its options decide on classes and missing splits.
        splits: images by split; train at least.
        look: gives facts of an image file.
        dropped: what was left out so far; grows.
        order: puts class names in order.
        declared: classes that the data list by number, with boxes or without; () where they list none.

    Raises:
        DataError: a split ends without images or without boxes, or boxes are fractions of their image where pixels are
            expected, or the reverse, or most reach outside their images.
    """
    refuse_fractions(dataset.root, splits)
    refuse_pixels(dataset.root, splits)
    checked = {
        split: _once(found, dropped) for split, found in _checked(dataset.root, splits, look, dropped).items()
    }
    complete = dataset.completed(checked, key=lambda image: image.key)
    apart, leaks = without_leaks(complete, lambda image: image.digest, lambda image: image.key)
    dropped += leaks
    _refuse_empty(
        dataset, {split: [bool(i.objects) for i in images] for split, images in apart.items()}, dropped
    )
    in_train = _labels(apart["train"])
    everywhere = set().union(in_train, declared, *(_labels(images) for images in apart.values()))
    classes = dataset.chosen_classes(declared or order(in_train), everywhere)
    _report_unknown(dataset, apart, classes, dropped)
    samples = {split: tuple(_sample(image, classes) for image in images) for split, images in apart.items()}
    _refuse_empty(dataset, {split: [bool(s.boxes) for s in kept] for split, kept in samples.items()}, dropped)
    return Index(classes=classes, splits=samples, dropped=tuple(dropped))


def _checked(
    root: str, splits: Mapping[str, list[Annotated]], look: Look, dropped: list[Dropped]
) -> dict[str, list[Checked]]:
    pairs = {
        split: list(zip(images, facts_of(images, look), strict=True)) for split, images in splits.items()
    }
    sized = {split: [_sized(image, facts) for image, facts in found] for split, found in pairs.items()}
    unturned = any(fits_unturned(image, facts) for found in sized.values() for image, facts in found)
    checked = {}
    for split, found in sized.items():
        before = len(dropped)
        checked[split] = [checked_image(image, facts, unturned, dropped) for image, facts in found]
        refuse_outside(root, split, sum(len(image.objects) for image, _ in found), dropped[before:])
    return {split: [image for image in found if image is not None] for split, found in checked.items()}


def _once(images: list[Checked], dropped: list[Dropped]) -> list[Checked]:
    """Leave out images that a split has twice, and both where their boxes differ: which are right cannot be told."""
    named: dict[str, list[Checked]] = {}
    for image in images:
        named.setdefault(image.digest, []).append(image)
    if len(named) == len(images):
        return images
    kept = []
    for image in images:
        twins = named[image.digest]
        other = next((twin for twin in twins if set(twin.objects) != set(image.objects)), None)
        if other is not None:
            reason = f"{image.key}: the same image as {other.key}, but with other boxes: not used"
            dropped.append(Dropped(image.source, reason))
        elif image is not twins[0]:
            dropped.append(Dropped(image.source, f"{image.key}: the same image as {twins[0].key}: used once"))
        else:
            kept.append(image)
    return kept


def _sized(image: Annotated, facts: FileFacts) -> tuple[Annotated, FileFacts]:
    """Look at the size of an image where `look` did not."""
    if not facts.problem and not facts.height:
        from tflbuild.modalities.image.files import inspect

        facts = inspect(Path(image.path))
    return image, facts


def checked_image(
    image: Annotated, facts: FileFacts, unturned: bool, dropped: list[Dropped]
) -> Checked | None:
    """Hold an annotation against its image file.

    Args:
        image: as annotated.
        facts: of its file.
        unturned: whether some photo of this set was annotated as it is stored, before EXIF turns it.
        dropped: what was left out so far; grows.
    """
    as_declared = (image.height, image.width, 1) == facts[2:5] and not facts.problem  # as nearly all are
    problem = "" if as_declared else facts.problem or misfit(image, facts, unturned)
    if problem:
        source, text = (image.key, problem) if facts.problem else (image.source, f"{image.key}: {problem}")
        dropped.append(Dropped(source, text))
        return None
    known = as_declared or image.fractions
    height, width = facts[2:4] if known else frame_of(image, facts, dropped)
    if image.fractions and (said := turned(image, facts)):
        dropped.append(Dropped(image.source, f"{image.key}: {said}"))
    fit = fitted_fractions if image.fractions else fitted
    objects = []
    for raw in image.objects:
        box, reason = fit(raw, height, width)
        if reason:
            dropped.append(Dropped(image.source, f"box {raw.number} ({raw.label}) {reason}"))
        if box:
            objects.append((raw.label, box))
    return Checked(image.key, image.source, image.path, facts.digest, tuple(objects))


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
                    reason = f"{n} x class '{label}' in {split}, which train does not have: dropped"
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
            other = (
                exports.looks_like(Path(dataset.root).expanduser(), dataset.name) if what == "image" else ""
            )
            raise DataError(
                f"data.root: the {split} split of '{dataset.root}' has no usable {what}{plain(first)}.{other}"
            )
