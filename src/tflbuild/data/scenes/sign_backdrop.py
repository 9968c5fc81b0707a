"""The surroundings of the signs: textures, light, blur and noise, in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tflbuild.data.layouts.draws import Draws

Canvas = NDArray[np.uint8]


def backdrop(draws: Draws, height: int, width: int) -> Canvas:
    """Draw a textured background: sky over ground, a wall, or foliage."""
    kind = draws.below(3)
    canvas = np.empty((height, width, 3), np.int32)
    if kind == 0:
        horizon = draws.between(height // 4, 3 * height // 4)
        canvas[:horizon] = _sky(draws, horizon, width)
        canvas[horizon:] = _textured(draws, height - horizon, width, 60)
    elif kind == 1:
        canvas[:] = _textured(draws, height, width, 40)
        _joints(draws, canvas)
    else:
        canvas[:] = _textured(draws, height, width, 110)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def rough(draws: Draws, height: int, width: int, cell: int, swing: int) -> NDArray[np.int32]:
    """Draw smooth noise around 0.

    Args:
        draws: the stream.
        height: rows.
        width: columns.
        cell: pixels between independent values.
        swing: largest value, either way.

    Returns:
        (height, width) int32.
    """
    rows, columns = height // cell + 2, width // cell + 2
    grid = draws.bytes(rows * columns).astype(np.int32).reshape(rows, columns)
    index, part = np.divmod(np.arange(height), cell)
    tall = grid[index] * (cell - part)[:, None] + grid[index + 1] * part[:, None]
    index, part = np.divmod(np.arange(width), cell)
    full = tall[:, index] * (cell - part) + tall[:, index + 1] * part
    noise: NDArray[np.int32] = ((full // (cell * cell) - 128) * swing // 128).astype(np.int32)
    return noise


def _sky(draws: Draws, height: int, width: int) -> NDArray[np.int32]:
    """Draw a gradient with soft clouds."""
    high = np.array([draws.between(70, 170), draws.between(110, 190), draws.between(160, 250)])
    low = np.array([draws.between(150, 240)] * 3)
    part = np.arange(height)[:, None]
    column = (high * (height - part) + low * part) // max(1, height)
    clouds = rough(draws, height, width, max(4, width // 5), 24)
    sky: NDArray[np.int32] = (column[:, None] + clouds[..., None]).astype(np.int32)
    return sky


def _textured(draws: Draws, height: int, width: int, swing: int) -> NDArray[np.int32]:
    """Draw two octaves of noise around a colour."""
    colour = np.array([draws.between(30, 200) for _ in range(3)], np.int32)
    coarse = rough(draws, height, width, draws.between(12, 32), draws.between(swing // 3, swing))
    fine = rough(draws, height, width, draws.between(2, 6), draws.between(0, swing // 2))
    tint = np.array([draws.between(128, 256) for _ in range(3)], np.int32)
    return colour + ((coarse + fine)[..., None] * tint >> 8)


def _joints(draws: Draws, canvas: NDArray[np.int32]) -> None:
    """Draw the joints of bricks, planks or windows."""
    tall, wide = draws.between(8, 40), draws.between(8, 60)
    shade = draws.between(-60, 40)
    canvas[draws.below(tall) :: tall] += shade
    canvas[:, draws.below(wide) :: wide] += shade


def lit(draws: Draws, canvas: Canvas, strength: float) -> Canvas:
    """Give a scene its light: brighter to one side, darker to the other, and tinted."""
    height, width = canvas.shape[:2]
    swing = round(110 * strength)
    level = draws.between(256 - swing, 256 + swing // 3)
    down, across = draws.between(-swing, swing), draws.between(-swing, swing)
    y = (2 * np.arange(height)[:, None] - height) * down // (2 * height)
    x = (2 * np.arange(width)[None, :] - width) * across // (2 * width)
    tint = np.array([256 + draws.between(-swing // 6, swing // 6) for _ in range(3)], np.int32)
    light = np.maximum(level + y + x, 40).astype(np.int32)
    gain = (light[..., None] * tint) >> 8
    image: Canvas = np.minimum((canvas * gain) >> 8, 255).astype(np.uint8)
    return image


def blurred(canvas: Canvas, passes: int) -> Canvas:
    """Average over 3 x 3 pixels, once or more often; the border pixel is repeated."""
    for _ in range(passes):
        padded = np.pad(canvas, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.uint16)
        rows = padded[:-2] + padded[1:-1] + padded[2:]
        canvas = ((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4) // 9).astype(np.uint8)
    return canvas


def noisy(draws: Draws, canvas: Canvas, amplitude: int) -> Canvas:
    """Add a sensor's noise: triangular, at most `amplitude` either way."""
    if not amplitude:
        return canvas
    raw = draws.bytes(2 * canvas.size).reshape(2, *canvas.shape)
    grain = (raw[0].astype(np.int16) - raw[1]) * amplitude >> 8
    image: Canvas = np.clip(canvas + grain, 0, 255).astype(np.uint8)
    return image
