"""NumPy's files of arrays, `.npy` and `.npz`: what they hold, read from their headers without NumPy."""

from __future__ import annotations

import ast
import hashlib
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from tflbuild.core.dataset import MAX_PIXELS, FileFacts
from tflbuild.core.file_kind import kind_of
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular

SUFFIXES = frozenset({".npy", ".npz"})
MEMBER = "images"
"""The array of an `.npz` that holds the images."""

MAGIC = b"\x93NUMPY"
ZIP = b"PK\x03\x04"
MOST_BYTES = 1 << 31
"""Bytes of arrays above which a file is refused, unpacked."""

MOST_ARRAYS = 1000

LONGEST_HEADER = 10_000
PART = 1 << 20

WANTED = "raw RGB pixels, uint8 (images, height, width, 3): the recipe's preprocess block is applied to them"

BROKEN = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    RuntimeError,
    MemoryError,
    OverflowError,
    RecursionError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""Exceptions that reading a broken archive or header may raise."""


NUMBERS = frozenset("biuf")
"""Kinds of dtypes that are real numbers."""


class Held(NamedTuple):
    """An array as its header describes it."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def is_numbers(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype[1:2] in NUMBERS and self.dtype[2:].isdigit()

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self.is_numbers and self.dtype[1] in "iu"

    @property
    def bytes(self) -> int:
        """Give how many bytes an array of numbers has."""
        return math.prod(self.shape) * int(self.dtype[2:])

    def __str__(self) -> str:
        """Give e.g. `float32 (100, 96, 96, 3)`."""
        return f"{_plain_name(self.dtype)} ({', '.join(map(str, self.shape))}{',' if len(self.shape) == 1 else ''})"


def is_array_name(path: Path) -> bool:
    """Tell whether a file is named like an array."""
    return path.suffix.lower() in SUFFIXES


def inspect(path: Path, max_pixels: int = MAX_PIXELS) -> FileFacts:
    """Give a file's SHA-256, the size of its images, and why they cannot be used ("" if they can)."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return FileFacts("", error.strerror or str(error))
    try:
        held = _held(path)
    except BROKEN as error:
        return FileFacts(sha256, _why_broken(path, error))
    problem = _problem(held, max_pixels)
    return FileFacts(sha256, problem) if problem else FileFacts(sha256, "", held.shape[1], held.shape[2])


def _why_broken(path: Path, error: BaseException, what: str = "an array of images") -> str:
    with path.open("rb") as file:
        kind = kind_of(file.read(512))
    if isinstance(error, _NotUsableError):
        return str(error)
    said = plain(str(error) or type(error).__name__)
    return f"cannot be read as {what}{f' (it is {kind})' if kind else ''}: {said}"


class _NotUsableError(ValueError):
    """The file is whole, but not what is wanted; says what it holds."""


def described(path: Path) -> dict[str, Held]:
    """Give the arrays of a file by name, as their headers describe them; the one of an `.npy` is called "array".

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or its headers say something else than lies behind them; the message completes
            "FILE ".
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != ZIP:
                file.seek(0)
                return {"array": _sized("", _header(file), path.stat().st_size - file.tell())}
        with zipfile.ZipFile(path) as archive:
            return _described(archive)
    except BROKEN as error:
        raise ValueError(_why_broken(path, error, "arrays")) from error


def _described(archive: zipfile.ZipFile) -> dict[str, Held]:
    found: dict[str, Held] = {}
    total = 0
    members = archive.infolist()
    if len(members) > MOST_ARRAYS:
        raise _NotUsableError(f"has {len(members)} arrays; at most {MOST_ARRAYS} are read")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise _NotUsableError(f"has '{plain(member.filename, 60)}', which is not an array")
        name = member.filename.removesuffix(".npy")
        if name in found:
            raise _NotUsableError(f"has the array '{plain(name, 60)}' twice")
        with archive.open(member) as file:
            held = _header(file)
            found[name] = _sized(name, held, member.file_size - file.tell())
        total += member.file_size
        if total > MOST_BYTES:
            raise _NotUsableError(f"unpacks to more than {MOST_BYTES} bytes, which are read at most")
    return found


def _sized(name: str, held: Held, follow: int) -> Held:
    """Hold a header to what follows it."""
    what = f"array '{plain(name, 60)}'" if name else "the array"
    if "O" in held.dtype:
        raise _NotUsableError(f"{what} holds pickled objects {held.shape}, which are never loaded")
    if held.is_numbers and held.bytes != follow:
        raise _NotUsableError(
            f"{what} is cut off or too long: its header says {held}, {held.bytes} bytes; {follow} follow"
        )
    if follow > MOST_BYTES:
        raise _NotUsableError(f"{what} has {follow} bytes; at most {MOST_BYTES} are read")
    return held


def _held(path: Path) -> Held:
    with path.open("rb") as file:
        if file.read(4) != ZIP:
            file.seek(0)
            return _array(file, path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        name = f"{MEMBER}.npy"
        if name not in archive.namelist():
            raise _NotUsableError(f"has no array '{MEMBER}'; it has {_listed(archive) or 'none'}")
        size = archive.getinfo(name).file_size
        if size > MOST_BYTES:
            raise _NotUsableError(f"'{MEMBER}' unpacks to {size} bytes; at most {MOST_BYTES} are read")
        with archive.open(name) as member:
            return _array(member, size)


def _listed(archive: zipfile.ZipFile) -> str:
    """Say what an archive holds, e.g. `pictures float32 (1, 2, 2, 3)`."""
    said = []
    for name in archive.namelist()[:5]:
        try:
            with archive.open(name) as member:
                said.append(f"{name.removesuffix('.npy')} {_header(member)}")
        except BROKEN:
            said.append(name)
    return ", ".join([*said, *(["..."] if len(archive.namelist()) > len(said) else [])])


def _array(file: IO[bytes], size: int) -> Held:
    """Read a header and then all the rest, which must be there."""
    held = _header(file)
    if "O" in held.dtype:
        raise _NotUsableError(
            f"holds pickled objects {held.shape}, which are never loaded; expected {WANTED}"
        )
    if size > MOST_BYTES:
        raise _NotUsableError(f"holds {held}, {size} bytes; at most {MOST_BYTES} are read")
    found = sum(len(part) for part in iter(lambda: file.read(PART), b""))
    if held.dtype == "|u1" and found != math.prod(held.shape):
        raise _NotUsableError(
            f"is cut off or too long: its header says {held}, {math.prod(held.shape)} bytes; {found} follow"
        )
    return held


def _header(file: IO[bytes]) -> Held:
    beginning = file.read(8)
    if not beginning.startswith(MAGIC) or len(beginning) < 8 or beginning[6] not in (1, 2, 3):
        raise ValueError("it has no NumPy header")
    count = 2 if beginning[6] == 1 else 4
    length = int.from_bytes(file.read(count), "little")
    if length > LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes")
    text = file.read(length)
    if len(text) < length:
        raise ValueError("it ends within its header")
    fields = ast.literal_eval(text.decode("latin-1").strip())
    dtype, shape = fields["descr"], fields["shape"]
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("its header has no shape")
    return Held(dtype if isinstance(dtype, str) else "records", shape)


def _problem(held: Held, max_pixels: int) -> str:
    """Say why an array does not hold images, and what would make it; "" where it does."""
    shape = held.shape
    advice = next(_advice(held), "")
    if advice or held.dtype != "|u1" or len(shape) != 4 or shape[3] != 3:
        return f"holds {held}; expected {WANTED}{f'. {advice}' if advice else ''}"
    if not math.prod(shape):
        return f"holds {held}, no image"
    if shape[1] * shape[2] > max_pixels:
        return f"holds images of {shape[2]} x {shape[1]} pixels, more than data.max_pixels={max_pixels}"
    return ""


def _advice(held: Held) -> Iterator[str]:
    shape = held.shape
    if len(shape) == 4 and shape[1] == 3 and shape[3] != 3:
        yield "Its channels come first: save array.transpose(0, 2, 3, 1)"
    if len(shape) == 4 and shape[3] == 1:
        yield "It is grey: save numpy.repeat(array, 3, axis=3)"
    if len(shape) == 4 and shape[3] == 4:
        yield "It has four channels: save array[..., :3]"
    if len(shape) == 3 and shape[2] == 3:
        yield "It is one image: save array[None]"
    if len(shape) == 3:
        yield "It is grey: save numpy.repeat(array[..., None], 3, axis=3)"
    if len(shape) == 4 and held.dtype[1:2] == "f":
        yield "Save the pixels before they were normalised, as uint8 in 0..255"


def _plain_name(dtype: str) -> str:
    kinds = {"u": "uint", "i": "int", "f": "float", "c": "complex", "b": "bool"}
    kind, size = dtype[1:2], dtype[2:]
    if kind not in kinds or not size.isdigit():
        return dtype
    return "bool" if kind == "b" else f"{kinds[kind]}{8 * int(size)}"
