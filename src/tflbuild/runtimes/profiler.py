"""LiteRT's own profiler: the time that each operator of a file takes, inside XNNPACK, too.

The interpreter of `ai_edge_litert` has no way to it; the library in the same package has, by its C functions, which
are called here. One that another version lacks, or that refuses a file, is told as `CannotProfile`. Nothing of ours is
imported: this file is sent to boards, too, whose Python may be 3.8.

References:
    LiteRT, litert/c/litert_profiler.h and litert/c/litert_compiled_model.h, Apache-2.0.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import ai_edge_litert

CPU = 1
"""Bit of the accelerators that a file is compiled for."""

OPERATOR, INSIDE_DELEGATE, OF_DELEGATE = 1 << 1, 1 << 2, 1 << 3
"""Kinds of events that are operators: LiteRT's own, and those of a delegate."""

WHOLE = b"Invoke"
"""Tag of the event that is a whole run of the graph."""

OPTIONS = {b"runtime_options_string": b"enable_profiling = true\n", b"xnnpack": b"num_threads = 1\n"}
"""Options, by the name that LiteRT reads them by, in TOML."""

ROOM = 1024
"""Bytes for a tensor's type, of which LiteRT fills fewer."""


class CannotProfile(Exception):
    """The library has no such profiler, or does not take the file."""


class Event(NamedTuple):
    """One operator in one run: its name, its place among those that ran, and whole microseconds."""

    name: str
    place: int
    delegated: bool
    microseconds: int


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_size_t), ("used", ctypes.c_size_t), ("own", ctypes.c_size_t))


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start", ctypes.c_uint64),
        ("elapsed", ctypes.c_uint64),
        ("before", _Memory),
        ("after", _Memory),
        ("place", ctypes.c_uint64),
        ("more", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


class Profiler:
    """A file on one thread of this processor, whose operators are timed; inputs are zeros.

    Args:
        path: a `.tflite` that is well-formed and was run before.

    Raises:
        CannotProfile: see there.
    """

    def __init__(self, path: Path) -> None:
        self._ends = ExitStack()
        self._library = _library()
        with quiet():
            try:
                self._open(path)
                self.warm()
            except BaseException:
                self._ends.close()
                raise

    def __enter__(self) -> Profiler:
        return self

    def __exit__(self, *error: object) -> None:
        with quiet():
            self._ends.close()

    def run(self) -> tuple[list[Event], int]:
        """Run once; gives the operators in order, and the microseconds of the whole."""
        self._call("ResetProfiler", self._profiler)
        self._call("StartProfiler", self._profiler)
        self.warm()
        self._call("StopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * max(count.value, 1))()
        self._call("GetProfilerEvents", self._profiler, count, events)
        kept = [one for one in events[: count.value] if one.kind in (OPERATOR, INSIDE_DELEGATE, OF_DELEGATE)]
        whole = [one.elapsed for one in events[: count.value] if one.tag == WHOLE and one.kind == 1]
        if not kept or not whole:
            raise CannotProfile("LiteRT's profiler reported no operator")
        named = [
            Event(
                (one.tag or b"").decode(errors="replace"),
                int(one.place),
                one.kind != OPERATOR,
                int(one.elapsed),
            )
            for one in kept
        ]
        return named, int(whole[0])

    def warm(self) -> None:
        """Run once."""
        none = ctypes.c_size_t(0)
        self._call("RunCompiledModel", self._compiled, none, *self._inputs, *self._outputs)

    def _open(self, path: Path) -> None:
        environment = self._made("CreateEnvironment", 0, None, ends="DestroyEnvironment")
        model = self._made("CreateModelFromFile", environment, str(path).encode(), ends="DestroyModel")
        options = self._made("CreateOptions", ends="DestroyOptions")
        self._call("SetOptionsHardwareAccelerators", options, CPU)
        for name, text in OPTIONS.items():
            self._call("AddOpaqueOptions", options, self._option(name, text))
        self._compiled = self._made(
            "CreateCompiledModel", environment, model, options, ends="DestroyCompiledModel"
        )
        self._profiler = self._made("CompiledModelGetProfiler", self._compiled)
        signature = self._made("GetModelSignature", model, ctypes.c_size_t(0))
        self._inputs = self._buffers("Input", environment, signature)
        self._outputs = self._buffers("Output", environment, signature)

    def _option(self, name: bytes, text: bytes) -> ctypes.c_void_p:
        """Give options that LiteRT frees itself."""
        c = ctypes.CDLL(None)
        c.strdup.restype = ctypes.c_void_p
        held = ctypes.c_void_p(c.strdup(text))
        return self._made("CreateOpaqueOptions", name, held, ctypes.cast(c.free, ctypes.c_void_p))

    def _buffers(self, side: str, environment: Any, signature: Any) -> tuple[ctypes.c_size_t, Any]:
        count = ctypes.c_size_t()
        self._call(f"GetNumSignature{side}s", signature, ctypes.byref(count))
        made = []
        for place in map(ctypes.c_size_t, range(count.value)):
            tensor = self._made(f"GetSignature{side}TensorByIndex", signature, place)
            kind = (ctypes.c_uint8 * ROOM)()
            self._call("GetRankedTensorType", tensor, kind)
            wanted = self._made(
                f"GetCompiledModel{side}BufferRequirements", self._compiled, ctypes.c_size_t(0), place
            )
            name, ends = "CreateManagedTensorBufferFromRequirements", "DestroyTensorBuffer"
            made.append(self._made(name, environment, kind, wanted, ends=ends))
            self._call("ClearTensorBuffer", made[-1])
        return count, (ctypes.c_void_p * len(made))(*[one.value for one in made])

    def _made(self, name: str, *arguments: Any, ends: str = "") -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        self._call(name, *arguments, ctypes.byref(made))
        if ends:
            self._ends.callback(getattr(self._library, f"LiteRt{ends}"), made)
        return made

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, f"LiteRt{name}")
        except AttributeError as error:
            raise CannotProfile(f"this LiteRT has no LiteRt{name}") from error
        status = function(*arguments)
        if status:
            raise CannotProfile(f"LiteRt{name} gave the status {status}")


def faster_half(found: list[tuple[list[Event], int]]) -> dict[str, Any]:
    """Give the mean of the faster half of some runs, since the slower were disturbed.

    Args:
        found: what `Profiler.run` gave, once for each run.
    """
    ranked = sorted(found, key=lambda one: one[1])
    fast = ranked[: (len(ranked) + 1) // 2]
    operators = [
        {
            "name": events[0].name,
            "delegated": events[0].delegated,
            "ms": round(sum(event.microseconds for event in events) / len(events) / 1000, 5),
        }
        for events in zip(*(events for events, _ in fast))  # noqa: B905 - Python 3.8
    ]
    whole = sum(microseconds for _, microseconds in fast) / len(fast) / 1000
    return {"runs": len(found), "whole_ms": round(whole, 5), "operators": operators}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what LiteRT's C++ code writes to stderr while it loads a file."""
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def _library() -> Any:
    path = Path(next(iter(ai_edge_litert.__path__))) / "libLiteRt.so"
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CannotProfile("this package of LiteRT has no libLiteRt.so") from error
