"""Alter a picture as cameras and apps do before a model sees it: coding, colours, orientation."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    Pixels = NDArray[np.uint8]

TURNS: Mapping[str, int] = {"turned_left": 1, "turned_half": 2, "turned_right": 3}
"""Quarter turns to the left of a picture that is stored otherwise than it is seen, by name."""

STORED_AS: Mapping[int, str] = {
    2: "mirrored",
    3: "turned_half",
    4: "flipped",
    6: "turned_left",
    8: "turned_right",
}
"""The look of a stored picture, by its EXIF orientation; 5 and 7, which no camera writes, are left out."""

FROM_YCC = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]])
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""ITU-R BT.601 in full range, as JFIF has it."""


def altered(picture: Pixels, how: str) -> Pixels:
    """Alter a picture.

    Args:
        picture: (rows, columns, 3) uint8 RGB.
        how: one of `ALTERATIONS`.

    Returns:
        (rows, columns, 3) uint8 RGB; rows and columns change places where it is turned by a quarter.
    """
    return np.ascontiguousarray(ALTERATIONS[how](picture))


def upright(boxes: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """Give boxes of an altered picture as they lie in the picture itself.

    Args:
        boxes: (objects, 4) ymin, xmin, ymax, xmax in 0..1.
        how: one of `ALTERATIONS`.
    """
    top, left, bottom, right = np.moveaxis(boxes, -1, 0)
    moved = {
        "turned_left": (left, 1 - bottom, right, 1 - top),
        "turned_half": (1 - bottom, 1 - right, 1 - top, 1 - left),
        "turned_right": (1 - right, top, 1 - left, bottom),
        "mirrored": (top, 1 - right, bottom, 1 - left),
        "flipped": (1 - bottom, left, 1 - top, right),
    }
    return np.stack(moved[how], axis=-1).astype(np.float32) if how in moved else boxes


def _as_jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    """Give what codes a picture as JPEG with chroma at half its size, and decodes it."""

    def coded(picture: Pixels) -> Pixels:
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "JPEG", quality=quality)
        return np.asarray(Image.open(content).convert("RGB"))

    return coded


def _as_yuv(squeezed: bool = False, swapped: bool = False) -> Callable[[Pixels], Pixels]:
    """Give what codes a picture as YUV 4:2:0, one chroma sample for 2 x 2 pixels, and decodes it.

    Args:
        squeezed: whether it is coded in 16..235, and decoded as if in 0..255.
        swapped: whether it is coded as NV21, and decoded as NV12: U and V change places.
    """

    def coded(picture: Pixels) -> Pixels:
        rows, columns = picture.shape[:2]
        even = np.pad(picture, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
        planes = even.astype(np.float64) @ TO_YCC.T
        halved = planes.reshape(len(even) // 2, 2, -1, 2, 3).mean(axis=(1, 3)).repeat(2, 0).repeat(2, 1)
        planes[..., 1:] = halved[..., :0:-1] if swapped else halved[..., 1:]
        if squeezed:
            planes = planes * (np.array([219, 224, 224]) / 255) + (16, 0, 0)
        planes[..., 0] = np.rint(planes[..., 0]).clip(0, 255)
        planes[..., 1:] = np.rint(planes[..., 1:]).clip(-128, 127)
        pixels: Pixels = np.rint(planes @ FROM_YCC.T).clip(0, 255).astype(np.uint8)
        return pixels[:rows, :columns]

    return coded


def _turned(quarters: int) -> Callable[[Pixels], Pixels]:
    return lambda picture: np.rot90(picture, quarters)


ALTERATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    **{name: _turned(quarters) for name, quarters in TURNS.items()},
    "mirrored": lambda picture: picture[:, ::-1],
    "flipped": lambda picture: picture[::-1],
    "jpeg90": _as_jpeg(90),
    "jpeg75": _as_jpeg(75),
    "jpeg50": _as_jpeg(50),
    "yuv420": _as_yuv(),
    "yuv420_range": _as_yuv(squeezed=True),
    "yuv420_swapped": _as_yuv(swapped=True),
}
"""Alterations of a picture, by name."""
