"""Draw a gauge whose needle shows a value."""

from __future__ import annotations

import numpy as np

from tflbuild.core.dataset import Example
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes import sign_backdrop, strokes

SWEEP = 270
"""Degrees from the least value to the largest; the gap is at the bottom."""

TICKS = 11


def gauge(seeds: tuple[int | str, ...], value: float, share: float, side: int, noise: int) -> Example:
    """Draw one gauge.

    Args:
        seeds: name it.
        value: what it shows, for the annotation.
        share: where between the least and the largest value that is, in 0..1.
        side: of the square picture, in pixels.
        noise: largest noise of the sensor, in steps of 1/255.
    """
    draws = Draws(*seeds)
    canvas = sign_backdrop.backdrop(draws, side, side).astype(np.float64)
    radius = draws.between(330, 460) / 1000 * side
    room = round(max(0.0, side / 2 - radius) * 8)
    centre = (side / 2 + draws.between(-room, room) / 8, side / 2 + draws.between(-room, room) / 8)
    lean = draws.between(-8, 8)
    face = draws.between(190, 250)
    tint = (face, face - draws.between(0, 12), face - draws.between(0, 30))
    dark = draws.between(10, 70)
    strokes.disc(canvas, centre, radius, tint)
    strokes.ring(canvas, centre, radius, radius / 12, (dark + 40, dark + 40, dark + 50))
    for tick in range(TICKS):
        sine, cosine = strokes.turned(lean + SWEEP * (tick / (TICKS - 1) - 0.5))
        ends = [(centre[0] - far * radius * cosine, centre[1] + far * radius * sine) for far in (0.74, 0.88)]
        strokes.stroke(canvas, ends[0], ends[1], radius / 24, (dark, dark, dark))
    sine, cosine = strokes.turned(lean + SWEEP * (share - 0.5))
    needle = (draws.between(120, 230), draws.between(0, 50), draws.between(0, 50))
    tip = (centre[0] - 0.78 * radius * cosine, centre[1] + 0.78 * radius * sine)
    end = (centre[0] + 0.2 * radius * cosine, centre[1] - 0.2 * radius * sine)
    strokes.stroke(canvas, end, tip, radius / 11, needle)
    strokes.disc(canvas, centre, radius / 8, (dark, dark, dark))
    pixels = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    lit = sign_backdrop.lit(draws, pixels, 0.4)
    image = sign_backdrop.noisy(draws, lit, draws.between(0, noise))
    return Example(image, np.zeros((0, 4), np.float32), np.array([value], np.float64))
