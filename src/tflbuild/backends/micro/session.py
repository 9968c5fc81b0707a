"""The interpreter of the package tflite-micro, in a process apart: a file that crashes it ends that process alone."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends import frames, processes
from tflbuild.backends.programs import micro_session
from tflbuild.core import toolchain
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.environments.running import guard
from tflbuild.environments.running.program import limits
from tflbuild.tflite import flatbuffer

TOOL = "tflite_micro"

PLENTY = 1 << 29
"""Bytes of an arena in which every file fits that a microcontroller could take; only what is used is touched."""

SECONDS = 600.0
"""Seconds that one answer may take."""

LONGEST = 400
"""Characters of what the interpreter said that a sentence repeats."""


class Refused(PassError):
    """The interpreter does not take the file, or not in an arena of this size."""


class MicroSession:
    """A process that has a file at hand; gone when it is closed, or nobody holds it any more.

    Args:
        path: the file.
        seconds: that one answer may take.
    """

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        toolchain.require((TOOL,), "LiteRT for Microcontrollers")
        self._path, self._seconds = path, seconds
        self._process = _started(path)
        self._answers = frames.Reader(self._process.stdout)
        self._finalizer = weakref.finalize(self, processes.end, self._process, 1)

    def close(self) -> None:
        """End the process."""
        self._finalizer()

    def __enter__(self) -> MicroSession:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def load(self, arena: int = PLENTY) -> dict[str, list[dict[str, Any]]]:
        """Load the file anew.

        Args:
            arena: size of the arena. [bytes]

        Returns:
            `inputs` and `outputs` in the order of the graph, each with `shape` and `dtype`.

        Raises:
            Refused: the interpreter cannot, or the process crashed, after which another one is there.
        """
        found: dict[str, list[dict[str, Any]]] = json.loads(self._asked(b"L", str(arena).encode(), b"S"))
        return found

    def run(self, content: bytes) -> bytes:
        """Run the file once, from a fresh start: all inputs one after the other; gives the outputs likewise.

        Raises:
            Refused: the interpreter cannot, or the process crashed.
        """
        return self._asked(b"R", content, b"O")

    def allocations(self) -> str:
        """Give what the interpreter prints of its allocations."""
        return self._asked(b"A", b"", b"O").decode("utf-8", "replace")

    def _asked(self, kind: bytes, content: bytes, wanted: bytes) -> bytes:
        with contextlib.suppress(BrokenPipeError):
            frames.write(self._process.stdin, kind + content)
        try:
            answer = self._answers.message(time.monotonic() + self._seconds)
        except (frames.Ended, TimeoutError) as error:
            how = self._replaced()
            said = f"took longer than {self._seconds:g} s" if isinstance(error, TimeoutError) else how
            raise Refused(f"LiteRT for Microcontrollers {said} on {plain(self._path)}.") from error
        if answer[:1] == wanted:
            return answer[1:]
        raise Refused(_sentence(answer[1:].decode("utf-8", "replace")))

    def _replaced(self) -> str:
        """Start another process; gives how the last one ended."""
        self._finalizer()
        code = self._process.returncode
        self._process = _started(self._path)
        self._answers = frames.Reader(self._process.stdout)
        self._finalizer = weakref.finalize(self, processes.end, self._process, 1)
        return f"crashed (signal {-code})" if code and code < 0 else f"ended with exit code {code}"


class Loaded:
    """A `.tflite` that is loaded, ready to be run: see `tflbuild.core.runtime.Execution`.

    Args:
        path: the file.
        arena: size of the arena, None for as much as it takes. [bytes]

    Raises:
        Refused: LiteRT for Microcontrollers cannot run it.
    """

    kernels = "tflite_micro"

    def __init__(self, path: Path, arena: int | None = None) -> None:
        model = flatbuffer.load(path)
        check(model)
        self.signature = Signature.from_json(flatbuffer.signature_of(model))
        graph, (_, outputs) = model.subgraphs[0], flatbuffer.ends_of(model)
        order = [int(index) for index in graph.outputs]
        self._places = {name: order.index(index) for name, index in outputs.items()}
        self._session = MicroSession(path)
        ends = self._session.load(arena or PLENTY)
        self._outputs = [TensorSpec(tuple(one["shape"]), one["dtype"]) for one in ends["outputs"]]

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run the model once, from a fresh start."""
        specs = self.signature.inputs.items()
        given = [np.ascontiguousarray(inputs[name], spec.dtype).tobytes() for name, spec in specs]
        content, made, place = self._session.run(b"".join(given)), [], 0
        for spec in self._outputs:
            made.append(np.frombuffer(content, spec.dtype, prod(spec.shape), place).reshape(spec.shape))
            place += made[-1].nbytes
        return {name: made[index] for name, index in self._places.items()}


def check(model: Any) -> None:
    """Refuse a file on which the interpreter would write past its memory without a word.

    The outputs of a custom operator have no shape in many files. LiteRT gives them one when it runs; LiteRT for
    Microcontrollers reserves what the file says, a single number, and its operator writes more.

    Args:
        model: what `flatbuffer.load` gave.

    Raises:
        Refused: it is such a file.
    """
    graph = model.subgraphs[0]
    for operator in graph.operators:
        name = flatbuffer.name_of(model.operatorCodes[operator.opcodeIndex])
        if name != "TFLite_Detection_PostProcess":
            continue
        first = graph.tensors[int(operator.outputs[0])]
        if first.shape is None or not len(first.shape):
            raise Refused(
                f"the outputs of its operator '{name}' have no shape in the file, and LiteRT for Microcontrollers "
                f"would write past the memory that it reserves for them; convert it with tflbuild, which writes them."
            )


def _started(path: Path) -> subprocess.Popen[bytes]:
    words = [str(guard.__file__), json.dumps(limits(None)), str(micro_session.__file__), str(path.resolve())]
    return subprocess.Popen(
        [sys.executable, "-P", "-B", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _sentence(said: str) -> str:
    """Make one sentence of what the interpreter printed and raised."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    return f"LiteRT for Microcontrollers: {plain('; '.join(lines), LONGEST)}"
