"""Write TFRecords and tf.train.Examples byte by byte, for tests of what reads them."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Values = Sequence[bytes] | Sequence[float] | Sequence[int]


def crc(content: bytes) -> int:
    """Give the masked CRC-32C, bit by bit."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17 & 0xFFFFFFFF) + 0xA282EAD8) % (1 << 32)


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(values: Values, packed: bool = True) -> bytes:
    """Write a feature of bytes, floats or integers; an empty one is of bytes."""
    if not values or isinstance(values[0], bytes):
        return field(1, b"".join(field(1, value) for value in values if isinstance(value, bytes)))
    if isinstance(values[0], float):
        numbers = [struct.pack("<f", value) for value in values]
        inner = field(1, b"".join(numbers)) if packed else b"".join(varint(1 << 3 | 5) + n for n in numbers)
        return field(2, inner)
    whole = [varint(int(value)) for value in values]
    return field(3, field(1, b"".join(whole)) if packed else b"".join(varint(1 << 3) + n for n in whole))


def example(features: Mapping[str, Values], packed: bool = True) -> bytes:
    """Write a tf.train.Example."""
    entries = [
        field(1, field(1, key.encode()) + field(2, feature(values, packed)))
        for key, values in features.items()
    ]
    return field(1, b"".join(entries))


def framed(content: bytes) -> bytes:
    """Write one record."""
    head = struct.pack("<Q", len(content))
    return head + struct.pack("<I", crc(head)) + content + struct.pack("<I", crc(content))


def write(path: Path, *examples: Mapping[str, Values]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(framed(example(one)) for one in examples))
    return path


def png(seed: int, height: int = 20, width: int = 40) -> bytes:
    """Give a picture of noise as a file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def boxed(
    seed: int, *boxes: tuple[int, str, float, float, float, float], **more: Values
) -> dict[str, Values]:
    """Give the features of a picture with boxes (number, text, xmin, ymin, xmax, ymax), as the API's scripts do."""
    numbers, texts, *edges = zip(*boxes, strict=True) if boxes else [[]] * 6
    xmin, ymin, xmax, ymax = edges
    found: dict[str, Values] = {
        "image/encoded": [png(seed)],
        "image/filename": [f"{seed}.png".encode()],
        "image/height": [20],
        "image/width": [40],
        "image/object/bbox/xmin": list(xmin),
        "image/object/bbox/ymin": list(ymin),
        "image/object/bbox/xmax": list(xmax),
        "image/object/bbox/ymax": list(ymax),
        "image/object/class/label": list(numbers),
        "image/object/class/text": [text.encode() for text in texts],
    }
    return found | {key.replace("__", "/"): values for key, values in more.items()}


def classed(seed: int, number: int | None = None, text: str | None = None) -> dict[str, Values]:
    """Give the features of a picture with a class."""
    found: dict[str, Values] = {"image/encoded": [png(seed)]}
    if number is not None:
        found["image/class/label"] = [number]
    if text is not None:
        found["image/class/text"] = [text.encode()]
    return found
