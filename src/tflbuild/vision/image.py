"""Image files: reading them, finding what is wrong with them, drawing on them."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from tflbuild.core.dataset import FileFacts

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What PIL's decoders raise on broken files."""

PALETTE = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6", "#808000")


def read(path: Path | str) -> NDArray[np.uint8]:
    """Read an image file as it is meant to be seen.

    EXIF orientation is applied, palettes and greys become RGB, 16-bit greys are scaled to 8, alpha is
    dropped (not blended), as cameras' and phones' own decoders do.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        OSError: the file is missing, or does not fully decode.
    """
    return _decode(Path(path).read_bytes())


def inspect(path: Path) -> FileFacts:
    """Give a file's SHA-256, its size in pixels as seen, and why it does not fully decode ("" if it does)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return FileFacts("", error.strerror or str(error))
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        image = _decode(content)
    except OSError as error:
        return FileFacts(sha256, str(error))
    return FileFacts(sha256, "", image.shape[0], image.shape[1])


def size(path: Path) -> tuple[int, int]:
    """Read an image's height and width as seen, without decoding it."""
    with Image.open(path) as picture:
        sideways = picture.getexif().get(0x0112, 1) >= 5
        return (picture.width, picture.height) if sideways else (picture.height, picture.width)


def _decode(content: bytes) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return _as_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        raise OSError("not an image that PIL can read") from error
    except UNREADABLE as error:
        raise OSError(f"does not decode: {error}") from error


def _as_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no agreed range")
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.int64).clip(0, 65535)
        return np.repeat(((grey * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return np.array(picture.convert("RGB"))


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
        left, top = round(xmin * width), round(ymin * height)
        corners = (left, top, max(left, round(xmax * width) - 1), max(top, round(ymax * height) - 1))
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
