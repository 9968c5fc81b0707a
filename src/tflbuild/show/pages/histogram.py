"""The geometry of a histogram: bins, with the ends of the grid that their values are rounded to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tflbuild.core.exhibit import Histogram

WIDTH, HEIGHT, FLOOR, TOP = 300, 130, 108, 10
"""Of the drawing; below the floor stand the numbers."""

EDGE = 24
"""Distance from the edge that the number of an end keeps."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A placed histogram.

    Attributes:
        bars: of bins that hold something: place, size, and whether the bin lies beyond the ends.
        ends: place and text of the grid's ends.
    """

    bars: list[dict[str, Any]]
    ends: list[dict[str, Any]]
    width: float = WIDTH
    height: float = HEIGHT
    floor: float = FLOOR


def place(histogram: Histogram) -> Drawing:
    """Give positions to bins; a bin of one value has a height, too, since heights are logarithms."""
    counts, width = histogram.counts, WIDTH / max(len(histogram.counts), 1)
    most = math.log1p(max(counts, default=0.0)) or 1.0
    span = histogram.high - histogram.low or 1.0
    bars = []
    for number, count in enumerate(counts):
        if count <= 0:
            continue
        middle = histogram.low + (number + 0.5) * span / len(counts)
        height = round((FLOOR - TOP) * math.log1p(count) / most, 1)
        bars.append(
            {
                "x": round(number * width, 2),
                "y": round(FLOOR - height, 1),
                "width": round(width, 2),
                "height": height,
                "beyond": not histogram.ends[0] <= middle <= histogram.ends[1],
            }
        )
    places = [(end, (end - histogram.low) / span * WIDTH) for end in histogram.ends]
    ends = [
        {"x": round(x, 1), "text_x": round(min(max(x, EDGE), WIDTH - EDGE), 1), "text": f"{end:.4g}"}
        for end, x in places
    ]
    return Drawing(bars=bars, ends=ends)
