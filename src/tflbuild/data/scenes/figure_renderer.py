"""Draw a figure of strokes, with the joints of a person, that faces the viewer or turns its back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflbuild.core.dataset import Example
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes import sign_backdrop, strokes
from tflbuild.data.scenes.strokes import Canvas, Colour, Point

NAMES = (
    "nose",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""Joints, by COCO's names."""

LIMBS = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("hip", "knee"),
    ("knee", "ankle"),
)

HIDDEN, SEEN = 1, 2


class _Look(NamedTuple):
    """The colours of a figure: of its skin, shirt, trousers and hair."""

    skin: Colour
    shirt: Colour
    trousers: Colour
    hair: Colour


def figure(seeds: tuple[int | str, ...], sigmas: tuple[float, ...], side: int, noise: int) -> Example:
    """Draw one figure.

    Args:
        seeds: name it.
        sigmas: of each joint, for the annotation.
        side: of the square picture, in pixels.
        noise: largest noise of the sensor, in steps of 1/255.
    """
    draws = Draws(*seeds)
    facing = draws.chance(0.75)
    tall = draws.between(550, 800) / 1000 * side
    joints = _joints(draws, side, tall, facing)
    canvas = sign_backdrop.backdrop(draws, side, side).astype(np.float64)
    before = canvas.copy()
    _draw(canvas, joints, _look(draws), facing, tall / 18)
    mask = np.abs(canvas - before).max(axis=2) > 4
    visible = dict.fromkeys(NAMES, SEEN)
    if not facing:
        visible["nose"] = HIDDEN
    _cover(draws, canvas, joints, visible)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([[rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]], np.float32) / side
    pixels = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    lit = sign_backdrop.lit(draws, pixels, 0.4)
    image = sign_backdrop.noisy(draws, lit, draws.between(0, noise))
    return Example(image, box, _annotation(joints, visible, sigmas, side, float(mask.sum())))


def _annotation(
    joints: dict[str, Point], visible: dict[str, int], sigmas: tuple[float, ...], side: int, area: float
) -> NDArray[np.float64]:
    """Give (points + 2, 4); a joint outside the picture is not marked."""
    rows = []
    for name, sigma in zip(NAMES, sigmas, strict=True):
        y, x = joints[name][0] / side, joints[name][1] / side
        inside = 0 <= y <= 1 and 0 <= x <= 1
        rows.append((y, x, float(visible[name]), sigma) if inside else (0.0, 0.0, 0.0, sigma))
    return np.array([*rows, (side, side, area, 0.0), (0.0, 0.0, 1.0, 1.0)], np.float64)


def _joints(draws: Draws, side: int, tall: float, facing: bool) -> dict[str, Point]:
    """Choose a pose; a figure's left side is at the right of the picture where it faces the viewer."""
    lean = draws.between(-14, 14)
    middle = (
        side / 2 + draws.between(-60, 60) / 1000 * side,
        side / 2 + draws.between(-120, 120) / 1000 * side,
    )
    sine, cosine = strokes.turned(lean)
    hip = (middle[0] + 0.02 * tall, middle[1])
    neck = (hip[0] - 0.3 * tall * cosine, hip[1] + 0.3 * tall * sine)
    joints = {"nose": (neck[0] - 0.13 * tall * cosine, neck[1] + 0.13 * tall * sine)}
    for name, way in (("left", 1 if facing else -1), ("right", -1 if facing else 1)):
        for joint, centre, wide in (("shoulder", neck, 0.105), ("hip", hip, 0.065)):
            joints[f"{name}_{joint}"] = (
                centre[0] + way * wide * tall * sine,
                centre[1] + way * wide * tall * cosine,
            )
        arm, bend = draws.between(8, 150), draws.between(-15, 95)
        joints[f"{name}_elbow"] = _reached(joints[f"{name}_shoulder"], arm, way, 0.16 * tall)
        joints[f"{name}_wrist"] = _reached(joints[f"{name}_elbow"], arm + bend, way, 0.15 * tall)
        leg, bow = draws.between(-4, 38), draws.between(-30, 8)
        joints[f"{name}_knee"] = _reached(joints[f"{name}_hip"], leg, way, 0.22 * tall)
        joints[f"{name}_ankle"] = _reached(joints[f"{name}_knee"], leg + bow, way, 0.21 * tall)
    return joints


def _reached(start: Point, angle: float, way: int, length: float) -> Point:
    """Go from a joint to the next, at an angle from straight down, outwards."""
    sine, cosine = strokes.turned(angle)
    return start[0] + length * cosine, start[1] + way * length * sine


def _look(draws: Draws) -> _Look:
    tone = draws.between(110, 245)
    shirt, trousers = (tuple(draws.between(10, 235) for _ in range(3)) for _ in range(2))
    hair = draws.between(15, 70)
    return _Look(
        skin=(tone, tone * 4 // 5, tone * 2 // 3),
        shirt=(shirt[0], shirt[1], shirt[2]),
        trousers=(trousers[0], trousers[1], trousers[2]),
        hair=(hair, hair * 3 // 4, hair // 2),
    )


def _draw(canvas: Canvas, joints: dict[str, Point], look: _Look, facing: bool, thick: float) -> None:
    """Draw legs, trunk, arms and head, the farthest first."""
    for name in ("left", "right"):
        for start, end in LIMBS[2:]:
            strokes.stroke(canvas, joints[f"{name}_{start}"], joints[f"{name}_{end}"], thick, look.trousers)
        strokes.disc(canvas, joints[f"{name}_ankle"], thick * 0.6, look.hair)
    shoulders, hips = (
        [joints[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("shoulder", "hip")
    )
    middle = [((one[0] + two[0]) / 2, (one[1] + two[1]) / 2) for one, two in (shoulders, hips)]
    strokes.stroke(canvas, middle[0], middle[1], thick * 2.4, look.shirt)
    strokes.stroke(canvas, shoulders[0], shoulders[1], thick * 1.2, look.shirt)
    strokes.stroke(canvas, hips[0], hips[1], thick * 1.2, look.trousers)
    for name in ("left", "right"):
        strokes.stroke(canvas, joints[f"{name}_shoulder"], joints[f"{name}_elbow"], thick, look.shirt)
        strokes.stroke(canvas, joints[f"{name}_elbow"], joints[f"{name}_wrist"], thick * 0.8, look.skin)
        strokes.disc(canvas, joints[f"{name}_wrist"], thick * 0.6, look.skin)
    _head(canvas, joints["nose"], middle[0], look, facing, thick)


def _head(canvas: Canvas, nose: Point, neck: Point, look: _Look, facing: bool, thick: float) -> None:
    """Draw a face with eyes, or the back of a head."""
    strokes.stroke(canvas, neck, nose, thick * 0.8, look.skin)
    if not facing:
        strokes.disc(canvas, nose, thick * 1.35, look.hair)
        return
    strokes.disc(canvas, (nose[0] - thick * 0.5, nose[1]), thick * 1.25, look.hair)
    strokes.disc(canvas, nose, thick * 1.15, look.skin)
    for way in (-1, 1):
        strokes.disc(
            canvas, (nose[0] - thick * 0.3, nose[1] + way * thick * 0.45), thick * 0.22, (15, 15, 15)
        )
    strokes.stroke(
        canvas,
        (nose[0] + thick * 0.55, nose[1] - thick * 0.35),
        (nose[0] + thick * 0.55, nose[1] + thick * 0.35),
        thick * 0.2,
        (170, 40, 50),
    )


def _cover(draws: Draws, canvas: Canvas, joints: dict[str, Point], visible: dict[str, int]) -> None:
    """Hide a part of some figures behind a pole; joints there are hidden, and still marked."""
    if not draws.chance(0.25):
        return
    side = canvas.shape[1]
    left = draws.between(side // 6, side * 5 // 6)
    right = left + max(2, side * draws.between(50, 110) // 1000)
    grey = draws.between(60, 190)
    canvas[:, left:right] = (grey, grey - draws.between(0, 30), grey - draws.between(0, 40))
    for name, (_, x) in joints.items():
        if left <= x < right:
            visible[name] = HIDDEN
