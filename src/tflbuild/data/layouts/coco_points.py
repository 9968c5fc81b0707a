"""The points of one object, as COCO annotates them, held against the object's picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.boxed import SLACK, Box

VISIBILITIES = (0, 1, 2)


class Skeleton(NamedTuple):
    """A kind of object: its class and the names of its points."""

    label: str
    names: tuple[str, ...]


class Pointed(NamedTuple):
    """One object with its points.

    Attributes:
        box: in 0..1 of the photo.
        area: of the object, as a share of the photo.
        points: y and x in 0..1 of the photo, and the visibility, of each.
    """

    box: Box
    area: float
    points: tuple[tuple[float, float, int], ...]


def skeletons(categories: Sequence[Any]) -> dict[Any, Skeleton]:
    """Give the categories that have points, by their ids."""
    found = {}
    for category in categories:
        names = category.get("keypoints") if isinstance(category, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            continue
        if names and len(set(names)) == len(names):
            found[category.get("id")] = Skeleton(str(category.get("name")), tuple(names))
    return found


def fault_of(annotation: Mapping[str, Any], names: Sequence[str], height: int, width: int) -> str:
    """Say what is wrong with the points of an annotation; "" where nothing is.

    Args:
        annotation: as the file has it.
        names: of the points.
        height: of the photo that it is of, in pixels.
        width: likewise.
    """
    given = annotation.get("keypoints")
    if not isinstance(given, list):
        return "has no list 'keypoints'"
    if len(given) != 3 * len(names):
        return f"has {len(given) / 3:g} points, and its category has {len(names)}"
    for place, name in enumerate(names):
        x, y, visible = given[3 * place : 3 * place + 3]
        if isinstance(visible, bool) or visible not in VISIBILITIES:
            return f"gives '{plain(name, 40)}' the visibility {plain(visible, 20)}; expected 0, 1 or 2"
        if not all(type(one) in (int, float) and math.isfinite(one) for one in (x, y)):
            return f"gives '{plain(name, 40)}' a place that is no number"
        if visible and not (-SLACK <= x <= width + SLACK and -SLACK <= y <= height + SLACK):
            where = f"x {x:g}, y {y:g} in {width} x {height} pixels"
            return f"has '{plain(name, 40)}' outside its image, {where}"
    return ""


def pointed(annotation: Mapping[str, Any], box: Box, height: int, width: int) -> Pointed:
    """Give an object in shares of its photo; one whose area nobody says has that of its box."""
    given = annotation["keypoints"]
    points = tuple(
        (_share(given[place + 1], height), _share(given[place], width), int(given[place + 2]))
        if given[place + 2]
        else (0.0, 0.0, 0)
        for place in range(0, len(given), 3)
    )
    area: Any = annotation.get("area")
    known = type(area) in (int, float) and math.isfinite(area) and area > 0
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return Pointed(box, float(area) / (height * width) if known else whole, points)


def _span(low: float, high: float, side: int) -> tuple[int, int]:
    """Give the whole pixels that hold a part of a side; a billionth of a pixel more is rounding."""
    return max(0, math.floor(low + 1e-6)), min(side, math.ceil(high - 1e-6))


def _share(place: float, side: int) -> float:
    return min(1.0, max(0.0, place / side))


def cut_out(found: Pointed, margin: float, size: tuple[int, int]) -> tuple[Box, Pointed, tuple[int, int]]:
    """Cut an object out of its photo, in whole pixels.

    Args:
        found: the object.
        margin: what is added on each side of its box, as a share of the box's longer side.
        size: height and width of the photo, in pixels.

    Returns:
        The part of the photo in 0..1; the object in 0..1 of that part, its area in pixels; and the part's height and
        width in pixels.
    """
    height, width = size
    top, left, bottom, right = found.box
    reach = margin * max((bottom - top) * height, (right - left) * width)
    up, down = _span(top * height - reach, bottom * height + reach, height)
    west, east = _span(left * width - reach, right * width + reach, width)
    rows, columns = down - up, east - west

    def placed(y: float, x: float) -> tuple[float, float]:
        return (y * height - up) / rows, (x * width - west) / columns

    points = []
    for y, x, visible in found.points:
        at = placed(y, x)
        inside = visible and all(0 <= one <= 1 for one in at)
        points.append((*at, visible) if inside else (0.0, 0.0, 0))
    box = (*placed(top, left), *placed(bottom, right))
    part = (up / height, west / width, down / height, east / width)
    return part, Pointed(box, found.area * height * width, tuple(points)), (rows, columns)
