"""Survey HDF5 files of others in another process: whatever is in them, this process goes on."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.cache import Cache

SIGNATURE = b"\x89HDF\r\n\x1a\n"

SECONDS = 60.0
"""Time limit for one file, besides a second for every `BYTES_PER_SECOND` of it."""

BYTES_PER_SECOND = 10_000_000

_PROGRAM = Path(__file__).with_name("hdf5_survey.py")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Texts, size and faulty data sets of an HDF5 file.

    Attributes:
        texts: attributes of the whole file by name: `model_config`, `keras_version`, `tflbuild.facts`.
        elements: how many numbers all its data sets hold.
        not_finite: paths of data sets that hold a NaN or an infinity.
    """

    texts: Mapping[str, str]
    elements: int
    not_finite: tuple[str, ...]


def survey(content: bytes) -> Survey:
    """Look through a file; what was found is kept in the user's cache folder under the content's digest.

    Raises:
        ValueError: it is damaged, or holds what no model needs; the message completes "it ".
    """
    cache, name = Cache("hdf5"), f"{digest.of_file(_PROGRAM)} {digest.of_bytes(content)}"
    kept = cache.read(name)
    answer = kept if kept is not None else _SURVEYOR.ask(content)
    found = json.loads(answer)
    if kept is None:
        cache.write(name, answer)
    if "refused" in found:
        raise ValueError(found["refused"])
    return Survey(texts=found["texts"], elements=found["elements"], not_finite=tuple(found["not_finite"]))


class _Surveyor:
    """A process that looks through one file after the other; a new one takes the place of one that died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, content: bytes) -> bytes:
        """Give the process's line of JSON for a file; where it died or took too long, one that says so."""
        with self._lock:
            process = self._running()
            alarm = threading.Timer(SECONDS + len(content) / BYTES_PER_SECOND, process.kill)
            alarm.start()
            try:
                line = _exchange(process, content)
            finally:
                alarm.cancel()
            if line.endswith(b"\n"):
                return line
            self.stop()
            late = alarm.finished.is_set() and process.returncode == -9
        reason = "takes too long to read" if late else "is damaged so that libhdf5 crashes"
        return json.dumps({"refused": reason}).encode()

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not yet sent to a dead process
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = _started()
        return self._process


_SURVEYOR = _Surveyor()
atexit.register(_SURVEYOR.stop)


def _started() -> subprocess.Popen[bytes]:
    """Start the program with nothing from the current folder, no plugins of HDF5 and one thread."""
    path = [entry for entry in sys.path if entry and os.path.isabs(entry)]
    script = "import runpy, sys; sys.path[:] = sys.argv[2:]; runpy.run_path(sys.argv[1], run_name='__main__')"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HDF5_", "PYTHON"))}
    return subprocess.Popen(
        [sys.executable, "-I", "-c", script, str(_PROGRAM), *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**kept, "HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"},
    )


def _exchange(process: subprocess.Popen[bytes], content: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(len(content).to_bytes(8, "big"))
        process.stdin.write(content)
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:  # it died while it was written to
        return b""
