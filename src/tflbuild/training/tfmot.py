"""TensorFlow Model Optimization: the kernels of a model that it can prune, and the zeros in them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry

SPARSE = 0.05
"""Share of zeros above which a kernel counts as pruned."""


def prunable_layers(model: Any, exclude: Sequence[str] = ()) -> list[Any]:
    """List a model's layers that have kernels tfmot can prune, but for those whose name fits a pattern."""
    found = []
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            found += prunable_layers(layer, exclude)
        elif kernels_of(layer) and not any(fnmatchcase(layer.name, pattern) for pattern in exclude):
            found.append(layer)
    return found


def kernels_of(layer: Any) -> list[Any]:
    """List a layer's variables that tfmot prunes, fake-quantized or not; depthwise kernels and biases are none."""
    wrapped = isinstance(layer, QuantizeWrapper)
    inner = layer.layer if wrapped else layer
    registry = prune_registry.PruneRegistry
    names = registry._LAYERS_WEIGHTS_MAP.get(type(inner), []) if registry.supports(inner) else []
    if wrapped and names and layer._weight_vars:  # the layer's own attribute is the quantized tensor then
        return [kernel for kernel, _, _ in layer._weight_vars]
    return [getattr(inner, name) for name in names]


def census(model: Any, exclude: Sequence[str] = ()) -> dict[str, float]:
    """Give the share of zeros in every prunable kernel, by name."""
    return {
        name_of(layer, kernel): float(np.mean(kernel.numpy() == 0))
        for layer in prunable_layers(model, exclude)
        for kernel in kernels_of(layer)
    }


def overall_sparsity(model: Any, exclude: Sequence[str] = ()) -> float:
    """Give the share of zeros in all prunable kernels together."""
    kernels = [k.numpy() for layer in prunable_layers(model, exclude) for k in kernels_of(layer)]
    zeros = sum(int(np.sum(kernel == 0)) for kernel in kernels)
    return zeros / max(1, sum(int(kernel.size) for kernel in kernels))


def is_sparse(model: Any) -> bool:
    """Say whether some kernel holds zeros worth keeping."""
    return any(fraction > SPARSE for fraction in census(model).values())


def is_two_of_four(kernel: npt.NDArray[np.float32]) -> bool:
    """Say whether each four weights along the input channels, as TFLite stores them, hold two zeros.

    Args:
        kernel: (..., input channels, output channels).
    """
    rows = np.moveaxis(kernel, -2, -1).reshape(-1, kernel.shape[-2])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    return bool(np.all(np.count_nonzero(padded.reshape(-1, 4), axis=1) <= 2))


def name_of(layer: Any, kernel: Any) -> str:
    """Name a kernel by its layer, fake-quantized or not: "conv_0/kernel"."""
    inner = layer.layer if isinstance(layer, QuantizeWrapper) else layer
    return f"{inner.name}/{kernel.name.split('/')[-1].split(':')[0]}"
