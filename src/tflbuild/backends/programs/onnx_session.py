"""Execute an ONNX file in onnxruntime for as long as standard input is open.

Runs in the environment `onnx`: `onnx_session.py MODEL THREADS`. A message is its size in 8 bytes, little-endian, and
the message: one byte for what it is, and an `.npz`. "R" runs the arrays, by input, and is answered by "O" and the
outputs; "T" and the arrays time them, and is answered by "O" and the array `ms`; "E" and text say what failed. The
first message is the signature, as JSON behind "S".
"""

from __future__ import annotations

import io
import json
import sys
import time
from typing import IO, Any

WARM_UP, RUNS = 5, 50


def main(model: str, threads: int) -> None:
    """Load the model, say its signature, and answer until nobody asks."""
    # what libraries print must not get between the messages
    asked, answers = sys.stdin.buffer, io.FileIO(1, "wb", closefd=False)
    sys.stdout = sys.stderr
    try:
        session = loaded(model, threads)
        send(answers, b"S", json.dumps(signature(session)).encode())
    except Exception as error:  # noqa: BLE001
        send(answers, b"E", str(error).encode())
        return
    while True:
        head = asked.read(8)
        if len(head) < 8:
            return
        message = asked.read(int.from_bytes(head, "little"))
        try:
            send(answers, b"O", answer(session, message))
        except Exception as error:  # noqa: BLE001
            send(answers, b"E", str(error).encode())


def loaded(model: str, threads: int) -> Any:
    """Load a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def signature(session: Any) -> dict[str, Any]:
    """Give inputs and outputs: name, dtype, sides (null for an open one)."""
    ends = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
    return {
        what: [
            {
                "name": one.name,
                "type": one.type,
                "shape": [side if isinstance(side, int) else None for side in one.shape],
            }
            for one in found
        ]
        for what, found in ends.items()
    }


def answer(session: Any, message: bytes) -> bytes:
    """Run or time the arrays of a message; gives an `.npz`."""
    import numpy

    with numpy.load(io.BytesIO(message[1:]), allow_pickle=False) as stored:
        inputs = {name: stored[name] for name in stored.files}
    if message[:1] == b"T":
        made: dict[str, Any] = {"ms": numpy.array(timed(session, inputs))}
    else:
        names = [one.name for one in session.get_outputs()]
        made = dict(zip(names, session.run(names, inputs), strict=True))
    target = io.BytesIO()
    numpy.savez(target, **made)
    return target.getvalue()


def timed(session: Any, inputs: dict[str, Any]) -> list[float]:
    """Time warm runs, in ms."""
    times = []
    for _ in range(WARM_UP + RUNS):
        start = time.perf_counter()
        session.run(None, inputs)
        times.append((time.perf_counter() - start) * 1e3)
    return times[WARM_UP:]


def send(target: IO[bytes], kind: bytes, content: bytes) -> None:
    """Write a message."""
    rest = memoryview((len(content) + 1).to_bytes(8, "little") + kind + content)
    while rest:
        rest = rest[target.write(rest) :]
    target.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
