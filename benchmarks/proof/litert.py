"""LiteRT Quantizer as its users call it: its own calibration, on the images that all methods are given.

Outputs stay float, as in every other column, and so do custom operators, which would be broken otherwise; everything
else is its default.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from litert_quantizer import qtyping, quantizer, recipe
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.utils import qsv_utils

from proof.calibration import Images

SIGNATURE, INPUT = "serving_default", "image"


def by_default(path: Path, images: Images) -> bytes:
    """Quantize with ranges by its default: a moving average over the images."""
    worker = _quantizer(path)
    return _quantized(worker, _calibrated(worker, images))


def by_extremes(path: Path, images: Images) -> bytes:
    """Quantize with ranges from the least to the largest value, merged by its own `min_max_update`."""
    worker, merged = _quantizer(path), dict[str, Any]()
    for image in images:
        for name, found in _calibrated(worker, image[None]).items():
            merged[name] = qsv_utils.min_max_update(merged.get(name, {}), found)
    return _quantized(worker, merged)


def _quantizer(path: Path) -> Any:
    worker = quantizer.Quantizer(str(path))
    worker.load_quantization_recipe(recipe.static_wi8_ai8())
    for name in ("CUSTOM_OP", "OUTPUT"):
        worker.update_quantization_recipe(
            regex=".*",
            operation_name=qtyping.TFLOperationName[name],
            algorithm_key=AlgorithmName.NO_QUANTIZE,
        )
    return worker


def _calibrated(worker: Any, images: Images) -> Any:
    with contextlib.redirect_stderr(io.StringIO()):
        return worker.calibrate({SIGNATURE: [{INPUT: image[None]} for image in images]})


def _quantized(worker: Any, ranges: Any) -> bytes:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        made = worker.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(made.quantized_model)
