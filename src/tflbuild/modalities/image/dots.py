"""Draw points into a picture."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tflbuild.modalities.image.files import PALETTE

LARGE = 320
"""Pixels of the longer side from which on names are drawn, too; in a smaller picture they would hide it."""


def dotted(
    image: NDArray[np.uint8], points: Sequence[tuple[float, float]], names: Sequence[str]
) -> NDArray[np.uint8]:
    """Draw a disc with a white edge at each point, in a colour that follows from its name.

    Args:
        image: (height, width, 3) uint8 RGB; left as it is.
        points: y and x in 0..1 of each.
        names: one for each.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    long = max(height, width)
    radius = max(1, round(long / 90))
    font = ImageFont.load_default(max(9, round(long / 50)))
    for (down, across), name in zip(points, names, strict=True):
        y, x = round(down * height), round(across * width)
        colour = PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline="white")
        if long >= LARGE:
            place = (x + radius + 2, y - radius)
            pen.text(place, name, fill=colour, font=font, stroke_width=1, stroke_fill="white")
    return np.array(picture)
