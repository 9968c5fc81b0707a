"""onnxruntime, in an environment of its own: an ONNX file is executed on named arrays."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends import frames, processes
from tflbuild.backends.onnx_conversion import ENVIRONMENT
from tflbuild.backends.programs import onnx_session
from tflbuild.core import environment
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import PassError
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.environments.running import program

DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
"""Dtypes by onnxruntime's names."""


class OnnxSession:
    """A process that has an ONNX file loaded; gone when it is closed, or nobody holds it any more.

    Args:
        path: the file.
        threads: of one run; 1 gives the same outputs each time.

    Attributes:
        inputs: sides (None for an open one) and dtype by name.
        outputs: the names of the outputs.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._path = path
        made = environment.require(ENVIRONMENT, "an ONNX file")
        self._version = made.packages.get("onnxruntime", "")
        self._folder = tempfile.TemporaryDirectory(prefix="tflbuild-onnx-")
        words = [str(path.resolve()), str(threads)]
        self._process = program.started(made, onnx_session, words, Path(self._folder.name))
        self._finalizer = weakref.finalize(self, _end, self._process, self._folder)
        self._answers = frames.Reader(self._process.stdout)
        said: dict[str, list[dict[str, Any]]] = json.loads(self._receive(b"S"))
        self.inputs = {
            one["name"]: (one["shape"], DTYPES.get(one["type"], "float32")) for one in said["inputs"]
        }
        self.outputs = [one["name"] for one in said["outputs"]]

    def __enter__(self) -> OnnxSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._finalizer()

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run the model once; arrays are given the dtypes that its inputs have.

        Raises:
            PassError: onnxruntime refuses them, or died.
        """
        return self._asked(b"R", inputs)

    def times(self, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """Time warm runs in the process itself: (runs,) ms."""
        return self._asked(b"T", inputs)["ms"]

    def _asked(self, kind: bytes, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        target = io.BytesIO()
        stored: dict[str, Any] = {
            name: value.astype(self.inputs[name][1]) if name in self.inputs else value
            for name, value in inputs.items()
        }
        np.savez(target, **stored)
        with contextlib.suppress(BrokenPipeError):
            frames.write(self._process.stdin, kind + target.getvalue())
        with np.load(io.BytesIO(self._receive(b"O")), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}

    def _receive(self, wanted: bytes) -> bytes:
        try:
            message = self._answers.message()
        except frames.Ended:
            message = b""
        if message[:1] == wanted:
            return message[1:]
        reason = plain(message[1:].decode("utf-8", "replace").partition("\n")[0], 400) or "it died"
        raise PassError(f"onnxruntime {self._version} cannot execute '{plain(self._path)}': {reason}")


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    processes.end(process, 5)
    folder.cleanup()


class Loaded:
    """An ONNX file that was written of a `.tflite`, ready to be run: see `tflbuild.core.runtime.Execution`.

    Args:
        model: the file; its signature, with scales of quantized inputs and outputs, is that of the `.tflite`.
        threads: of one run.
    """

    kernels = "onnxruntime"

    def __init__(self, model: Artifact, threads: int = 1) -> None:
        self.signature = Signature.from_json(model.meta["signature"])
        self._threads = threads
        self._session = OnnxSession(model.path, threads)

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run the model once."""
        return self._session.run(inputs)

    def latency(self) -> dict[str, Any]:
        """Time warm runs on seeded noise of each input's range."""
        rng = np.random.default_rng(0)
        times = self._session.times({name: _noise(spec, rng) for name, spec in self.signature.inputs.items()})
        return {
            "median": round(float(np.median(times)), 4),
            "p90": round(float(np.percentile(times, 90)), 4),
            "threads": self._threads,
            "runs": len(times),
            "kernels": self.kernels,
            "cpu": cpu_name(),
        }


def _noise(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return rng.uniform(-1, 1, spec.shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(dtype)
