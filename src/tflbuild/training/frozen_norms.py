"""Batch norm that stops following the batches while a model trains on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from tflbuild.training.loop import Hooks


class FrozenNorms:
    """Batch norms that keep their statistics and their scale from a step on, as they will be folded.

    Until then they normalise by each batch and follow it; from then on by the statistics they have, so that a kernel's
    scale in the converted file no longer moves under its weights. Their offset, which becomes a bias, trains on.

    Args:
        model: a `tf_keras.Model`, fake-quantized or not; its layers are changed until `finish`.
        freeze_at: the first step that finds them frozen.

    References:
        Krishnamoorthi, Quantizing Deep Convolutional Networks for Efficient Inference, 2018, section 3.2.2.
    """

    def __init__(self, model: Any, freeze_at: int) -> None:
        self._freeze_at = freeze_at
        self._frozen = tf.Variable(False, trainable=False)
        inner = [layer.layer if isinstance(layer, QuantizeWrapper) else layer for layer in model.layers]
        self._norms = [layer for layer in inner if isinstance(layer, tf_keras.layers.BatchNormalization)]
        scales = [norm.gamma for norm in self._norms if norm.scale]
        self._scales = [(scale, tf.Variable(scale, trainable=False)) for scale in scales]
        for norm in self._norms:
            vars(norm)["call"] = self._freezing(norm)

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""
        return Hooks(before=self._before, after=self._after)

    def _before(self, step: Any) -> None:
        self._frozen.assign(step >= self._freeze_at)
        for scale, kept in self._scales:
            kept.assign(scale)

    def _after(self) -> None:
        """Undo what the optimizer's momentum did to a frozen scale."""
        for scale, kept in self._scales:
            scale.assign(tf.where(self._frozen, kept, scale))

    def _freezing(self, norm: Any) -> Callable[..., Any]:
        usual = norm.call

        # not decorated: tfmot's wrapper reads off the signature whether to say that it trains
        def call(inputs: Any, training: Any = None, **options: Any) -> Any:
            follows = tf.logical_not(self._frozen) if training is True else training
            return usual(inputs, training=follows, **options)

        return call

    def finish(self) -> None:
        """Leave the model as it was built."""
        for norm in self._norms:
            del vars(norm)["call"]
