"""Say where a picture lies in a model's input, and which part of it the input shows; whole pixels only."""

from __future__ import annotations

from typing import NamedTuple


class Placement(NamedTuple):
    """The position of a part of an image, or of a resized image in a model's input, in pixels."""

    top: int
    left: int
    height: int
    width: int


def letterboxed(image_height: int, image_width: int, height: int, width: int) -> Placement:
    """Say where an image lies that is resized to fit into `height` x `width`, padded evenly."""
    if image_height * width >= height * image_width:
        across = max(1, (2 * image_width * height + image_height) // (2 * image_height))
        return Placement(0, (width - across) // 2, height, across)
    down = max(1, (2 * image_height * width + image_width) // (2 * image_width))
    return Placement((height - down) // 2, 0, down, width)


def centred(image_height: int, image_width: int, height: int, width: int, share: float) -> Placement:
    """Give the centre of an image: of its largest part of the shape `height` x `width`, a share of each side."""
    if image_height * width >= height * image_width:
        down, across = image_width * height / width, float(image_width)
    else:
        down, across = float(image_height), image_height * width / height
    rows = min(image_height, max(1, int(down * share + 0.5)))
    columns = min(image_width, max(1, int(across * share + 0.5)))
    return Placement((image_height - rows) // 2, (image_width - columns) // 2, rows, columns)
