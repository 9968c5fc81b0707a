"""Check that LiteRT executes a file that was just quantized, with outputs roughly like the float model's.

Today's kernels refuse some combinations of dtypes when a file is loaded or run, and a few they take and compute
wrongly: a depthwise convolution with 4-bit weights between int16 activations, or one with a single scale between float
ones, gives whatever lay behind it in memory.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization.observation import Executable, SampleValues, runnable
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.packed import Packed

NODE = re.compile(r"Node number (\d+) \((\w+)\)")
"""Pattern of LiteRT's message that names the operator it cannot execute."""

FAR = 100.0
"""Largest value of a quantized output, with that of the float output, or 1, as the unit; no rounding goes so far."""


def failure(source: Packed, made: Packed, path: Path, image: SampleValues) -> str:
    """Say why LiteRT does not execute a quantized file; "" where it does.

    Args:
        source: the float file.
        made: the quantized one.
        path: where the latter is written, for LiteRT to load it from.
        image: the model values of every input by name, that both are run on.
    """
    path.write_bytes(made.content)
    try:
        litert.check_runs(path)
    except BrokenPromise as error:
        return _named(path, str(error))
    wanted, found = (Executable(runnable(each)).run(image) for each in (source, made))
    for position, (expected, value) in enumerate(zip(wanted, found, strict=True)):
        largest = max(float(np.abs(expected).max()), 1.0)
        if not np.all(np.isfinite(value)) or float(np.abs(value).max()) > FAR * largest:
            return (
                f"LiteRT runs it, but computes it wrongly: output {position} reaches {np.abs(value).max():.3g}, and "
                f"{largest:.3g} in the float model"
            )
    return ""


def _named(path: Path, reason: str) -> str:
    """Name the operator by the tensor it writes, where LiteRT says which it is."""
    found = NODE.search(reason)
    operators = flatbuffer.operators(path)
    if found is None or int(found[1]) >= len(operators):
        return f"LiteRT cannot execute it: {reason}"
    operator = operators[int(found[1])]
    return f"LiteRT cannot execute {operator.name} '{operator.output}': {reason}"
