"""Execute a `.tflite` in the interpreter of the package tflite-micro for as long as standard input is open.

Runs by this Python, in a process apart: `micro_session.py MODEL`. A message is its size in 8 bytes, little-endian, and
the message: one byte for what it is, and its content. "L" and a number of bytes load the file with an arena of that
size, and are answered by "S" and the ends of the model as JSON; "R" and the bytes of every input, one after the other,
run it once from a fresh start, and are answered by "O" and the bytes of every output; "A" is answered by "O" and what
the interpreter printed of its allocations. "E" and text answer what failed: the last word is what was raised, before
it stands what the interpreter printed.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from typing import IO, Any


class Session:
    """A file, and the interpreter that has it loaded.

    Args:
        content: of the file.
        printed: what C++ prints goes there.
    """

    def __init__(self, content: bytes, printed: IO[bytes]) -> None:
        self._content, self._printed = content, printed
        self._interpreter: Any = None
        self._inputs: list[Any] = []
        self._outputs = 0

    def answer(self, kind: bytes, content: bytes) -> tuple[bytes, bytes]:
        """Answer a message; gives the answer's kind and content."""
        self._printed.seek(0)
        self._printed.truncate()
        try:
            if kind == b"L":
                return b"S", json.dumps(self._loaded(int(content))).encode()
            if kind == b"R":
                return b"O", self._run(content)
            self._interpreter.print_allocations()
            return b"O", self._said()
        except Exception as error:  # noqa: BLE001
            return b"E", self._said() + str(error).encode()

    def _loaded(self, arena: int) -> dict[str, Any]:
        from tflite_micro import runtime

        self._interpreter = None
        self._interpreter = runtime.Interpreter.from_bytes(self._content, arena_size=arena)
        self._inputs = _ends(self._interpreter.get_input_details)
        outputs = _ends(self._interpreter.get_output_details)
        self._outputs = len(outputs)
        return {"inputs": list(map(_described, self._inputs)), "outputs": list(map(_described, outputs))}

    def _run(self, content: bytes) -> bytes:
        import numpy

        place = 0
        self._interpreter.reset()
        for index, end in enumerate(self._inputs):
            dtype, shape = numpy.dtype(end["dtype"]), tuple(map(int, end["shape"]))
            count = int(numpy.prod(shape, dtype=numpy.int64))
            value = numpy.frombuffer(content, dtype, count, place).reshape(shape)
            self._interpreter.set_input(value, index)
            place += value.nbytes
        self._interpreter.invoke()
        return b"".join(self._interpreter.get_output(index).tobytes() for index in range(self._outputs))

    def _said(self) -> bytes:
        self._printed.seek(0)
        return self._printed.read()


def _ends(details: Any) -> list[Any]:
    """Ask for inputs or outputs until there are no more."""
    found: list[Any] = []
    while True:
        try:
            found.append(details(len(found)))
        except IndexError:
            return found


def _described(end: Any) -> dict[str, Any]:
    import numpy

    return {"shape": [int(side) for side in end["shape"]], "dtype": numpy.dtype(end["dtype"]).name}


def send(target: IO[bytes], kind: bytes, content: bytes) -> None:
    """Write a message."""
    rest = memoryview((len(content) + 1).to_bytes(8, "little") + kind + content)
    while rest:
        rest = rest[target.write(rest) :]
    target.flush()


def main(model: str) -> None:
    """Answer until nobody asks; what C++ prints must not get between the messages."""
    asked = sys.stdin.buffer
    answers = io.FileIO(os.dup(1), "wb")
    with open(model, "rb") as file, tempfile.TemporaryFile() as printed:
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
        session = Session(file.read(), printed)
        while True:
            head = asked.read(8)
            if len(head) < 8:
                return
            message = asked.read(int.from_bytes(head, "little"))
            send(answers, *session.answer(message[:1], message[1:]))


if __name__ == "__main__":
    main(sys.argv[1])
