"""Turn what a request gives, or whatever it raises, into a reply that its parent can read."""

from __future__ import annotations

import json
import pickle
import resource
import time
import traceback
from typing import Any

from tflbuild.core.crash import DISK_ERRORS
from tflbuild.core.errors import PassError, StoreError, TflbuildError
from tflbuild.core.place import with_place

TRACED = "in user code:"
"""Beginning of TensorFlow's message about an error in a function that it traces."""


def outcome(method: Any, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Call a method; whatever it raises becomes an error that the parent can read."""
    started, cpu = time.perf_counter(), cpu_seconds()
    try:
        value = method(*arguments)
    except TflbuildError as error:
        return "error", (_sendable(error), traceback.format_exc())
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            return "error", (_foreign(error), traceback.format_exc())
        wrapped = StoreError(
            f"{error.strerror or error}: {error.filename or 'worker'}; nothing built was lost."
        )
        return "error", (wrapped, traceback.format_exc())
    except BaseException as error:  # noqa: BLE001 - a pass may raise anything, SystemExit too; the parent names it
        return "error", (_foreign(error), traceback.format_exc())
    cost = {"seconds": time.perf_counter() - started, "cpu_seconds": cpu_seconds() - cpu}
    return "done", (value, cost)


def _foreign(error: BaseException) -> PassError:
    """Name what is not ours on one line, with the line of a plugin that it came from below.

    TensorFlow's messages may hold a traceback, whose last line says it.
    """
    kind, text = type(error).__name__, str(error)
    if text.startswith(TRACED):
        text = text.rstrip().rpartition("\n\n")[2].strip().removeprefix(f"{kind}: ")
    said = " ".join(filter(None, map(str.strip, text.splitlines())))
    return PassError(with_place(f"{kind}: {said}" if said else kind, error))


def _sendable(error: TflbuildError) -> TflbuildError:
    """Give an error as it is, if the parent could read it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - unpickling calls the error's class, which may raise anything
        return _foreign(error)
    return error


def cpu_seconds() -> float:
    """Give what this process, all its threads and the processes it waited for have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def plain_notes(notes: dict[str, Any]) -> Any:
    """Bring notes for the report into JSON, whatever a pass noted: a long training is not thrown away for them."""
    return json.loads(json.dumps(notes, default=str), parse_constant=lambda name: None)


def jsonable(value: dict[str, Any], whose: str) -> dict[str, Any]:
    """Give a result that is JSON.

    Raises:
        PassError: it is not; `whose` it is.
    """
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise PassError(f"{whose} returned something that is not JSON: {error}") from error
    return value
