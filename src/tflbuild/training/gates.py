"""Hard swish and hard sigmoid gates, which tfmot does not know how to quantize."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs as configs,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as default_8bit_registry,
)

_layers = tf_keras.layers


def gates(model: Any) -> dict[str, bool]:
    """Find the layers of all products with relu6(x + 3) / 6.

    The converter makes HARD_SWISH of a product of x with that only where no range lies in between; of another product
    it makes three operators, which need a range each, but for x + 3, which is one with its clipping.

    Args:
        model: a float `tf_keras.Model`.

    Returns:
        For each layer's name, whether its output needs a range.
    """
    found: dict[str, bool] = {}
    for layer in model.layers:
        makers = _makers(layer) if isinstance(layer, _layers.Multiply) else []
        for gate, other in [makers, makers[::-1]] if len(makers) == 2 else []:
            chain = _hard_sigmoid(gate)
            if chain:
                shift, clip, sixth = chain
                swish = _makers(shift)[0] is other
                found |= {shift.name: False, clip.name: not swish, sixth.name: not swish, layer.name: True}
                break
    return found


def _hard_sigmoid(sixth: Any) -> tuple[Any, Any, Any] | None:
    """Give the three layers that compute relu6(x + 3) / 6; None where a layer is no such end."""
    if not _scales(sixth, 1 / 6, 0.0):
        return None
    clip = _makers(sixth)[0]
    if not (isinstance(clip, _layers.ReLU) and clip.max_value == 6 and not clip.negative_slope):
        return None
    shift = _makers(clip)[0]
    return (shift, clip, sixth) if not clip.threshold and _scales(shift, 1.0, 3.0) else None


def _scales(layer: Any, scale: float, offset: float) -> bool:
    """Say whether a layer multiplies by one number and adds another."""
    given = (layer.scale, layer.offset) if isinstance(layer, _layers.Rescaling) else ()
    return len(given) == 2 and all(
        isinstance(one, int | float) and math.isclose(one, right, rel_tol=1e-6)
        for one, right in zip(given, (scale, offset), strict=True)
    )


def _makers(layer: Any) -> list[Any]:
    return list(tf.nest.flatten(layer._inbound_nodes[-1].inbound_layers))


class GatesKnown:
    """A scheme of tfmot that knows how to quantize gates.

    Args:
        scheme: the scheme for all other layers.
        known: what `gates` found.
    """

    def __init__(self, scheme: Any, known: Mapping[str, bool]) -> None:
        self._scheme = scheme
        self._known = known

    def get_layout_transformer(self) -> Any:
        """Give the scheme's own."""
        return self._scheme.get_layout_transformer()

    def get_quantize_registry(self) -> Any:
        """Give the scheme's own, which knows the layers of gates by their names."""
        return _Registry(self._scheme.get_quantize_registry(), self._known)


class _Registry:
    def __init__(self, usual: Any, known: Mapping[str, bool]) -> None:
        self._usual = usual
        self._known = known

    def supports(self, layer: Any) -> bool:
        return layer.name in self._known or bool(self._usual.supports(layer))

    def get_quantize_config(self, layer: Any) -> Any:
        if layer.name not in self._known:
            return self._usual.get_quantize_config(layer)
        if self._known[layer.name]:
            return default_8bit_registry.Default8BitQuantizeConfig([], [], True)
        return configs.NoOpQuantizeConfig()
