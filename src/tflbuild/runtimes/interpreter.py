"""LiteRT's interpreter: run a `.tflite`, and say what executed it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.chips import CHIPS

Kernels = Literal["default", "builtin", "reference"]
"""`default` lets XNNPACK take what it can; `builtin` is without it; `reference` is slow and plain."""

WARM_UP_RUNS = 5

SUPPRESSION = "TFLite_Detection_PostProcess"

_RESOLVERS = {
    "default": OpResolverType.AUTO,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}


def interpreter(path: Path, threads: int = 1, kernels: Kernels = "default", *, exact: bool = False) -> Any:
    """Load a file and allocate its tensors.

    Args:
        path: the file.
        threads: of the interpreter.
        kernels: which kernels may execute it.
        exact: take one thread where outputs would depend on their number.

    Raises:
        RecipeError: it is no TensorFlow Lite file, something in it is wrong, it is compiled for another chip, or LiteRT
            cannot run it.
    """
    if SUPPRESSION in _checked_operators(path) and exact:
        threads = 1
    try:
        loaded = Interpreter(
            model_path=str(path), num_threads=threads, experimental_op_resolver_type=_RESOLVERS[kernels]
        )
        loaded.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise RecipeError(f"{path}: LiteRT cannot load it: {_first_line(error)}") from error
    return loaded


def _checked_operators(path: Path) -> list[str]:
    """Name a file's operators; refuse one that is not well-formed, or whose operators only a chip has."""
    names = flatbuffer.codes_in(flatbuffer.check(path))
    for name in names:
        if name in CHIPS:
            raise RecipeError(
                f"{plain(path)} is compiled for {CHIPS[name]} (operator '{name}') and cannot be executed here."
            )
    return names


class Loaded:
    """A `.tflite` that is loaded, run by its signature, or by the names of its tensors where it has none.

    Args:
        path: the file.
        threads: of the interpreter; results do not depend on it. A file that ends in suppression gets one: with
            several, LiteRT 2 leaves whole classes out where it suppresses class by class.
        kernels: which kernels may execute it.

    Attributes:
        signature: its inputs and outputs.
        kernels: which kernels execute it: "xnnpack" where it took at least one operator.
    """

    def __init__(self, path: Path, threads: int = 1, kernels: Kernels = "default") -> None:
        self._interpreter = interpreter(path, threads, kernels, exact=True)
        self.signature = Signature.from_json(flatbuffer.signature(path))
        signatures = self._interpreter.get_signature_list()
        self._run = (
            self._interpreter.get_signature_runner(next(iter(signatures))) if signatures else self._by_tensors
        )
        delegated = any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())
        self.kernels = "xnnpack" if delegated else "reference" if kernels == "reference" else "builtin"

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run the model once, from a fresh start: what it kept between calls, such as an LSTM's state, is zeros again.

        Args:
            inputs: by name, of the tensor's shape and dtype.

        Returns:
            Outputs by name, as the tensors hold them.
        """
        self._interpreter.reset_all_variables()
        made: dict[str, npt.NDArray[Any]] = self._run(**inputs)
        return made

    def _by_tensors(self, **inputs: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        for name, details in zip(self.signature.inputs, self._interpreter.get_input_details(), strict=True):
            self._interpreter.set_tensor(details["index"], inputs[name])
        self._interpreter.invoke()
        exits = self._interpreter.get_output_details()
        return {
            name: self._interpreter.get_tensor(details["index"])
            for name, details in zip(self.signature.outputs, exits, strict=True)
        }


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


def output_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Give the shapes of a file's outputs by name, as LiteRT allocates them: a file may not say them."""
    _, outputs = flatbuffer.ends_of(flatbuffer.load(path))
    exits = interpreter(path, kernels="builtin").get_output_details()
    shapes = {int(details["index"]): tuple(map(int, details["shape"])) for details in exits}
    return {name: shapes[index] for name, index in outputs.items() if index in shapes}


def operators(path: Path) -> list[str]:
    """Name every operator of the file, in order of execution."""
    return [op["op_name"] for op in interpreter(path, kernels="builtin")._get_ops_details()]


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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
