"""Hold boxes, as annotators left them, against the image that they are said to be of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tflbuild.core.dataset import Dropped, FileFacts
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain

SLACK = 1.0
"""Pixels that a box may reach outside without a word: annotation tools count from 0 or from 1."""

LARGEST = 10**9
"""Pixels of a side above which a declared size is nonsense."""

OUTSIDE = ("lies outside its image", "reaches outside its image")

MANY = 10
"""Boxes outside their images from which it is not a slip of single ones any more, where half of all are so."""

Box = tuple[float, float, float, float]


class RawBox(NamedTuple):
    """One object as annotated; not yet checked. `number` names it in messages."""

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
        fractions: whether its boxes lie in 0..1 of the picture, and not in its pixels.
        facts: of the picture, where who listed it knows them: it lies inside another file.
    """

    key: str
    source: str
    path: str
    height: int
    width: int
    objects: tuple[RawBox, ...]
    fractions: bool = False
    facts: FileFacts | None = None


def misfit(image: Annotated, facts: FileFacts, unturned: bool) -> str:
    """Say why an annotation cannot be of its image; "" where it can."""
    if fits_unturned(image, facts):
        stored, seen = f"{facts.height} x {facts.width}", f"{facts.width} x {facts.height}"
        return (
            f"its boxes fit the photo as stored, {stored} pixels; EXIF orientation {facts.orientation} "
            f"turns it, and it is shown as {seen}"
        )
    if unturned and facts.orientation > 1 and image.objects:
        return (
            f"EXIF orientation {facts.orientation} turns it, and boxes of other photos here fit them as stored, not "
            f"as seen"
        )
    height, width = image.height or facts.height, image.width or facts.width
    if not _same_shape((height, width), (facts.height, facts.width)):
        return (
            f"the annotation says {width} x {height} pixels, but the image has {facts.width} x {facts.height}"
        )
    return ""


def frame_of(image: Annotated, facts: FileFacts, dropped: list[Dropped]) -> tuple[int, int]:
    """Give the size that the boxes refer to: the declared one, unless they fit the image and not that."""
    seen = facts.height, facts.width
    declared = image.height or facts.height, image.width or facts.width
    if declared == seen or not image.objects:
        return declared
    frame = seen if _all_within(image, seen) and not _all_within(image, declared) else declared
    says = f"{declared[1]} x {declared[0]} pixels, but the image has {seen[1]} x {seen[0]}"
    how = "they fit the image" if frame == seen else "its boxes are scaled"
    dropped.append(Dropped(image.source, f"{image.key}: the annotation says {says}: {how}"))
    return frame


def _all_within(image: Annotated, size: tuple[int, int]) -> bool:
    return all(raw.ymax <= size[0] + SLACK and raw.xmax <= size[1] + SLACK for raw in image.objects)


SIDEWAYS = 5
"""The least EXIF orientation that exchanges height and width."""


def fits_unturned(image: Annotated, facts: FileFacts) -> bool:
    """Tell whether a photo that EXIF turns by a quarter was annotated as it is stored.

    Its declared size, or a box where none is declared, then fits the stored picture and not the one that is seen.
    """
    if facts.orientation < SIDEWAYS or facts.height == facts.width or facts.problem:
        return False
    seen, stored = (facts.height, facts.width), (facts.width, facts.height)
    if image.height and image.width:
        declared = (image.height, image.width)
        return _same_shape(declared, stored) and not _same_shape(declared, seen)
    return _all_within(image, stored) and not _all_within(image, seen)


def _same_shape(declared: tuple[int, int], real: tuple[int, int]) -> bool:
    """Tell whether the image is what was annotated, perhaps resized since."""
    if max(declared) > LARGEST:
        return False
    return abs(declared[0] * real[1] - declared[1] * real[0]) <= 0.02 * declared[1] * real[0]


def refuse_fractions(root: str, splits: Mapping[str, list[Annotated]]) -> None:
    """Refuse boxes that lie in 0..1 of their image where pixels are expected.

    Raises:
        DataError: half of the boxes of a split do; of fewer each goes for itself.
    """
    for split, images in splits.items():
        boxes = [(image, raw) for image in images if not image.fractions for raw in image.objects]
        small = [(image, raw) for image, raw in boxes if raw.xmax <= 2 and _is_fraction(raw)]
        if small and 2 * len(small) >= len(boxes):
            image, raw = small[0]
            edges = ", ".join(f"{name} {value:g}" for name, value in _edges(raw).items())
            raise DataError(
                f"data.root: {len(small)} of {len(boxes)} boxes of the {split} split of '{root}' lie in 0..1, "
                f"as fractions of the image, e.g. box {plain(raw.number)} in {plain(image.source)}: {edges}; expected "
                f"pixels."
            )


def _is_fraction(raw: RawBox) -> bool:
    """Tell whether a box fits into one pixel at the corner; as corner and size, its far edge may come to 2."""
    _, _, top, left, bottom, right = raw
    return 0 <= top < bottom <= 2 and 0 <= left < right <= 2 and max(bottom - top, right - left) <= 1.001


def _edges(raw: RawBox) -> dict[str, float]:
    return {"xmin": raw.xmin, "ymin": raw.ymin, "xmax": raw.xmax, "ymax": raw.ymax}


def fitted(raw: RawBox, height: int, width: int) -> tuple[Box | None, str]:
    """Clip a box to its image.

    Returns:
        The box in 0..1, None where nothing is left; and what is wrong with it, "" for nothing.
    """
    _, _, top, left, bottom, right = raw
    if right <= 2 and _is_fraction(raw):
        return None, "lies in 0..1, as a fraction of the image where pixels are expected: dropped"
    if 0 <= top < bottom <= height and 0 <= left < right <= width:  # as nearly all are
        return (top / height, left / width, bottom / height, right / width), ""
    if not all(math.isfinite(edge) for edge in (top, left, bottom, right)):
        return None, "has an edge that is not a number: dropped"
    for axis, low, high in (("x", left, right), ("y", top, bottom)):
        if low >= high:
            sign = "=" if low == high else ">"
            return None, f"has no area, {axis}min {low:g} {sign} {axis}max {high:g}: dropped"
    ymin, ymax = max(0.0, top), min(float(height), bottom)
    xmin, xmax = max(0.0, left), min(float(width), right)
    where = f"x {left:g}..{right:g}, y {top:g}..{bottom:g} in {width} x {height} pixels"
    if ymin >= ymax or xmin >= xmax:
        return None, f"{OUTSIDE[0]}, {where}: dropped"
    box = (ymin / height, xmin / width, ymax / height, xmax / width)
    outside = max(-top, -left, bottom - height, right - width)
    return box, f"{OUTSIDE[1]}, {where}: clipped" if outside > SLACK else ""


def refuse_outside(root: str, split: str, boxes: int, dropped: Sequence[Dropped]) -> None:
    """Refuse a split most of whose boxes are not of their images: of others, of another size, or written otherwise.

    Args:
        root: of the data set, for the message.
        split: its name.
        boxes: how many it has.
        dropped: what is wrong with it.

    Raises:
        DataError: half of the boxes, and ten or more, reach outside.
    """
    outside = [one for one in dropped if any(words in one.reason for words in OUTSIDE)]
    if len(outside) >= MANY and 2 * len(outside) >= boxes:
        raise DataError(
            f"data.root: {len(outside)} of {boxes} boxes of the {split} split of '{root}' are not inside their images, "
            f"e.g. {plain(outside[0].file)}: {plain(outside[0].reason)}; were the images resized after "
            f"annotation, or are the numbers in another order?"
        )
