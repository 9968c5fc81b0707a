"""Draw points into a picture."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tflbuild.core.answer import Answer
from tflbuild.core.plain_text import plain
from tflbuild.modalities.image.files import PALETTE

LARGE = 320
"""Pixels of the longer side from which on names are drawn, too; in a smaller picture they would hide it."""

LONGEST = 24


def drawn(image: NDArray[np.uint8], answers: Sequence[Answer]) -> NDArray[np.uint8]:
    """Draw a disc with a white edge at each point, in a colour that follows from its name.

    Args:
        image: (height, width, 3) uint8 RGB; left as it is.
        answers: those without a point are left out.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    long = max(height, width)
    radius = max(1, round(long / 90))
    font = ImageFont.load_default(max(9, round(long / 50)))
    for answer in answers:
        if answer.point is None:
            continue
        y, x = round(answer.point[0] * height), round(answer.point[1] * width)
        colour = PALETTE[zlib.crc32(answer.label.encode()) % len(PALETTE)]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline="white")
        if long >= LARGE:
            text = plain(answer.label, LONGEST)
            pen.text(
                (x + radius + 2, y - radius),
                text,
                fill=colour,
                font=font,
                stroke_width=1,
                stroke_fill="white",
            )
    return np.array(picture)
