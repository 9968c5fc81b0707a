"""Remember what model files are, so that one which did not change is read once, and not by every plan.

What decides a description are the model's files, the lists of class names beside it, and the code that reads them.
Stamps of files are those of this machine, so they lie in the user's cache folder; an entry that is lost or damaged
only costs time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import label_list
from tflbuild.core.cache import Cache
from tflbuild.core.code import code_digest, tools_of
from tflbuild.core.file_stamp import RACY
from tflbuild.core.model_format import FORMATS, Asked, Description, Format
from tflbuild.formats.recognition import format_named, recognised_format

NOTHING = Asked()

KEPT = "models"
"""Folder of the cache."""

Stamps = tuple[tuple[str, int, int, int, int], ...]
"""Of each file that is read: its path, size, inode, and the times of its change and of its inode's, in nanoseconds."""


class Known(NamedTuple):
    """A file's format, and what it says and shows, after the format found it sound."""

    kind: Format
    description: Description


class _Entry(NamedTuple):
    """A model as it is known, as long as its files and the lists of class names beside it are what they were."""

    files: Stamps
    names: Stamps
    known: Known

    def holds(self, path: Path) -> bool:
        """Ask the format again which files there are for a folder alone: what a file names is in the file."""
        files = self.known.kind.files(path) if path.is_dir() else [Path(stamp[0]) for stamp in self.files]
        return self.files == _stamps(files) and self.names == _names(path)


_SEEN: dict[str, _Entry] = {}
"""By absolute path, in this process."""


def described(path: Path, asked: Asked = NOTHING, said: str = "") -> Known:
    """Recognise, check and describe a model's file, or remember that.

    Args:
        path: the file or folder.
        asked: what the recipe says of it.
        said: name of its format, where the recipe says it.

    Raises:
        RecipeError: it is of no format, or not of the one that is said, or its format refuses it.
        ValueError: what is asked does not fit it.
    """
    name = json.dumps([os.path.abspath(path), *asked, said])
    entry = _SEEN.get(name) or _remembered(Cache(KEPT).read(name))
    if entry is None or not entry.holds(path):
        entry = _looked(path, asked, said, name)
    _SEEN[name] = entry
    return entry.known


def _looked(path: Path, asked: Asked, said: str, name: str) -> _Entry:
    kind = format_named(path, said) if said else recognised_format(path)
    files, names = _stamps(kind.files(path)), _names(path)
    if asked == NOTHING:
        kind.check(path)
    description = kind.describe_as(path, asked).to_json()
    content = {
        "format": kind.name,
        "code": _code(kind),
        "files": files,
        "names": names,
        "description": description,
    }
    text = json.dumps(content)
    entry = _Entry(files, names, Known(kind, Description.from_json(json.loads(text)["description"])))
    if entry.holds(path) and _settled(files + names):
        Cache(KEPT).write(name, text.encode())
    return entry


def _remembered(text: bytes | None) -> _Entry | None:
    kept: dict[str, Any] = json.loads(text) if text else {}
    if kept.get("format") not in FORMATS:
        return None
    kind = FORMATS.get(kept["format"])()
    if kept["code"] != _code(kind):
        return None
    files, names = (tuple((path, *numbers) for path, *numbers in kept[key]) for key in ("files", "names"))
    return _Entry(files, names, Known(kind, Description.from_json(kept["description"])))


def _code(kind: Format) -> list[Any]:
    modules = (__name__, type(kind).__module__)
    return [code_digest(*modules), tools_of(*modules)]


def _names(path: Path) -> Stamps:
    return _stamps(label_list.files_beside(path))


def _stamps(paths: Sequence[Path]) -> Stamps:
    found = []
    for path in paths:
        try:
            status = path.stat()
        except (OSError, ValueError):
            found.append((os.path.abspath(path), 0, 0, 0, 0))
        else:
            times = (status.st_mtime_ns, status.st_ctime_ns)
            found.append((os.path.abspath(path), status.st_size, status.st_ino, *times))
    return tuple(found)


def _settled(stamps: Stamps) -> bool:
    return max(max(stamp[3:]) for stamp in stamps) < time.time_ns() - RACY
