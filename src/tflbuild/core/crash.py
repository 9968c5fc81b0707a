"""Exceptions that nobody expected: one sentence for the user, and a file with the whole story."""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from pathlib import Path

from tflbuild.core import toolchain
from tflbuild.core.cache import cache_folder
from tflbuild.core.errors import PluginError, RecipeError, StoreError, TflbuildError, Unexpected
from tflbuild.core.place import Place, place_of
from tflbuild.core.plain_text import plain

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Error numbers of a disk that is full, over quota, read-only or broken: no fault of the code that writes."""

DENIED = (errno.EACCES, errno.EPERM)

MISNAMED = (errno.ENAMETOOLONG, errno.ELOOP)
"""Error numbers that only a given path can cause: a name that is too long, or a circle of links."""


def told(error: BaseException, folder: Path | None = None) -> TflbuildError:
    """Turn any exception into a `TflbuildError` that is chained to it.

    Args:
        error: what was raised.
        folder: where the story goes, e.g. a run's; None for the user's cache folder.
    """
    if isinstance(error, TflbuildError):
        return error
    found: TflbuildError
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, OSError) and number in (*DISK_ERRORS, *DENIED):
        found = StoreError(
            f"{plain(error.filename or 'the disk')}: {error.strerror}; nothing built was lost."
        )
    elif isinstance(error, OSError) and number in MISNAMED and error.filename:
        found = RecipeError(f"{plain(error.filename, most=100)} is not the name of a file: {error.strerror}.")
    elif place := place_of(error):
        found = PluginError(_blamed(error, place, folder))
    else:
        found = Unexpected(_sentence(error, folder))
    found.__cause__ = error
    return found


def is_requeue(error: BaseException) -> bool:
    """Say whether a scheduler's own signal handler ends the process, to queue the job again: no fault of the job."""
    trace = error.__traceback__ if isinstance(error, SystemExit) else None
    name = ""
    while trace is not None:
        name, trace = str(trace.tb_frame.f_globals.get("__name__", "")), trace.tb_next
    return name.partition(".")[0] == "submitit"


def _blamed(error: BaseException, place: Place, folder: Path | None) -> str:
    """Blame the plugin that an exception came from: what, where, and where the whole story lies."""
    kept = _kept(error, folder)
    story = f"  The full traceback is in {plain(kept)}." if kept else "  --verbose shows the full traceback."
    return "\n".join([f"the plugin {plain(place.file)} raised {described(error)}", *place.lines(), story])


def _sentence(error: BaseException, folder: Path | None) -> str:
    kept = _kept(error, folder)
    story = f"with {plain(kept)}, which has the whole story" if kept else "with what --verbose shows"
    return f"{described(error)}: this was not expected, and is a fault of tflbuild; please report it {story}."


def described(error: BaseException) -> str:
    """Name an exception's class and what it says, on one line."""
    try:
        text = plain(" ".join(str(error).split()), most=200)
    except Exception:  # noqa: BLE001 - the exception's own code runs here
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _kept(error: BaseException, folder: Path | None) -> Path | None:
    """Write the story into a folder, or into the user's cache; None where neither can be written."""
    kept = _keep(error, folder) if folder is not None else None
    return kept or _keep(error, cache_folder("crashes"))


def _keep(error: BaseException, folder: Path) -> Path | None:
    """Write the story; None where that cannot be done."""
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(_story(error), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path


def _story(error: BaseException) -> str:
    import platform

    lines = [
        f"tflbuild {toolchain.version('tflbuild')}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(map(repr, sys.argv))}",
        f"folder: {_folder()!r}",
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
