"""Count what a `.tflite` file holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.tflite import constants
from tflbuild.tflite.flatbuffer import DTYPES, STORED_WEIGHTS, load, operators_of


def census(path: Path) -> dict[str, Any]:
    """Count what is in a file: operators, dtypes of tensors, bytes of weights, zeros among them."""
    return census_of(load(path))


def census_of(model: Any) -> dict[str, Any]:
    """Count what is in an unpacked model, see `census`."""
    graph = model.subgraphs[0]
    weights = list(_weights(model))
    count = sum(values.size for values, _, _ in weights)
    zero_count = sum(int(np.sum(values == zero)) for values, zero, _ in weights)
    return {
        "operators": dict(sorted(Counter(op.name for op in operators_of(model)).items())),
        "tensors": dict(sorted(Counter(DTYPES[t.type] for t in graph.tensors).items())),
        "weight_bytes": int(sum(stored for _, _, stored in weights)),
        "weights": int(count),
        "sparsity": round(zero_count / count, 6) if count else 0.0,
    }


def _weights(model: Any) -> Iterator[tuple[Any, int, int]]:
    """Give constant kernels: values, the value that means zero, bytes in the file."""
    for tensor in model.subgraphs[0].tensors:
        values = constants.values_of(model, tensor) if DTYPES[tensor.type] in STORED_WEIGHTS else None
        if values is None or values.ndim < 2:
            continue
        quantization = tensor.quantization
        zero = 0
        if quantization is not None and quantization.zeroPoint is not None and len(quantization.zeroPoint):
            zero = int(quantization.zeroPoint[0])
        yield values, zero, len(model.buffers[tensor.buffer].data)
