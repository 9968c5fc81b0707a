"""TensorFlow Model Optimization: magnitude pruning while a model trains, and what it left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry, pruning_schedule
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

from tflbuild.backends.training import Hooks
from tflbuild.core.errors import PassError

TWO_OF_FOUR = (2, 4)

SPARSE = 0.05
"""Share of zeros above which a kernel counts as pruned."""


class Pruning:
    """Masks on the kernels of a model that trains meanwhile.

    tfmot chooses what is masked; its wrappers stand beside the model, not in it, so that a step costs one
    multiplication a kernel and there is nothing to strip. A mask is read off the zeros of its kernel in every
    step, so a training that goes on from a checkpoint needs no masks of its own.

    Args:
        model: a flat `tf_keras.Model`; trained in place.
        exclude: patterns of layer names that are left dense.
        schedule: what `schedule` gave.
        two_of_four: whether two of each four weights along the input channels are masked.

    Raises:
        PassError: no layer is left to prune.
    """

    def __init__(self, model: Any, exclude: Sequence[str], schedule: Any, two_of_four: bool) -> None:
        self._schedule = schedule
        self._once = two_of_four
        self._wrappers = []
        for layer in prunable_layers(model, exclude):
            wrapper = PruneLowMagnitude(
                layer, pruning_schedule=schedule, sparsity_m_by_n=TWO_OF_FOUR if two_of_four else None
            )
            wrapper.build(None)  # its layer is built already
            self._wrappers.append(wrapper)
        if not self._wrappers:
            raise PassError("the model has no kernel to prune, or 'exclude' names every layer.")

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""
        return Hooks(before=self._before, after=self._mask)

    def _before(self, step: Any) -> None:
        """Read the masks off the kernels, and choose new ones in the steps that the schedule names."""
        for kernel, mask in self._masked():
            mask.assign(tf.cast(kernel != 0, mask.dtype))
        turn = tf.equal(step, 0) if self._once else self._schedule(step)[0]
        tf.cond(turn, lambda: self._update(step), lambda: tf.constant(0))

    def _update(self, step: Any) -> Any:
        for wrapper in self._wrappers:
            # tfmot updates masks of the 2:4 pattern in its step 1 only
            wrapper.pruning_step.assign(tf.ones_like(step) if self._once else step)
            wrapper.pruning_obj.conditional_mask_update()
        self._mask()
        return tf.constant(0)

    def _mask(self) -> None:
        for kernel, mask in self._masked():
            kernel.assign(kernel * mask)

    def _masked(self) -> Iterator[tuple[Any, Any]]:
        for wrapper in self._wrappers:
            for kernel, mask, _ in wrapper.pruning_vars:
                yield kernel, mask


def schedule(kind: str, sparsity: float, steps: int, ramp: float, frequency: int) -> Any:
    """Give tfmot's schedule of the share of weights that are zero in each step.

    Args:
        kind: "polynomial" rises to `sparsity` within `ramp`; anything else starts with it.
        sparsity: share of zeros in the end.
        steps: of the training.
        ramp: share of the steps in which the sparsity rises.
        frequency: steps from one choice of masks to the next.
    """
    last = min(steps - 1, round(ramp * steps))
    every = max(1, min(frequency, last))
    last = last // every * every  # tfmot reaches the full sparsity only in a step that chooses masks
    if kind == "polynomial" and last > 0:
        return pruning_schedule.PolynomialDecay(0.0, sparsity, 0, last, frequency=every)
    return pruning_schedule.ConstantSparsity(sparsity, 0, max(last, 0), every)


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
    if wrapped and names:  # the layer's own attribute is the quantized tensor, no longer the variable
        return [kernel for kernel, _, _ in layer._weight_vars]
    return [getattr(inner, name) for name in names]


def break_ties(model: Any, exclude: Sequence[str], sparsity: float) -> None:
    """Set the weights to zero that tfmot kept because they are exactly as large as its threshold.

    Args:
        model: a pruned model, changed in place.
        exclude: patterns of layer names that are left dense.
        sparsity: share of zeros of each kernel; a kernel that lacks more than a hundredth of them is left as it is,
            because no tie explains that.
    """
    for layer in prunable_layers(model, exclude):
        for kernel in kernels_of(layer):
            values = kernel.numpy()
            flat = values.ravel()
            missing = int(sparsity * flat.size) - int(np.count_nonzero(flat == 0))
            if 0 < missing <= max(1, flat.size // 100):
                sizes = np.where(flat == 0, np.inf, np.abs(flat))
                flat[np.argsort(sizes, kind="stable")[:missing]] = 0.0
                kernel.assign(values)


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
