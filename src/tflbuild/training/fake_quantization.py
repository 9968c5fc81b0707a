"""TensorFlow Model Optimization: a model that computes, while it trains, as its int8 form will."""

from __future__ import annotations

from collections.abc import Collection
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
    default_8bit_quantize_registry as default_8bit_registry,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_scheme as default_8bit,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from tflbuild.backends import keras
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.training import float_islands, tfmot
from tflbuild.training.clustering import Clustering, Lookup
from tflbuild.training.frozen_norms import FrozenNorms
from tflbuild.training.gates import GatesKnown, gates
from tflbuild.training.loop import Hooks

UNTRAINED = 6.0
"""Absolute value of both ends of tfmot's ranges before training."""

MOST_NAMED = 12
"""Layers that an advice names at most."""

KNOWN_ACTIVATIONS = ("", "relu", "sigmoid", "softmax", "swish", "tanh")
"""Activations that tfmot quantizes behind."""

TFMOT_ERRORS = (ValueError, RuntimeError, AttributeError, TypeError)
"""Exceptions of tfmot for a model that it does not know, e.g. with an operation of a tensor and a number."""

EMPTY = 1e-6
"""Range of a channel's weights, relative to the widest channel's, below which it holds none."""


class FakeQuantization:
    """A model that computes as its int8 form will, so that training can adapt to it.

    Ranges of activations follow the batches with a running mean that is fresh from the first step on; tfmot's
    own starts at [-6, 6] and forgets that only after thousands of steps. Clusters are kept by `Clustering`: tfmot's own
    scheme gives up the zeros of all kernels when one has none, and every convolution clusters of its own per channel.

    Args:
        model: a flat float `tf_keras.Model`; copied.
        input_range: smallest and largest model value of a pixel.
        preserve: whether zeros of pruned and values of clustered kernels are kept.
        left_out: names of layers that stay float, closed as `float_islands.closed` does.
        freeze_at: step from which on batch norm keeps its statistics and its scale; None for never.

    Attributes:
        model: the fake-quantized copy.

    Raises:
        PassError: tfmot does not know how to quantize one of the layers.
    """

    def __init__(
        self,
        model: Any,
        input_range: tuple[float, float],
        *,
        preserve: bool = True,
        left_out: Collection[str] = (),
        freeze_at: int | None = None,
    ) -> None:
        usual = (
            prune_preserve.Default8BitPrunePreserveQuantizeScheme()
            if preserve and tfmot.is_sparse(model)
            else default_8bit.Default8BitQuantizeScheme()
        )
        scheme = GatesKnown(usual, gates(model))
        try:
            self.model = _applied(model, left_out, scheme)
        except TFMOT_ERRORS as error:
            raise PassError(
                f"tfmot cannot fake-quantize this model ({' '.join(str(error).split())}); "
                f"{_advice(model, left_out, scheme)}'quantize' after 'convert' needs no training and takes every layer."
            ) from error
        self._range = input_range
        self._decay = tf.Variable(0.0, trainable=False)
        for layer in self.model.layers:
            if isinstance(layer, QuantizeWrapper):
                self._refresh(layer)
        self._fix_input_range()
        self._clusters = Clustering(self.model, _kept) if preserve else None
        self._norms = FrozenNorms(self.model, freeze_at) if freeze_at is not None else None

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""
        beside = [part.hooks() for part in (self._clusters, self._norms) if part is not None]

        def before(step: Any) -> None:
            done = tf.cast(step, tf.float32)
            self._decay.assign(tf.minimum(0.999, done / (done + 9)))
            for hooks in beside:
                hooks.before(step)

        def after() -> None:
            for hooks in beside:
                hooks.after()

        return Hooks(before=before, after=after)

    def _refresh(self, wrapper: Any) -> None:
        """Let the ranges of a layer's outputs follow the batches faster."""
        for activation in wrapper._quantize_activations:
            activation.quantizer = _RunningMean.instead_of(activation.quantizer, self._decay)
        wrapper._output_quantizers = [
            _RunningMean.instead_of(quantizer, self._decay) for quantizer in wrapper._output_quantizers
        ]

    def finish(self) -> None:
        """Set the ranges that training cannot: the input's, and those of channels without weights.

        A channel that pruning left empty has the range [0, 0], hence a scale next to nothing, in which its bias
        would overflow int32; its zeros are zeros in any scale, so it takes that of the layer's widest channel.
        """
        for part in (self._clusters, self._norms):
            if part is not None:
                part.finish()
        self._fix_input_range()
        for layer in self.model.layers:
            if isinstance(layer, QuantizeWrapper):
                for _, _, ends in layer._weight_vars:
                    widest = tf.reduce_max(ends["max_var"])
                    empty = ends["max_var"] <= EMPTY * widest
                    ends["min_var"].assign(tf.where(empty, -widest, ends["min_var"]))
                    ends["max_var"].assign(tf.where(empty, widest, ends["max_var"]))

    def _fix_input_range(self) -> None:
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


def _applied(model: Any, left_out: Collection[str], scheme: Any) -> Any:
    with quantize.quantize_scope():
        return quantize.quantize_apply(_annotated(model, left_out), scheme)


def _advice(model: Any, left_out: Collection[str], scheme: Any) -> str:
    """Say which layers to leave out; tried, so that it works, and "" where it does not or where they are many."""
    heads = float_islands.heads(model)
    named = [layer.name for layer in model.layers if layer.name in heads and not _known(layer)]
    known = {*left_out, *gates(model)}
    named = [name for name in named if name not in known]
    if not 0 < len(named) <= MOST_NAMED:
        return ""
    left = float_islands.closed(model, {heads[name] for name in (*left_out, *named)})
    try:
        _applied(model, left, scheme)
    except TFMOT_ERRORS:
        return ""
    return f"exclude=[{','.join(named)}] leaves {'it' if len(named) == 1 else 'them'} in float, or "


def _known(layer: Any) -> bool:
    """Say whether tfmot knows how to quantize a layer where it stands."""
    if isinstance(layer, tf_keras.layers.BatchNormalization):
        return float_islands.is_fused(layer)
    if isinstance(layer, tf_keras.layers.Activation):
        return keras.activation_of(layer) in KNOWN_ACTIVATIONS
    return bool(default_8bit_registry.Default8BitQuantizeRegistry().supports(layer))


def _annotated(model: Any, left_out: Collection[str]) -> Any:
    """Mark the layers that tfmot is to quantize."""
    if not left_out:
        return quantize.quantize_annotate_model(model)

    def annotated(layer: Any) -> Any:
        return layer if layer.name in left_out else quantize.quantize_annotate_layer(layer)

    return tf_keras.models.clone_model(model, clone_function=annotated)


def _kept(layer: str, kernel: Any) -> Lookup | None:
    return Lookup.found_in(kernel)


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
            raise BrokenPromise(f"the range of {name} is not finite.")
        if not np.min(most - least) > EMPTY * np.max(most - least):
            raise BrokenPromise(f"the range of {name} is empty: {least} to {most}.")
        if np.all(least == -UNTRAINED) and np.all(most == UNTRAINED):
            raise BrokenPromise(f"the range of {name} was never trained.")
    found = input_ranges(model)
    if not found and float_islands.starts_float(model):
        return
    if not found or any(not np.allclose(ends, input_range, rtol=1e-6, atol=0) for ends in found):
        raise BrokenPromise(f"the input's range is {found}, not that of pixels, {input_range}.")
