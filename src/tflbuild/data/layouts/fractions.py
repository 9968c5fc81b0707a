"""Hold boxes in 0..1 of their image, as YOLO and the Object Detection API have them, against it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tflbuild.core.dataset import FileFacts
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.boxed import OUTSIDE, SLACK, Annotated, Box, RawBox

PIXELS = 2.0
"""An edge beyond this is not a fraction that reaches outside a little: it is a pixel."""


def refuse_pixels(root: str, splits: Mapping[str, Sequence[Annotated]]) -> None:
    """Refuse boxes in pixels where fractions of the image are expected.

    Raises:
        DataError: half of the boxes of a split are; of fewer each goes for itself.
    """
    for split, images in splits.items():
        boxes = [(image, raw) for image in images if image.fractions for raw in image.objects]
        large = [(image, raw) for image, raw in boxes if _is_pixels(raw)]
        if large and 2 * len(large) >= len(boxes):
            image, raw = large[0]
            raise DataError(
                f"data.root: {len(large)} of {len(boxes)} boxes of the {split} split of '{root}' are not fractions of "
                f"their image, e.g. box {plain(raw.number)} in {plain(image.source)}: {_said(raw)}; expected 0 to 1."
            )


def fitted_fractions(raw: RawBox, height: int, width: int) -> tuple[Box | None, str]:
    """Clip a box in 0..1 to its image of so many pixels; returns as `boxed.fitted` does."""
    _, _, top, left, bottom, right = raw
    if 0 <= top < bottom <= 1 and 0 <= left < right <= 1:  # as nearly all are
        return (top, left, bottom, right), ""
    if not all(math.isfinite(edge) for edge in (top, left, bottom, right)):
        return None, "has an edge that is not a number: dropped"
    if _is_pixels(raw):
        return None, f"lies outside 0..1, {_said(raw)}, as pixels where fractions are expected: dropped"
    for axis, low, high in (("x", left, right), ("y", top, bottom)):
        if low >= high:
            sign = "=" if low == high else ">"
            return None, f"has no area, {axis}min {low:g} {sign} {axis}max {high:g}: dropped"
    box = (max(0.0, top), max(0.0, left), min(1.0, bottom), min(1.0, right))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None, f"{OUTSIDE[0]}, {_said(raw)} of 0..1: dropped"
    outside = max(height * max(-top, bottom - 1), width * max(-left, right - 1))
    return box, f"{OUTSIDE[1]}, {_said(raw)} of 0..1: clipped" if outside > SLACK else ""


def turned(image: Annotated, facts: FileFacts) -> str:
    """Say that nothing shows whether boxes are of the image as stored or as seen; "" where there is no doubt."""
    if facts.orientation == 1 or not image.objects or (image.height and image.width):
        return ""
    either = "boxes in 0..1 fit it as stored and as seen: taken as seen"
    return f"EXIF orientation {facts.orientation} turns it, and {either}"


def _is_pixels(raw: RawBox) -> bool:
    return any(abs(edge) > PIXELS for edge in (raw.ymin, raw.xmin, raw.ymax, raw.xmax))


def _said(raw: RawBox) -> str:
    return f"x {raw.xmin:g}..{raw.xmax:g}, y {raw.ymin:g}..{raw.ymax:g}"
