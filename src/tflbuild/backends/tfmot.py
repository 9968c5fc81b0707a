"""TensorFlow Model Optimization: magnitude pruning while a model trains, and fake quantization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras import (
    quant_ops,
    quantize,
    quantizers,
)
from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
    default_8bit_prune_preserve_quantize_scheme as prune_preserve,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_scheme as default_8bit,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry, pruning_schedule
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

from tflbuild.backends.training import Hooks
from tflbuild.core.errors import BrokenPromise, PassError

TWO_OF_FOUR = (2, 4)

UNTRAINED = 6.0
"""Where tfmot's ranges start, to either side."""

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
            wrapper.build(None)  # its layer is built already
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


def census(model: Any, exclude: Sequence[str] = ()) -> dict[str, float]:
    """Give the share of zeros in every prunable kernel, by name."""
    return {
        _name(layer, kernel): float(np.mean(kernel.numpy() == 0))
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


def _name(layer: Any, kernel: Any) -> str:
    inner = layer.layer if isinstance(layer, QuantizeWrapper) else layer
    return f"{inner.name}/{kernel.name.split('/')[-1].split(':')[0]}"


class FakeQuantization:
    """A model that computes as its int8 form will, so that training can adapt to it.

    Ranges of activations follow the batches with a running mean that is fresh from the first step on; tfmot's
    own starts at [-6, 6] and forgets that only after thousands of steps.

    Args:
        model: a flat float `tf_keras.Model`; copied.
        sparse: whether zeros of kernels are kept.
        input_range: smallest and largest model value of a pixel.
        label: names the step of the recipe in messages.

    Attributes:
        model: the fake-quantized copy.

    Raises:
        PassError: tfmot does not know how to quantize one of the layers.
    """

    def __init__(
        self, model: Any, sparse: bool, input_range: tuple[float, float], label: str = "qat"
    ) -> None:
        scheme = (
            prune_preserve.Default8BitPrunePreserveQuantizeScheme()
            if sparse
            else default_8bit.Default8BitQuantizeScheme()
        )
        try:
            with quantize.quantize_scope():
                self.model = quantize.quantize_apply(quantize.quantize_annotate_model(model), scheme)
        except (ValueError, RuntimeError) as error:
            raise PassError(
                f"pass '{label}': tfmot cannot fake-quantize this model ({error}); 'quantize' after 'convert' needs "
                f"no training and takes every layer."
            ) from error
        self._range = input_range
        self._decay = tf.Variable(0.0, trainable=False)
        for layer in self.model.layers:
            if isinstance(layer, QuantizeWrapper):
                self._refresh(layer)
        self.fix_input_range()

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""

        def before(step: Any) -> None:
            done = tf.cast(step, tf.float32)
            self._decay.assign(tf.minimum(0.999, done / (done + 9)))

        return Hooks(before=before)

    def _refresh(self, wrapper: Any) -> None:
        """Let the ranges of a layer's outputs follow the batches faster."""
        for activation in wrapper._quantize_activations:
            activation.quantizer = _RunningMean.instead_of(activation.quantizer, self._decay)
        wrapper._output_quantizers = [
            _RunningMean.instead_of(quantizer, self._decay) for quantizer in wrapper._output_quantizers
        ]

    def fix_input_range(self) -> None:
        """Set the input's range to that of pixels, whatever training saw."""
        for layer in self.model.layers:
            if isinstance(layer, QuantizeLayer):
                layer.quantizer_vars["min_var"].assign(self._range[0])
                layer.quantizer_vars["max_var"].assign(self._range[1])


class _RunningMean(quantizers.MovingAverageQuantizer):  # type: ignore[misc]
    """tfmot's quantizer of activations, with a decay that can change while training."""

    @classmethod
    def instead_of(cls, usual: Any, decay: Any) -> Any:
        """Give what takes the place of a quantizer: itself, where it keeps no running mean."""
        if type(usual) is not quantizers.MovingAverageQuantizer:
            return usual
        made = cls(**usual.get_config())
        made._decay = decay
        return made

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        return quant_ops.MovingAvgQuantize(
            inputs,
            weights["min_var"],
            weights["max_var"],
            ema_decay=self._decay,
            is_training=training,
            num_bits=self.num_bits,
            per_channel=self.per_axis,
            symmetric=self.symmetric,
            narrow_range=self.narrow_range,
        )


def ranges(model: Any) -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Give the smallest and largest value of every quantized tensor of a fake-quantized model, by name."""
    ends = {variable.name.split(":")[0]: variable.numpy() for variable in model.non_trainable_variables}
    return {
        name.removesuffix("_min"): (least, ends[f"{name.removesuffix('_min')}_max"])
        for name, least in ends.items()
        if name.endswith("_min")
    }


def input_ranges(model: Any) -> list[tuple[float, float]]:
    """Give the range of each input of a fake-quantized model."""
    kept = [layer.quantizer_vars for layer in model.layers if isinstance(layer, QuantizeLayer)]
    return [(float(ends["min_var"].numpy()), float(ends["max_var"].numpy())) for ends in kept]


def check_ranges(model: Any, input_range: tuple[float, float]) -> None:
    """Refuse a fake-quantized model that would convert silently into nonsense.

    Raises:
        BrokenPromise: a range is not finite, empty, or was never trained; or the input's is not that of pixels.
    """
    for name, (least, most) in ranges(model).items():
        if not (np.isfinite(least).all() and np.isfinite(most).all()):
            raise BrokenPromise(f"pass 'qat': the range of {name} is not finite.")
        if not np.max(most - least) > 1e-6:
            raise BrokenPromise(f"pass 'qat': the range of {name} is empty: {least} to {most}.")
        if np.all(least == -UNTRAINED) and np.all(most == UNTRAINED):
            raise BrokenPromise(f"pass 'qat': the range of {name} was never trained.")
    found = input_ranges(model)
    if not found or any(not np.allclose(ends, input_range, rtol=1e-6, atol=0) for ends in found):
        raise BrokenPromise(f"pass 'qat': the input's range is {found}, not that of pixels, {input_range}.")
