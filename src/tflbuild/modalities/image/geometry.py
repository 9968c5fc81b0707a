"""Say where a picture lies in a model's input, and which part of it the input shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def frame(
    image: tuple[int, int], part: Placement, place: Placement, size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give factor and start of (y, x, y, x) that take coordinates in 0..1 of an image to those of an input.

    Args:
        image: its height and width.
        part: of the image, which the input shows.
        place: of that part in the input.
        size: height and width of the input.
    """
    import numpy as np

    factor = np.array([place.height / size[0], place.width / size[1]] * 2)
    start = np.array([place.top / size[0], place.left / size[1]] * 2)
    if (part.height, part.width) == image:
        return factor, start
    zoom = np.array([image[0] / part.height, image[1] / part.width] * 2)
    corner = np.array([part.top / image[0], part.left / image[1]] * 2)
    return factor * zoom, start - corner * zoom * factor
