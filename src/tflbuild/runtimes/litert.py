"""LiteRT's interpreter: run a `.tflite` on one image, and say what executed it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain
from tflbuild.tflite import flatbuffer

Kernels = Literal["default", "builtin", "reference"]
"""`default` lets XNNPACK take what it can; `builtin` is without it; `reference` is slow and plain."""

COUNT = "num_detections"
"""Output of a detector that says how many of the other outputs' entries are meant."""

WARM_UP_RUNS = 5

CHIPS = {"edgetpu-custom-op": "an Edge TPU", "ethos-u": "an Ethos-U NPU"}
"""Custom operators that hold what a compiler made for a chip."""

_RESOLVERS = {
    "default": OpResolverType.AUTO,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}
_HALF_LEVEL = 0.5 + 1e-3  # a zero point is rounded, so raw bytes may be that far off


class InputSpec(NamedTuple):
    """The one input of an image model; scale and zero point are 0 where it is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: type[Any]
    scale: float
    zero_point: int


def interpreter(path: Path, threads: int = 1, kernels: Kernels = "default") -> Any:
    """Load a file and allocate its tensors.

    Raises:
        RecipeError: it is no TensorFlow Lite file, something in it is wrong, it is compiled for another chip, or LiteRT
            cannot run it.
    """
    _check_executable(path)
    try:
        loaded = Interpreter(
            model_path=str(path), num_threads=threads, experimental_op_resolver_type=_RESOLVERS[kernels]
        )
        loaded.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise RecipeError(f"{path}: LiteRT cannot load it: {_first_line(error)}") from error
    return loaded


def _check_executable(path: Path) -> None:
    """Refuse a file that is not well-formed, or whose operators only a chip has."""
    model = flatbuffer.unpack(flatbuffer.check(path))
    for code in model.operatorCodes:
        name = flatbuffer.name_of(code)
        if name in CHIPS:
            raise RecipeError(
                f"{plain(path)} is compiled for {CHIPS[name]} (operator '{name}') and cannot be executed here."
            )


class Runner:
    """Run an image model by its signature, one image at a time.

    An integer input whose scale and zero point are those of the preprocessing takes the raw bytes; any other
    quantized input takes the normalised value, quantized; a float input takes it as it is.

    Args:
        path: the `.tflite` file.
        scale: model value of one step of a pixel.
        offset: model value of a black pixel.
        threads: of the interpreter; results do not depend on it.
        kernels: which kernels may execute it.

    Attributes:
        kernels: which kernels did: "xnnpack" where it took at least one operator.
        raw_bytes: whether pixels go in unchanged (int8: minus 128).
    """

    def __init__(
        self, path: Path, *, scale: float, offset: float, threads: int = 1, kernels: Kernels = "default"
    ) -> None:
        self._interpreter = interpreter(path, threads, kernels)
        self._signature, self.input = _signature(self._interpreter, path)
        self._outputs = self._signature.get_output_details()
        self._scale, self._offset = scale, offset
        delegated = any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())
        self.kernels = "xnnpack" if delegated else "reference" if kernels == "reference" else "builtin"
        self.raw_bytes = _takes_raw_bytes(self.input, scale, offset)

    @property
    def height(self) -> int:
        """Rows of the input."""
        return self.input.shape[1]

    @property
    def width(self) -> int:
        """Columns of the input."""
        return self.input.shape[2]

    def run(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """Run the model on one image.

        Args:
            pixels: (height, width, 3) uint8, resized and in the model's channel order.

        Returns:
            Outputs by name as float32, without the batch axis; a detector's are cut at `num_detections`, because
            what follows is uninitialised memory.
        """
        raw = self._signature(**{self.input.name: self._as_input(pixels)[None]})
        outputs = {name: _dequantized(value, self._outputs[name]) for name, value in raw.items()}
        count = outputs.pop(COUNT, None)
        outputs = {name: value[0] for name, value in outputs.items()}
        if count is None:
            return outputs
        found = int(count.ravel()[0])
        return {name: value[:found] for name, value in outputs.items()}

    def _as_input(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        if self.raw_bytes:
            return pixels if self.input.dtype is np.uint8 else (pixels.astype(np.int16) - 128).astype(np.int8)
        values = pixels.astype(np.float32) * np.float32(self._scale) + np.float32(self._offset)
        return quantized(values, self.input) if self.input.scale else values.astype(self.input.dtype)


def quantized(values: npt.NDArray[np.float32], spec: InputSpec) -> npt.NDArray[Any]:
    """Quantize model values for an integer tensor, rounding half to even and saturating."""
    limits = np.iinfo(spec.dtype)
    levels = np.rint(values / np.float32(spec.scale)) + spec.zero_point
    saturated: npt.NDArray[Any] = levels.clip(limits.min, limits.max).astype(spec.dtype)
    return saturated


def _takes_raw_bytes(spec: InputSpec, scale: float, offset: float) -> bool:
    """Say whether byte p means p * scale + offset to this input, within the rounding of its zero point."""
    if spec.dtype not in (np.uint8, np.int8) or not spec.scale:
        return False
    lowest = np.iinfo(spec.dtype).min
    black = (offset - spec.scale * (lowest - spec.zero_point)) / spec.scale
    white = black + 255 * (scale - spec.scale) / spec.scale
    return abs(black) <= _HALF_LEVEL and abs(white) <= _HALF_LEVEL


def _signature(loaded: Any, path: Path) -> tuple[Any, InputSpec]:
    signatures = loaded.get_signature_list()
    if not signatures:
        raise RecipeError(f"{path} has no signature; convert it with named inputs and outputs.")
    key = next(iter(signatures))
    if len(signatures[key]["inputs"]) != 1:
        names = ", ".join(signatures[key]["inputs"])
        raise RecipeError(f"{path} takes {names}; expected exactly one image input.")
    runner = loaded.get_signature_runner(key)
    name, details = next(iter(runner.get_input_details().items()))
    shape = tuple(int(side) for side in details["shape"])
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise RecipeError(f"{path}: its input '{name}' has shape {shape}; expected (1, height, width, 3).")
    scale, zero_point = details["quantization"]
    return runner, InputSpec(name, shape, details["dtype"], float(scale), int(zero_point))


def _dequantized(value: npt.NDArray[Any], details: dict[str, Any]) -> npt.NDArray[np.float32]:
    scale, zero_point = details["quantization"]
    if not scale:
        return value.astype(np.float32)
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def check_runs(path: Path) -> None:
    """Allocate a file's tensors and invoke it on zeros and on seeded noise, through its own inputs.

    Raises:
        BrokenPromise: LiteRT cannot; today's converters write such files without a word.
    """
    try:
        loaded = interpreter(path)
        rng = np.random.default_rng(0)
        for noisy in (False, True):
            for details in loaded.get_input_details():
                loaded.set_tensor(details["index"], _filler(details, rng if noisy else None))
            loaded.invoke()
    except (RecipeError, ValueError, RuntimeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise BrokenPromise(f"the file it wrote does not run in LiteRT: {reason}") from error


def _filler(details: dict[str, Any], rng: np.random.Generator | None) -> npt.NDArray[Any]:
    """Make an input: zeros, or noise of the whole range of a small integer and of [-1, 1] otherwise."""
    shape, dtype = details["shape"], np.dtype(details["dtype"])
    values: npt.NDArray[Any] = np.zeros(shape)
    if rng is not None and dtype.kind == "f":
        values = rng.uniform(-1, 1, shape)
    elif rng is not None and dtype.kind in "iu":
        limits = np.iinfo(dtype if dtype.itemsize <= 2 else np.int8)
        values = rng.integers(limits.min, limits.max, shape, endpoint=True)
    return values.astype(dtype)


def operators(path: Path) -> list[str]:
    """Name every operator of the file, in order of execution."""
    return [op["op_name"] for op in interpreter(path, kernels="builtin")._get_ops_details()]


def delegation(path: Path) -> dict[str, Any]:
    """Say which operators XNNPACK takes.

    Returns:
        `name`, `delegated` and `total` operators, and `left`: names of the operators that it leaves.
    """
    plan = interpreter(path)._get_ops_details()
    own = [op for op in plan if op["op_name"] != "DELEGATE"]
    taken: set[int] = set()
    for partition in (op for op in plan if op["op_name"] == "DELEGATE"):
        taken |= _behind(partition, own)
    return {
        "name": "xnnpack",
        "delegated": len(taken),
        "total": len(own),
        "left": [op["op_name"] for op in own if op["index"] not in taken],
    }


def _behind(partition: dict[str, Any], own: list[dict[str, Any]]) -> set[int]:
    """Walk back from a delegate's outputs to its inputs; gives the operators in between."""
    producer = {int(tensor): op for op in own for tensor in op["outputs"]}
    seen = {int(tensor) for tensor in partition["inputs"]}
    waiting = [int(tensor) for tensor in partition["outputs"]]
    found: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor not in producer:
            continue
        seen.add(tensor)
        found.add(producer[tensor]["index"])
        waiting += [int(t) for t in producer[tensor]["inputs"]]
    return found


def latency(path: Path, threads: int = 1, runs: int = 50) -> dict[str, Any]:
    """Time warm invocations.

    Returns:
        `median` and `p90` in ms, `threads`, `runs`, `kernels` and `cpu`.
    """
    loaded = interpreter(path, threads)
    for details in loaded.get_input_details():
        loaded.set_tensor(details["index"], _filler(details, np.random.default_rng(0)))
    times = []
    for _ in range(WARM_UP_RUNS + runs):
        start = time.perf_counter()
        loaded.invoke()
        times.append((time.perf_counter() - start) * 1e3)
    warm = np.asarray(times[WARM_UP_RUNS:])
    delegated = any(op["op_name"] == "DELEGATE" for op in loaded._get_ops_details())
    return {
        "median": round(float(np.median(warm)), 4),
        "p90": round(float(np.percentile(warm, 90)), 4),
        "threads": threads,
        "runs": runs,
        "kernels": "xnnpack" if delegated else "builtin",
        "cpu": cpu_name(),
    }


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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
