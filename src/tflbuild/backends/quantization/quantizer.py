"""LiteRT Quantizer: quantize a float `.tflite`, with ranges that we measured.

Its own calibration merges by a moving average that depends on the order of the images and was the worst sane
setting in most of our measurements; ranges are injected instead.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from litert_quantizer import qtyping, quantizer
from litert_quantizer.algorithm_manager import AlgorithmName

from tflbuild.backends import flatbuffer
from tflbuild.core.errors import PassError

Scheme = Literal["int8", "int16x8", "float16", "dynamic"]
Range = tuple[float, float]

BINS = 4096
"""Bins of a tensor's histogram; a percentile is exact to one part in that many of the tensor's range."""

SMALLEST_RANGE = 1e-4
"""Range of a tensor that was constant zero on every calibration image."""


def observe(
    path: Path, images: Iterable[npt.NDArray[np.float32]], percentile: float = 100.0
) -> dict[str, Range]:
    """Run a float model over calibration images and give each activation's range.

    Args:
        path: the float `.tflite`.
        images: each (height, width, 3) float32, normalised; walked through twice where `percentile` is below 100.
        percentile: share of a tensor's values that its range holds, in %, the rest cut evenly off both ends; 100 is
            the smallest and the largest value.

    Returns:
        (low, high) by tensor name; low <= 0 <= high.
    """
    kept = list(images)
    ranges = _extremes(path, kept)
    if percentile < 100.0:
        ranges = _percentiles(path, kept, ranges, percentile)
    return {name: _holding_zero(*found) for name, found in ranges.items()}


def tied(path: Path, ranges: dict[str, Range]) -> dict[str, Range]:
    """Give tensors that an operator only moves or joins one common range.

    Their scales have to agree anyway; where ranges differ, the quantizer puts a QUANTIZE before every input of a
    concatenation, which rounds twice and which XNNPACK may leave behind.

    Args:
        path: the float `.tflite`.
        ranges: (low, high) by tensor name.
    """
    groups = {name: {name} for name in ranges}
    for members in flatbuffer.moved(path):
        joined = set().union(*(groups.get(name, set()) for name in members))
        for name in joined:
            groups[name] = joined
    return {
        name: (min(ranges[m][0] for m in group), max(ranges[m][1] for m in group))
        for name, group in groups.items()
    }


def quantize(
    path: Path,
    scheme: Scheme,
    ranges: dict[str, Range] | None = None,
    *,
    float_input: bool,
    float_output: bool,
) -> bytes:
    """Quantize a float `.tflite`.

    Args:
        path: the float file.
        scheme: int8 and int16x8 (int8 weights, int16 activations) need ranges.
        ranges: (low, high) of every activation by tensor name.
        float_input: leave the input float.
        float_output: leave the outputs float.

    Raises:
        PassError: the quantizer refused the model.
    """
    worker = quantizer.Quantizer(str(path))
    names = qtyping.TFLOperationName
    match scheme:
        case "int8":
            worker.add_static_config(".*", names.ALL_SUPPORTED, 8, 8)
        case "int16x8":
            worker.add_static_config(".*", names.ALL_SUPPORTED, 16, 8)
        case "dynamic":
            worker.add_dynamic_config(".*", names.ALL_SUPPORTED, 8)
        case "float16":
            worker.add_weight_only_config(
                ".*", names.ALL_SUPPORTED, 16, algorithm_key=AlgorithmName.FLOAT_CASTING
            )
    untouched = ["CUSTOM_OP", *(["INPUT"] if float_input else []), *(["OUTPUT"] if float_output else [])]
    for name in untouched:
        worker.update_quantization_recipe(
            regex=".*", operation_name=names[name], algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    result = None
    if ranges is not None:
        result = {
            name: {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
            for name, (low, high) in ranges.items()
        }
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            made = worker.quantize(result, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError) as error:
        text = re.sub(r"\s+", " ", str(error))
        raise PassError(f"LiteRT Quantizer refused the model: {text[:400]}") from error
    return bytes(made.quantized_model)


def _holding_zero(low: float, high: float) -> Range:
    """Widen a range so that zero is in it, and so that a tensor that is constant zero has one at all."""
    return min(low, 0.0), max(high, 0.0, min(low, 0.0) + SMALLEST_RANGE)


def input_name(path: Path) -> str:
    """Name the tensor of a model's one input."""
    model = flatbuffer.load(path)
    graph = model.subgraphs[0]
    name: str = graph.tensors[graph.inputs[0]].name.decode()
    return name


class _Watched:
    """A float model whose every tensor can be read after a run."""

    def __init__(self, path: Path) -> None:
        self._loaded = Interpreter(
            model_path=str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._loaded.allocate_tensors()
        (details,) = self._loaded.get_input_details()
        self._input = details["index"]
        self.activations = self._activations()

    def _activations(self) -> dict[str, int]:
        """Name what built-in operators write; a custom one leaves part of its outputs uninitialised."""
        written = {self._input}
        for operator in self._loaded._get_ops_details():
            if operator["op_name"].isupper():
                written |= {int(index) for index in operator["outputs"]}
        return {
            details["name"]: details["index"]
            for details in self._loaded.get_tensor_details()
            if details["index"] in written and details["dtype"] == np.float32
        }

    def run(self, image: npt.NDArray[np.float32]) -> dict[str, Any]:
        """Give every activation by tensor name.

        Raises:
            PassError: one is not finite, so that it has no range; names the tensor.
        """
        self._loaded.set_tensor(self._input, image[None])
        self._loaded.invoke()
        found = {name: self._loaded.get_tensor(index) for name, index in self.activations.items()}
        for name, values in found.items():
            if not np.all(np.isfinite(values)):
                raise PassError(f"tensor '{name}' is not finite on a calibration image, so it has no range.")
        return found


def _extremes(path: Path, images: list[npt.NDArray[np.float32]]) -> dict[str, Range]:
    watched = _Watched(path)
    ranges: dict[str, Range] = {}
    for image in images:
        for name, values in watched.run(image).items():
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))
    return ranges


def _percentiles(
    path: Path, images: list[npt.NDArray[np.float32]], extremes: dict[str, Range], percentile: float
) -> dict[str, Range]:
    watched = _Watched(path)
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for image in images:
        for name, values in watched.run(image).items():
            counts[name] += _histogram(values, extremes[name])
    tail = (100.0 - percentile) / 200.0
    return {name: _cut(counts[name], extremes[name], tail) for name in extremes}


def _histogram(values: npt.NDArray[np.float32], extremes: Range) -> npt.NDArray[np.int64]:
    low, high = extremes
    width = max((high - low) / BINS, np.finfo(np.float64).tiny)
    bins = ((values.ravel().astype(np.float64) - low) / width).astype(np.int64)
    return np.bincount(bins.clip(0, BINS - 1), minlength=BINS)


def _cut(counts: npt.NDArray[np.int64], extremes: Range, tail: float) -> Range:
    """Give the range that leaves at most `tail` of the values out at each end."""
    low, high = extremes
    if high <= low:
        return extremes
    edges = np.linspace(low, high, BINS + 1)
    shares = np.cumsum(counts) / counts.sum()
    first = int(np.searchsorted(shares, tail, side="right"))
    last = int(np.searchsorted(shares, 1.0 - tail, side="left"))
    return float(edges[first]), float(edges[min(last, BINS - 1) + 1])
