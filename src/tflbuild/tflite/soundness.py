"""Take a `.tflite` file of others in: read it once, and refuse it in one sentence where something in it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core import digest
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.tflite import check as tflite_check
from tflbuild.tflite.model import Model, Tensor
from tflbuild.tflite.tables import Malformed

MOST_BYTES = 1 << 32

REMEMBERED = 64
"""Files of which it is remembered whether they are well-formed."""

FLOATS: Mapping[int, Any] = {0: np.dtype("<f4"), 1: np.dtype("<f2"), 10: np.dtype("<f8")}
"""NumPy types of float constants, by the type of their tensor."""

WEIGHTED = (3, 4, 9, 67)
"""Operators whose second input is a weight: convolutions, also depthwise and transposed, and dense layers."""

_FAULTS: dict[tuple[str, bool], str] = {}


def check(given: Path | bytes, *, finite: bool = True) -> bytes:
    """Refuse a file that is not well-formed, before its bytes reach LiteRT or are unpacked; gives them.

    Args:
        given: the file, or its bytes.
        finite: whether weights and scales must be finite numbers, too.

    Raises:
        RecipeError: it cannot be read, is no TensorFlow Lite file, or something in it is wrong.
    """
    name = plain(given) if isinstance(given, Path) else "the file"
    try:
        content = read_regular(given, MOST_BYTES) if isinstance(given, Path) else given
    except OSError as error:
        raise RecipeError(
            f"{name} cannot be read as a TensorFlow Lite file: {error.strerror or error}."
        ) from error
    reason = _fault(content, finite)
    if reason:
        raise RecipeError(f"{name} {reason}; it cannot be used.")
    return content


def _fault(content: bytes, finite: bool) -> str:
    """Say what is wrong with a file, "" for nothing; of the last files it is remembered."""
    key = (digest.of_bytes(content), finite)
    if key not in _FAULTS:
        if len(_FAULTS) >= REMEMBERED:
            _FAULTS.clear()
        try:
            tflite_check.check(content)
            _FAULTS[key] = _not_finite(Model(content)) if finite else ""
        except Malformed as error:
            _FAULTS[key] = str(error)
    return _FAULTS[key]


def _not_finite(model: Model) -> str:
    """Name a scale that cannot be one, a constant that holds a NaN, or a weight that is infinite; "" for nothing."""
    for graph in model.graphs:
        tensors = [Tensor(model, table) for table in model.children(graph, "tensors")]
        operators = model.children(graph, "operators")
        read = [one.numbers("inputs") for one in operators if model.kind(one) in WEIGHTED]
        weights = {inputs[1] for inputs in read if len(inputs) > 1}
        for index, tensor in enumerate(tensors):
            if tensor.wrong_number:
                return f"has a {tensor.wrong_number} of the tensor '{tensor.said}' that cannot be one"
            if tensor.constant and tensor.type in FLOATS:
                values = np.frombuffer(model.stored_bytes(tensor.buffer), FLOATS[tensor.type])
                if not np.isfinite(values).all() and (index in weights or np.isnan(values).any()):
                    return f"holds values that are not finite in '{tensor.said}'"
    return ""
