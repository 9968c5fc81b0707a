"""Draw ground truth into a picture: dashed boxes in white and black, which no class has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tflbuild.modalities.image.files import corners_of

DASH = 5
"""Length of a dash, in widths of its line."""

Point = tuple[int, int]


def dashed(image: NDArray[np.uint8], boxes: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.uint8]:
    """Draw dashed boxes with their texts inside, below.

    Args:
        image: (height, width, 3) uint8 RGB; left as it is.
        boxes: (objects, 4) ymin, xmin, ymax, xmax in 0..1.
        texts: one for each box; "" draws none.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    line = max(1, round(max(height, width) / 300))
    font = ImageFont.load_default(max(9, round(max(height, width) / 40)))
    for (ymin, xmin, ymax, xmax), text in zip(boxes.tolist(), texts, strict=True):
        left, top, right, bottom = corners_of(ymin, xmin, ymax, xmax, width=width, height=height)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for start, end in pairwise(corners):
            for number, (one, other) in enumerate(_dashes(start, end, DASH * line)):
                pen.line((one, other), fill="black" if number % 2 else "white", width=line)
        if text:
            wide, tall = (round(side) for side in pen.textbbox((0, 0), text, font=font)[2:])
            place = (max(0, min(left + line, width - wide - 4)), max(0, bottom - tall - 4))
            pen.rectangle((place, (place[0] + wide + 3, place[1] + tall + 3)), fill="black")
            pen.text((place[0] + 2, place[1] + 1), text, fill="white", font=font)
    return np.array(picture)


def _dashes(start: Point, end: Point, length: int) -> Iterator[tuple[Point, Point]]:
    """Part a horizontal or vertical line."""
    whole = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    for begin in range(0, max(whole, 1), length):
        stop = min(begin + length, whole)
        yield _between(start, end, begin, whole), _between(start, end, stop, whole)


def _between(start: Point, end: Point, at: int, whole: int) -> Point:
    share = at / whole if whole else 0.0
    return round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share)
