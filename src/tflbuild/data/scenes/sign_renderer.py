"""Draw scenes of signs: backgrounds, clutter, signs in perspective, light, blur and noise.

Everything is integers, or single IEEE operations (+ - * /) on floats, which every machine rounds alike;
sines and cosines are rounded to 1/4096 before use.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflbuild.core.dataset import Example
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes import sign_backdrop, sign_shapes
from tflbuild.data.scenes.sign_set import CLASSES, RENDERER, Difficulty
from tflbuild.data.scenes.sign_shapes import Picture

TRIALS = 16
"""Places tried for a sign before it is left out."""

MAX_OVERLAP = 0.05
"""Largest part of a sign that another may cover."""

Canvas = NDArray[np.uint8]
Box = tuple[float, float, float, float]


class Pose(NamedTuple):
    """The pose of a flat picture in the scene.

    `matrix` takes a point of the scene, relative to the centre and in units of the radius, to the picture
    in -1..1 (homogeneous).
    """

    x: float
    y: float
    radius: float
    matrix: tuple[tuple[float, float, float], ...]


def scene(seeds: tuple[int | str, ...], side: int, max_objects: int, difficulty: Difficulty) -> Example:
    """Draw one scene of the detection set.

    Args:
        seeds: names the scene.
        side: longer side in pixels.
        max_objects: most signs; at least one is drawn.
        difficulty: how hard it is.
    """
    draws = Draws("signs", RENDERER, *seeds)
    short = draws.between(side * 3 // 4, side)
    height, width = (short, side) if draws.chance(0.5) else (side, short)
    canvas = sign_backdrop.backdrop(draws, height, width)
    for _ in range(draws.below(round(2 * difficulty.clutter) + 1)):
        _clutter(draws, canvas)
    boxes: list[Box] = []
    labels: list[int] = []
    for _ in range(draws.between(1, max_objects)):
        label = draws.below(len(CLASSES))
        picture = sign_shapes.sign(label)
        pose = _free_pose(draws, canvas, picture, boxes, difficulty)
        if pose is not None:
            boxes.append(_put_sign(draws, canvas, picture, pose, difficulty))
            labels.append(label)
    return _example(_exposed(draws, canvas, difficulty), boxes, labels)


def crop(seeds: tuple[int | str, ...], label: int, side: int, difficulty: Difficulty) -> Example:
    """Draw one square picture that a single sign nearly fills, for classification."""
    draws = Draws("sign_crops", RENDERER, *seeds)
    canvas = sign_backdrop.backdrop(draws, side, side)
    for _ in range(draws.below(round(difficulty.clutter) + 1)):
        _clutter(draws, canvas)
    pose = _pose(draws, side, side, draws.between(620, 960) / 1000 * side / 2, difficulty, overhang=0.05)
    _put_sign(draws, canvas, sign_shapes.sign(label), pose, difficulty)
    image = _exposed(draws, canvas, difficulty)
    return Example(image, np.zeros((0, 4), np.float32), np.array([label], np.int32))


def _example(canvas: Canvas, boxes: list[Box], labels: list[int]) -> Example:
    size = np.array([canvas.shape[0], canvas.shape[1]] * 2, np.float64)
    scaled = (np.array(boxes, np.float64) / size).astype(np.float32)
    return Example(canvas, scaled, np.array(labels, np.int32))


def _free_pose(
    draws: Draws, canvas: Canvas, picture: Picture, taken: list[Box], difficulty: Difficulty
) -> Pose | None:
    """Find a pose that hardly overlaps with the signs already there."""
    height, width = canvas.shape[:2]
    low = round(1000 * difficulty.min_size)
    high = round(1000 * difficulty.max_size)
    for trial in range(TRIALS):
        # Small ones are commoner, as along a road; later trials are smaller, to find room.
        size = min(draws.between(low, high), draws.between(low, high)) if trial < TRIALS // 2 else low
        pose = _pose(draws, height, width, size / 1000 * min(height, width) / 2, difficulty, overhang=0.0)
        box = _bounds(pose, picture, height, width)
        if all(_overlap(box, other) <= MAX_OVERLAP for other in taken):
            return pose
    return None


def _pose(
    draws: Draws, height: int, width: int, radius: float, difficulty: Difficulty, overhang: float
) -> Pose:
    """Draw place, turn and foreshortening."""
    room_y, room_x = (max(0, round(side - 2 * radius * (1 - overhang))) for side in (height, width))
    y = radius * (1 - overhang) + draws.between(0, 8 * room_y) / 8
    x = radius * (1 - overhang) + draws.between(0, 8 * room_x) / 8
    angle = math.radians(draws.between(-difficulty.rotation, difficulty.rotation))
    cos, sin = round(math.cos(angle) * 4096) / 4096, round(math.sin(angle) * 4096) / 4096
    lean = round(1000 * difficulty.perspective)
    squeeze = 1 + draws.between(0, lean) / 1000
    g, h = (draws.between(-lean, lean) / 1000 for _ in range(2))
    return Pose(x, y, radius, ((cos * squeeze, sin * squeeze, 0.0), (-sin, cos, 0.0), (g, h, 1.0)))


def _outline(pose: Pose, picture: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give x and y of a picture's outline in the scene, in pixels."""
    (a, b, _), (c, d, _), (g, h, _) = pose.matrix
    u, v = picture.outline[:, 0], picture.outline[:, 1]
    # The adjugate takes the picture back to the scene.
    scale = (c * h - d * g) * u + (b * g - a * h) * v + (a * d - b * c)
    x = pose.x + pose.radius * ((d * u - b * v) / scale)
    y = pose.y + pose.radius * ((a * v - c * u) / scale)
    return x, y


def _bounds(pose: Pose, picture: Picture, height: int, width: int) -> Box:
    """Give the box around what will be seen of a picture, in pixels."""
    x, y = _outline(pose, picture)
    seen = (y > 0) & (y < height) & (x > 0) & (x < width)
    if not seen.any():
        return 0.0, 0.0, 0.0, 0.0
    return (
        0.0 if y.min() < 0 else float(y[seen].min()),
        0.0 if x.min() < 0 else float(x[seen].min()),
        float(height if y.max() > height else y[seen].max()),
        float(width if x.max() > width else x[seen].max()),
    )


def _overlap(one: Box, other: Box) -> float:
    """Give the common area as a part of the smaller box."""
    down = min(one[2], other[2]) - max(one[0], other[0])
    across = min(one[3], other[3]) - max(one[1], other[1])
    if down <= 0 or across <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return down * across / min(areas)


def _put_sign(draws: Draws, canvas: Canvas, picture: Picture, pose: Pose, difficulty: Difficulty) -> Box:
    """Draw a sign on its pole, aged, perhaps half hidden; give its box in pixels."""
    height, width = canvas.shape[:2]
    box = _bounds(pose, picture, height, width)
    if draws.chance(0.6):
        thick = max(1, round(pose.radius / 9))
        left, top = max(0, round(pose.x) - thick // 2), min(height, max(0, round(pose.y)))
        canvas[top:, left : left + thick] = draws.between(70, 150)
    _paste(canvas, picture, pose, _gains(draws))
    if draws.chance(difficulty.occlusion):
        _occlude(draws, canvas, box)
    return box


def _gains(draws: Draws) -> NDArray[np.int32]:
    """Draw how paint has aged, per channel, in 1/256."""
    common = draws.between(190, 272)
    return np.array([common + draws.between(-22, 22) for _ in range(3)], np.int32)


def _paste(canvas: Canvas, picture: Picture, pose: Pose, gains: NDArray[np.int32]) -> None:
    """Sample a picture at four points per pixel and blend it in."""
    across, down = _outline(pose, picture)
    top, left = max(0, math.floor(down.min()) - 1), max(0, math.floor(across.min()) - 1)
    bottom = min(canvas.shape[0], math.ceil(down.max()) + 1)
    right = min(canvas.shape[1], math.ceil(across.max()) + 1)
    if bottom <= top or right <= left:
        return
    rows, columns = 2 * (bottom - top), 2 * (right - left)
    y = ((np.arange(rows) * 0.5 + (top + 0.25) - pose.y) / pose.radius).astype(np.float32)[:, None]
    x = ((np.arange(columns) * 0.5 + (left + 0.25) - pose.x) / pose.radius).astype(np.float32)
    index = _picture_index(pose, x, y)
    quads = picture.packed.ravel()[index].view(np.uint8).reshape(rows // 2, 2, columns // 2, 2, 4)
    summed = quads[:, 0].astype(np.uint16) + quads[:, 1]
    total = (summed[:, :, 0] + summed[:, :, 1]).astype(np.int32)
    alpha = total[..., 3:]
    colour = np.minimum(total[..., :3] * gains >> 8, alpha)
    region = canvas[top:bottom, left:right]
    region[...] = (region * (1020 - alpha) + colour * 255 + 510) // 1020


def _picture_index(pose: Pose, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int32]:
    """Give the flat index of the picture's pixel at every point; its transparent border stands for outside."""
    (a, b, _), (c, d, _), (g, h, _) = (tuple(np.float32(value) for value in row) for row in pose.matrix)
    half, limit = np.float32(sign_shapes.SIDE / 2), np.float32(sign_shapes.SIDE + 1)
    scale = half / (g * x + (h * y + np.float32(1)))
    u = (a * x + b * y) * scale
    u += half + 1
    v = (c * x + d * y) * scale
    v += half + 1
    for axis in (u, v):
        np.minimum(np.maximum(axis, 0, out=axis), limit, out=axis)
    index: NDArray[np.int32] = v.astype(np.int32) * np.int32(sign_shapes.SIDE + 2) + u.astype(np.int32)
    return index


def _occlude(draws: Draws, canvas: Canvas, box: Box) -> None:
    """Cover a strip along one side of a sign, at most a third of it."""
    top, left, bottom, right = (round(value) for value in box)
    share = draws.between(100, 330)
    if draws.chance(0.5):
        deep = max(1, (bottom - top) * share // 1000)
        top = top if draws.chance(0.5) else bottom - deep
        bottom = top + deep
    else:
        deep = max(1, (right - left) * share // 1000)
        left = left if draws.chance(0.5) else right - deep
        right = left + deep
    strip = canvas[top:bottom, left:right]
    leaves = sign_backdrop.rough(draws, strip.shape[0], strip.shape[1], draws.between(3, 6), 70)
    colour = np.array([draws.between(20, 150) for _ in range(3)], np.int32)
    strip[...] = np.clip(leaves[..., None] + colour, 0, 255)


def _clutter(draws: Draws, canvas: Canvas) -> None:
    """Draw a plain shape that is no sign."""
    height, width = canvas.shape[:2]
    radius = draws.between(40, 260) / 1000 * min(height, width)
    plain = Difficulty(rotation=45, perspective=0.2)
    pose = _pose(draws, height, width, radius, plain, overhang=0.5)
    picture = sign_shapes.plain(draws.below(len(sign_shapes.PLAIN)))
    gains = np.array([draws.between(20, 256) for _ in range(3)], np.int32)
    _paste(canvas, picture, pose, gains)


def _exposed(draws: Draws, canvas: Canvas, difficulty: Difficulty) -> Canvas:
    """Light, blur and photograph a scene."""
    lit = sign_backdrop.lit(draws, canvas, difficulty.lighting)
    if draws.chance(difficulty.blur):
        lit = sign_backdrop.blurred(lit, draws.between(1, 2))
    return sign_backdrop.noisy(draws, lit, draws.between(0, difficulty.noise))
