"""Remember what model files are, so that one which did not change is read once, and not by every plan.

What decides a description are the files that its format reads and the code that reads them. Stamps of files are those
of this machine, so they lie in the user's cache folder; an entry that is lost or damaged only costs time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core.cache import Cache
from tflbuild.core.code import code_digest, tools_of
from tflbuild.core.model_format import FORMATS, Description, Format
from tflbuild.formats.recognition import recognised_format

KEPT = "models"
"""Folder of the cache."""

RACY = 2 * 10**9
"""Nanoseconds: a file that changed so shortly ago may change again within the same tick of its clock."""

Stamps = tuple[tuple[str, int, int, int, int], ...]
"""Of each file that is read: its path, size, inode, and the times of its change and of its inode's, in nanoseconds."""


class Known(NamedTuple):
    """A file's format, and what it says and shows, after the format found it sound."""

    kind: Format
    description: Description


class _Entry(NamedTuple):
    """What is known of a file, as long as the files that were read are what they were."""

    stamps: Stamps
    known: Known

    def holds(self, path: Path) -> bool:
        return self.stamps == _stamps(self.known.kind.reads(path))


_SEEN: dict[str, _Entry] = {}
"""By absolute path, in this process."""


def described(path: Path) -> Known:
    """Recognise, check and describe a model's file, or remember that.

    Raises:
        RecipeError: it is of no format, or its format refuses it.
    """
    name = os.path.abspath(path)
    entry = _SEEN.get(name) or _remembered(Cache(KEPT).read(name))
    if entry is None or not entry.holds(path):
        entry = _looked(path, name)
    _SEEN[name] = entry
    return entry.known


def _looked(path: Path, name: str) -> _Entry:
    kind = recognised_format(path)
    before = _stamps(kind.reads(path))
    kind.check(path)
    content = {
        "format": kind.name,
        "code": _code(kind),
        "stamps": before,
        "description": kind.describe(path).to_json(),
    }
    text = json.dumps(content)
    if before == _stamps(kind.reads(path)) and _settled(before):
        Cache(KEPT).write(name, text.encode())
    return _Entry(before, Known(kind, Description.from_json(json.loads(text)["description"])))


def _remembered(text: bytes | None) -> _Entry | None:
    kept: dict[str, Any] = json.loads(text) if text else {}
    if kept.get("format") not in FORMATS:
        return None
    kind = FORMATS.get(kept["format"])()
    if kept["code"] != _code(kind):
        return None
    stamps = tuple((path, *numbers) for path, *numbers in kept["stamps"])
    return _Entry(stamps, Known(kind, Description.from_json(kept["description"])))


def _code(kind: Format) -> list[Any]:
    modules = (__name__, type(kind).__module__)
    return [code_digest(*modules), tools_of(*modules)]


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
