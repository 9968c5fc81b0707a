"""Models of Keras 3 as models of tf_keras, built of a translated configuration, with the weights of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tf_keras

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.keras3.weights import Arrays, Path


def built(config: Mapping[str, Any], weights: Arrays) -> Any:
    """Build a model and give it its weights.

    Args:
        config: in the form of tf_keras, checked.
        weights: of every layer that may have some.

    Raises:
        ValueError: a layer is given other weights than it has; the message completes "it ".
    """
    model = tf_keras.Model.from_config(config["config"])
    for path, layer in _layers(model, ()):
        _give(layer, path, list(weights.get(path, ())))
    return model


def _layers(model: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    for layer in model.layers:
        inner = (*path, layer.name)
        if isinstance(layer, tf_keras.Model):
            yield from _layers(layer, inner)
        else:
            yield inner, layer


def _give(layer: Any, path: Path, values: list[Any]) -> None:
    wanted = layer.weights
    if not wanted and not values:
        return
    shapes = [tuple(one.shape) for one in wanted], [one.shape for one in values]
    if shapes[0] != shapes[1]:
        said = " and ".join(map(str, shapes[1])) or "none"
        raise ValueError(
            f"holds weights of layer '{plain('/'.join(path), 120)}' with the shapes {said}, where it has "
            f"{' and '.join(map(str, shapes[0])) or 'none'}"
        )
    layer.set_weights(
        [np.asarray(value, one.dtype.as_numpy_dtype) for value, one in zip(values, wanted, strict=True)]
    )
