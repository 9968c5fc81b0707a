"""Write down which functions of the sources a process runs; a copy of it is imported by every Python that starts.

A line `path:function` is written when a function is first called, so that a process that is killed has told, too.
"""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType

SOURCES = os.environ.get("MUTANT_SOURCES", "")
_seen: dict[int, CodeType] = {}
"""By identity: equal functions of two files are equal code."""


def _call(frame: FrameType, event: str, argument: object) -> None:
    code = frame.f_code
    if id(code) not in _seen:
        _seen[id(code)] = code
        if code.co_filename.startswith(SOURCES + "src/"):
            path = code.co_filename[len(SOURCES) :]
            os.write(_log, f"{path}:{code.co_qualname}\n".encode())


if SOURCES:
    _log = os.open(os.environ["MUTANT_TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
    threading.settrace(_call)  # type: ignore[arg-type]
    sys.settrace(_call)  # type: ignore[arg-type]
