"""TensorFlow Model Optimization: magnitude pruning while a model trains, and fake quantization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras  # noqa: F401  (before tfmot, which would take Keras 3)
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry, pruning_schedule
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

from tflbuild.backends.training import Hooks

TWO_OF_FOUR = (2, 4)


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
    """

    def __init__(self, model: Any, exclude: Sequence[str], schedule: Any, two_of_four: bool) -> None:
        self._step = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self._schedule = schedule
        self._once = two_of_four
        self._wrappers = []
        for layer in prunable_layers(model, exclude):
            wrapper = PruneLowMagnitude(
                layer, pruning_schedule=schedule, sparsity_m_by_n=TWO_OF_FOUR if two_of_four else None
            )
            wrapper.build(layer.input_shape)
            self._wrappers.append(wrapper)

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""
        return Hooks(before=self._before, after=self._mask)

    def _before(self, step: Any) -> None:
        """Read the masks off the kernels, and choose new ones in the steps that the schedule names."""
        for _, kernel, mask in self._kernels():
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
        for _, kernel, mask in self._kernels():
            kernel.assign(kernel * mask)

    def _kernels(self) -> Iterator[tuple[str, Any, Any]]:
        for wrapper in self._wrappers:
            for kernel, mask, _ in wrapper.pruning_vars:
                yield kernel.name, kernel, mask


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
    return [
        layer
        for layer in model.layers
        if kernels_of(layer) and not any(fnmatchcase(layer.name, pattern) for pattern in exclude)
    ]


def kernels_of(layer: Any) -> list[Any]:
    """List a layer's variables that tfmot prunes; depthwise kernels and biases are none."""
    layer = getattr(layer, "layer", layer)  # the wrapper of a fake-quantized layer
    registry = prune_registry.PruneRegistry
    names = registry._LAYERS_WEIGHTS_MAP.get(type(layer), []) if registry.supports(layer) else []
    return [getattr(layer, name) for name in names]


def census(model: Any, exclude: Sequence[str] = ()) -> dict[str, float]:
    """Give the share of zeros in every prunable kernel, by name."""
    return {
        f"{layer.name}/{kernel.name.split('/')[-1].split(':')[0]}": float(np.mean(kernel.numpy() == 0))
        for layer in prunable_layers(model, exclude)
        for kernel in kernels_of(layer)
    }


def overall_sparsity(model: Any, exclude: Sequence[str] = ()) -> float:
    """Give the share of zeros in all prunable kernels together."""
    kernels = [k.numpy() for layer in prunable_layers(model, exclude) for k in kernels_of(layer)]
    return sum(int(np.sum(k == 0)) for k in kernels) / max(1, sum(k.size for k in kernels))


def is_two_of_four(kernel: npt.NDArray[np.float32]) -> bool:
    """Say whether each four weights along the input channels, as TFLite stores them, hold two zeros.

    Args:
        kernel: (..., input channels, output channels).
    """
    rows = np.moveaxis(kernel, -2, -1).reshape(-1, kernel.shape[-2])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    return bool(np.all(np.count_nonzero(padded.reshape(-1, 4), axis=1) <= 2))
