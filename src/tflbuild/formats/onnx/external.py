"""Weights that lie beside an ONNX file rather than in it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed, Message
from tflbuild.core.regular_file import check_regular
from tflbuild.formats.onnx.graph import tensors

EXTERNAL = 1
"""`data_location` of a tensor whose values lie in another file."""

MOST_FILES = 10_000


def files_of(content: bytes, path: Path) -> tuple[Path, ...]:
    """Name the files beside a model that hold its weights.

    Args:
        content: of the model's file.
        path: the model's file.

    Raises:
        Malformed: one is missing, shorter than the weights in it, or lies outside of the model's folder; says which.
    """
    graph = Message(content).message(7)
    ends: dict[str, int] = {}
    for tensor in tensors(graph) if graph is not None else ():
        if tensor.number(14) == EXTERNAL:
            place = {one.text(1): one.text(2) for one in tensor.messages(13)}
            end = _number(place.get("offset", "0")) + _number(place.get("length", "0"))
            name = place.get("location", "")
            ends[name] = max(ends.get(name, 0), end)
    if len(ends) > MOST_FILES:
        raise Malformed("keeps its weights in more files than a model needs")
    return tuple(_checked(name, end, path.parent) for name, end in sorted(ends.items()))


def _checked(name: str, end: int, folder: Path) -> Path:
    inside = PurePosixPath(name)
    shown = plain(name, 120)
    if not name or "\0" in name or inside.is_absolute() or ".." in inside.parts or "\\" in name:
        raise Malformed(
            f"keeps weights in '{shown}', which is not a file in its own folder: files elsewhere are not read"
        )
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Malformed(
                f"keeps weights in '{shown}', a link out of its own folder, which is not followed"
            )
        check_regular(path)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Malformed(f"keeps weights in '{shown}', which is missing; put it beside the model") from error
    except (OSError, RuntimeError) as error:
        raise Malformed(
            f"keeps weights in '{shown}', which cannot be read: {getattr(error, 'strerror', '') or error}"
        ) from error
    if size < end:
        raise Malformed(f"keeps weights in '{shown}', which has {size} bytes; expected at least {end}")
    return path


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Malformed(f"says '{plain(text, 30)}' where the place of its weights is due")
    return int(text)
