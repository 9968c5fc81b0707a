"""Image files: reading them, finding what is wrong with them, drawing on them."""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from tflbuild.core import array_file
from tflbuild.core.dataset import MAX_PIXELS, FileFacts
from tflbuild.core.file_kind import kind_of
from tflbuild.core.regular_file import read_regular
from tflbuild.modalities.image.file_formats import FORMATS

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""Exceptions that PIL's decoders raise on broken files."""

MOST_BYTES = 1 << 30
"""Bytes above which an image file is not read."""

LARGE = 1 << 24
"""Pixels above which one image at a time is decoded, so that threads do not need the memory of several."""

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transposes that turn a stored picture upright, by its EXIF orientation."""

MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
"""Pixels that become RGB by an agreed rule."""

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
"""Tags of TIFF."""
WHITE_IS_ZERO = 0
"""Value of PHOTOMETRIC for inverted greys, which PIL inverts back for 8 bits but not for 16."""

PALETTE = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6", "#808000")

_one_large_image = threading.Lock()


class TooLargeError(OSError):
    """An image has more pixels than are decoded."""


def read(path: Path | str, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read an image file as it is meant to be seen.

    EXIF orientation is applied, palettes and greys become RGB, 16-bit greys are scaled to 8, alpha is
    dropped (not blended), as cameras' and phones' own decoders do. Of several frames the first is read.

    Args:
        path: the file.
        max_pixels: above which it is refused, before a pixel is decoded.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        OSError: the file is missing, no regular file, too large, of no format in `FORMATS`, or does not fully decode.
    """
    return _decode(read_regular(Path(path), MOST_BYTES), max_pixels)[0]


def inspect(path: Path, max_pixels: int = MAX_PIXELS) -> FileFacts:
    """Give a file's SHA-256, its size in pixels as seen, and why it cannot be read ("" if it can).

    Args:
        path: an image file, or an `.npy` or `.npz` of images.
        max_pixels: above which an image is not decoded.
    """
    if array_file.is_array_name(path):
        return array_file.inspect(path, max_pixels)
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        return FileFacts("", error.strerror or str(error))
    return facts_of(content, max_pixels)


def facts_of(content: bytes, max_pixels: int = MAX_PIXELS) -> FileFacts:
    """Give the facts of an image file that lies inside another file, as `inspect` does."""
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        image, orientation = _decode(content, max_pixels)
    except OSError as error:
        return FileFacts(sha256, str(error))
    return FileFacts(sha256, "", image.shape[0], image.shape[1], orientation)


def decoded(content: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image file that lies inside another file; gives and raises as `read` does."""
    return _decode(content, max_pixels)[0]


def _decode(content: bytes, max_pixels: int) -> tuple[NDArray[np.uint8], int]:
    """Give the pixels as seen, and the EXIF orientation of what is stored."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            pixels = picture.width * picture.height
            if pixels > max_pixels:
                size = f"{picture.width} x {picture.height} pixels"
                raise TooLargeError(f"has {size}, more than data.max_pixels={max_pixels}")
            with _one_large_image if pixels > LARGE else nullcontext():
                orientation = _orientation(picture)
                picture.load()
                turn = TURNS.get(_orientation(picture))  # asked again: TIFF is turned while it is loaded
                return _as_rgb(picture if turn is None else picture.transpose(turn), picture), orientation
    except TooLargeError:
        raise
    except UnidentifiedImageError as error:
        kind = kind_of(content)
        raise OSError(f"not an image that PIL can read{f', but {kind}' if kind else ''}") from error
    except UNREADABLE as error:
        raise OSError(f"does not decode: {error}") from error


def _orientation(picture: Image.Image) -> int:
    """Read the EXIF orientation; what makes no sense counts as none, as in every viewer."""
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except UNREADABLE:
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _as_rgb(turned: Image.Image, picture: Image.Image) -> NDArray[np.uint8]:
    """Give the pixels of a picture, turned as it is seen, by the rule of its mode."""
    if turned.mode.startswith("I;16") or (turned.mode == "I" and picture.format in ("PNG", "PPM")):
        return np.repeat(_eight_bits(np.asarray(turned), picture)[..., None], 3, axis=2)
    if turned.mode not in MODES:
        raise ValueError(f"pixels of mode {turned.mode} have no agreed range")
    if turned.mode == "P" and "transparency" in turned.info:
        turned = turned.convert("RGBA")
    return np.array(turned.convert("RGB"))


def _eight_bits(grey: NDArray[np.generic], picture: Image.Image) -> NDArray[np.uint8]:
    """Scale greys of up to 16 bits to 8."""
    tags = getattr(picture, "tag_v2", {})
    top = (1 << int(tags.get(BITS_PER_SAMPLE, (16,))[0])) - 1
    scaled = (grey.astype(np.int64).clip(0, top) * 255 + top // 2) // top
    seen = 255 - scaled if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else scaled
    return seen.astype(np.uint8)


def corners_of(
    ymin: float, xmin: float, ymax: float, xmax: float, *, width: int, height: int
) -> tuple[int, int, int, int]:
    """Give the outermost pixels of a box in 0..1: left, top, right and bottom; at least one pixel.

    >>> corners_of(0.0, 0.5, 0.5, 1.0, width=8, height=4)
    (4, 0, 7, 1)
    """
    left, top = round(xmin * width), round(ymin * height)
    return left, top, max(left, round(xmax * width) - 1), max(top, round(ymax * height) - 1)


def draw(image: NDArray[np.uint8], boxes: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.uint8]:
    """Draw boxes with their texts.

    Args:
        image: (height, width, 3) uint8 RGB; left as it is.
        boxes: (objects, 4) ymin, xmin, ymax, xmax in 0..1.
        texts: one per box; its first word, the class, decides the colour. "" draws none.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    line = max(1, round(max(height, width) / 240))
    font = ImageFont.load_default(max(9, round(max(height, width) / 36)))
    for (ymin, xmin, ymax, xmax), text in zip(boxes.tolist(), texts, strict=True):
        colour = PALETTE[zlib.crc32(text.split(" ")[0].encode()) % len(PALETTE)]
        corners = corners_of(ymin, xmin, ymax, xmax, width=width, height=height)
        pen.rectangle(corners, outline=colour, width=line)
        if text:
            _caption(pen, text, corners, colour, font, width)
    return np.array(picture)


def _caption(
    pen: ImageDraw.ImageDraw,
    text: str,
    corners: tuple[int, int, int, int],
    colour: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> None:
    """Write on a patch of colour above the box, or inside it where there is no room above."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    tall, wide = bottom - top + 4, right - left + 4
    x = max(0, min(corners[0], width - wide))
    y = corners[1] - tall if corners[1] >= tall else corners[1]
    pen.rectangle((x, y, x + wide, y + tall), fill=colour)
    pen.text((x + 2 - left, y + 2 - top), text, fill="white", font=font)
