"""The pixels and boxes of augmentation: one window, one resampling, one colour matrix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflbuild.core.points import EXTRA
from tflbuild.modalities.image.augment import Augment, Augmented, Colour, Crop, ZoomOut
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.image.resample import Region, resample

TRIALS = 12
"""Crops tried per image before it is left whole."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])


def apply(
    options: Augment,
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    labels: NDArray[Any],
    rng: np.random.Generator,
    height: int,
    width: int,
    preprocess: ImageModality,
    unflippable: Collection[int] = (),
    mirrored: Sequence[int] = (),
) -> Augmented:
    """Give a random variant of an example, resized to the model's input.

    Crop, zoom and resize are one resampling. Boxes are clipped to what is seen of the image, and
    dropped when their centre leaves it.

    Args:
        options: what is varied.
        image: (rows, columns, 3) uint8 RGB.
        boxes: (objects, 4) float32 ymin, xmin, ymax, xmax in 0..1; (0, 4) for classification.
        labels: (objects,) int32; (1,) for classification, kept as it is, as are values (float64); points move, see
            `tflbuild.core.points`.
        rng: decides everything that is random.
        height: of the input.
        width: of the input.
        preprocess: kernel, aspect and channel order.
        unflippable: indices of the classes in `flip_except`.
        mirrored: for each point the one whose place it takes in a mirror.
    """
    draws = rng.random(10).tolist()
    pointed, numbers = labels.ndim == 2, labels.dtype.kind == "f"
    detection = pointed or not (numbers or (len(labels) == 1 and len(boxes) != 1))
    window = _window(options, boxes, detection, draws[:4], rng) if options.enabled else WHOLE
    count = len(boxes)
    placed = np.concatenate([boxes, np.tile(labels[:-EXTRA, :2], 2)]) if pointed else boxes
    pixels, placed, seen = _view(image, placed, window, height, width, preprocess)
    boxes = placed[:count]
    if pointed:
        labels = _moved(labels, placed[count:, :2], seen)
    elif detection:
        boxes, labels = _clip(boxes, labels, seen)
    if options.enabled:
        pixels = _recolour(pixels, options.colour, draws[4:8])
        flip = options.flip and draws[8] < 0.5
        kept = not numbers and any(label in unflippable for label in labels.tolist())
        if flip and not kept:
            pixels = pixels[:, ::-1]
            boxes = np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]], axis=1)
            labels = _turned_over(labels, mirrored) if pointed else labels
    return Augmented(np.ascontiguousarray(preprocess.ordered(pixels)), boxes, labels)


def _window(
    options: Augment,
    boxes: NDArray[np.float32],
    detection: bool,
    draws: list[float],
    rng: np.random.Generator,
) -> Region:
    """Choose what part of the plane the model sees: a crop, a wider view, or the image itself."""
    choice = draws[0]
    if detection and choice < options.zoom_out.probability:
        return _zoomed_out(options.zoom_out, draws[1:])
    zoomed = options.zoom_out.probability if detection else 0.0
    if choice < zoomed + options.crop.probability:
        return _cropped(options.crop, boxes, draws[1], rng)
    return WHOLE


def _zoomed_out(options: ZoomOut, draws: list[float]) -> Region:
    side = 1 + (options.max_scale - 1) * draws[0]
    top, left = (1 - side) * draws[1], (1 - side) * draws[2]
    return top, left, top + side, left + side


def _cropped(options: Crop, boxes: NDArray[np.float32], draw: float, rng: np.random.Generator) -> Region:
    """Draw crops until one covers enough of some object.

    References:
        W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, section 2.2.
    """
    draws = rng.random((TRIALS, 4))
    area = options.min_area + (1 - options.min_area) * draws[:, 0]
    aspect = np.exp(
        np.log(options.min_aspect) + np.log(options.max_aspect / options.min_aspect) * draws[:, 1]
    )
    sides = np.minimum(np.sqrt(np.stack([area / aspect, area * aspect], axis=1)), 1.0)
    starts = (1 - sides) * draws[:, 2:]
    if not len(boxes):
        return _region(starts[0], sides[0])
    wanted = options.min_overlap[int(draw * len(options.min_overlap))] if options.min_overlap else 0.0
    ends = starts + sides
    low = np.maximum(starts[:, None], boxes[None, :, :2])
    high = np.minimum(ends[:, None], boxes[None, :, 2:])
    seen = np.maximum(high - low, 0).prod(axis=2) / np.maximum(
        (boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9
    )
    good = np.flatnonzero((seen >= wanted).any(axis=1))
    return _region(starts[good[0]], sides[good[0]]) if len(good) else WHOLE


def _region(start: NDArray[np.float64], side: NDArray[np.float64]) -> Region:
    top, left = start.tolist()
    down, across = side.tolist()
    return top, left, top + down, left + across


def _view(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    window: Region,
    height: int,
    width: int,
    preprocess: ImageModality,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Region]:
    """Resample what a window shows of an image.

    Returns:
        The input's pixels, the boxes in it (not clipped), and the part of it that shows the image.
    """
    rows, columns = image.shape[:2]
    top, left, bottom, right = window[0] * rows, window[1] * columns, window[2] * rows, window[3] * columns
    place = preprocess.placement(max(1, round(bottom - top)), max(1, round(right - left)), height, width)
    source_y, target_y = _overlap(top, bottom, rows, place.top, place.height)
    source_x, target_x = _overlap(left, right, columns, place.left, place.width)
    down, across = target_y[1] - target_y[0], target_x[1] - target_x[0]
    part = (source_y[0], source_x[0], source_y[1], source_x[1])
    pixels = resample(image, down, across, preprocess.resize, preprocess.antialias, part)
    if (down, across) != (height, width):
        canvas = np.full((height, width, 3), preprocess.fill, np.uint8)
        canvas[target_y[0] : target_y[1], target_x[0] : target_x[1]] = pixels
        pixels = canvas
    if len(boxes):
        zoom_y, zoom_x = down / (source_y[1] - source_y[0]), across / (source_x[1] - source_x[0])
        factor = np.array([rows * zoom_y / height, columns * zoom_x / width] * 2)
        start = np.array(
            [(target_y[0] - source_y[0] * zoom_y) / height, (target_x[0] - source_x[0] * zoom_x) / width] * 2
        )
        boxes = (boxes * factor + start).astype(np.float32)
    seen = (target_y[0] / height, target_x[0] / width, target_y[1] / height, target_x[1] / width)
    return pixels, boxes, seen


def _overlap(
    start: float, stop: float, limit: int, place: int, size: int
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Intersect a window with the image along one axis.

    Returns:
        The visible part in image pixels, and where it comes to lie in whole input pixels.
    """
    low, high = max(start, 0.0), min(stop, float(limit))
    zoom = size / (stop - start)
    first = min(max(place + round((low - start) * zoom), place), place + size - 1)
    last = min(max(place + round((high - start) * zoom), first + 1), place + size)
    return (low, high), (first, last)


def _clip(
    boxes: NDArray[np.float32], labels: NDArray[np.int32], seen: Region
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Drop boxes whose centre is not seen, and clip the others."""
    if not len(boxes):
        return boxes, labels
    top, left, bottom, right = seen
    centres = boxes[:, :2] + boxes[:, 2:]
    inside = (centres > (2 * top, 2 * left)).all(axis=1) & (centres < (2 * bottom, 2 * right)).all(axis=1)
    kept = np.clip(boxes[inside], (top, left, top, left), (bottom, right, bottom, right)).astype(np.float32)
    return kept, labels[inside]


def _moved(labels: NDArray[Any], places: NDArray[Any], seen: Region) -> NDArray[Any]:
    """Put the points of an annotation where they are seen; one that is not seen counts as not marked."""
    top, left, bottom, right = seen
    inside = ((places >= (top, left)) & (places <= (bottom, right))).all(axis=1)
    moved = labels.copy()
    moved[:-EXTRA, :2] = places
    moved[:-EXTRA, 2] *= inside
    return moved


def _turned_over(labels: NDArray[Any], mirrored: Sequence[int]) -> NDArray[Any]:
    """Mirror points from left to right; what is now at the place of a left one was a right one."""
    points = labels[:-EXTRA][list(mirrored)]
    points[:, 1] = 1 - points[:, 1]
    return np.concatenate([points, labels[-EXTRA:]])


def _recolour(pixels: NDArray[np.uint8], options: Colour, draws: list[float]) -> NDArray[np.uint8]:
    """Change brightness, contrast, saturation and hue: all linear, so one 3x4 matrix."""
    if not (options.brightness or options.contrast or options.saturation or options.hue):
        return pixels
    shift, contrast, saturation, turn = (2 * draw - 1 for draw in draws)
    angle = 2 * np.pi * options.hue * turn
    chroma = 1 + options.saturation * saturation
    cos, sin = chroma * np.cos(angle), chroma * np.sin(angle)
    rotate = np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    gain = 1 + options.contrast * contrast
    matrix = gain * (FROM_YIQ @ rotate @ TO_YIQ)
    mean = float(pixels[::4, ::4].mean())
    offset = (1 - gain) * mean + 255 * options.brightness * shift
    rows = [value for row in matrix.tolist() for value in (*row, offset)]
    return np.asarray(Image.fromarray(pixels).convert("RGB", tuple(rows)))
