"""Read the operator of an Edge TPU that Google's compiler made: its parameters, and its own description.

The operator's options hold a package (a flatbuffer, "DWN1"), which holds executables: one that brings parameters into
the chip's memory once and one for each run, or one that streams its parameters in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tflbuild.tflite.tables import Malformed, Schema, Slot, Table, number_at

OPERATOR = "edgetpu-custom-op"
"""Name of the custom operator."""

IDENTIFIER = b"DWN1"
CACHING = 1
"""Type of an executable that loads parameters into the chip's memory, once."""

PACKAGE: Schema = {
    "min_runtime_version": Slot(0, "i"),
    "executables": Slot(1, "[B]"),
    "compiler_version": Slot(4, "text"),
}
EXECUTABLES: Schema = {"each": Slot(0, "[table]", "EXECUTABLE")}
EXECUTABLE: Schema = {
    "parameters": Slot(6, "[B]"),
    "chip": Slot(10, "text"),
    "narrow_memory": Slot(12, "i"),
    "type": Slot(13, "h"),
}


class Package(NamedTuple):
    """Content of one operator.

    Attributes:
        min_runtime: lowest version of the Edge TPU runtime that takes it; 0 where it does not say.
        compiler: version of the compiler; "" where it does not say.
        cached: parameters that are loaded into the chip's memory once. [bytes]
        streamed: parameters that are sent in every run. [bytes]
    """

    min_runtime: int
    compiler: str
    cached: int
    streamed: int


def read(options: bytes) -> Package:
    """Read the options of an Edge TPU's operator.

    Raises:
        Malformed: they hold no package that can be read; the message completes "it ".
    """
    found = options.find(IDENTIFIER)
    if found < 4:
        raise Malformed("holds no program for an Edge TPU")
    package = Table(options[found - 4 :], _root(options[found - 4 :]), PACKAGE)
    cached = streamed = 0
    for executable in _executables(package):
        parameters = executable.count("parameters")
        if executable.number("type") == CACHING:
            cached += parameters
        else:
            streamed += parameters
    return Package(
        min_runtime=package.number("min_runtime_version"),
        compiler=package.text("compiler_version") or "",
        cached=cached,
        streamed=streamed,
    )


def packages(model: Any) -> Iterator[Package]:
    """Read what the Edge TPU's operators of an unpacked model hold.

    Raises:
        Malformed: one of them cannot be read.
    """
    for graph in model.subgraphs:
        for operator in graph.operators:
            if (model.operatorCodes[operator.opcodeIndex].customCode or b"") == OPERATOR.encode():
                options = operator.customOptions
                yield read(bytes(options) if options is not None else b"")


def _executables(package: Table) -> Iterator[Table]:
    start, count = package.span("executables")
    content = package.content[start : start + count]
    if not count:
        return
    for place in Table(content, _root(content), EXECUTABLES).tables_at("each"):
        size = number_at(content, place, "I")
        one = content[place + 4 : place + 4 + size]
        yield Table(one, _root(one), EXECUTABLE)


def _root(content: bytes) -> int:
    position: int = number_at(content, 0, "I")
    return position
