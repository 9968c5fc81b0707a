"""IDX files, plain or in gzip: arrays as MNIST and the sets made after it hold them.

References:
    LeCun, Cortes and Burges, The MNIST Database of Handwritten Digits: "The IDX file format".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.errors import DataError

DTYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's names for the types of values, by the third byte of a file; IDX is big-endian."""

GZIP = b"\x1f\x8b"


class Idx(NamedTuple):
    """One array as it stands in its file.

    Attributes:
        dtype: of the values, as NumPy names it.
        shape: length of each axis, the slowest first.
        data: the values, row by row.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def read(path: Path) -> Idx:
    """Read an IDX file, whatever it is called; needs no NumPy.

    Raises:
        DataError: it cannot be read, is no IDX file, or is shorter or longer than its header says.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in DTYPES:
        raise DataError(
            f"data.root: {path} is not an IDX file: it begins with {content[:4].hex(' ') or 'nothing'}; "
            f"expected 00 00, "
            f"a type of {', '.join(f'{code:02x}' for code in DTYPES)}, and the number of axes."
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"data.root: {path} ends within its header of {start} bytes, after {len(content)}.")
    dtype, shape = DTYPES[content[2]], struct.unpack(f">{content[3]}I", content[4:start])
    wanted, found = math.prod(shape) * int(dtype[2:]), len(content) - start
    if wanted != found:
        sides = " x ".join(map(str, shape))
        state = "truncated" if found < wanted else "too long"
        raise DataError(
            f"data.root: {path} is {state}: its header says {sides} values, {wanted:,} bytes; {found:,} follow."
        )
    return Idx(dtype, shape, content[start:])


def _content(path: Path) -> bytes:
    """Give a file's bytes, unpacked where it is gzip."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP) else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"data.root: {path} does not unpack: {error}") from error
    except OSError as error:
        raise DataError(f"data.root: {path} cannot be read: {error.strerror or error}") from error
