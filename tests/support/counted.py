"""Parameters and multiply-accumulates of a built Keras model, counted layer by layer."""

from __future__ import annotations

import math
from typing import Any


def trainable(model: Any) -> int:
    """Count the weights that training changes: all but the statistics of batch norm."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def folded(model: Any) -> int:
    """Count the weights of a file, in which a batch norm is a bias: without its scale and its statistics."""
    scales = [w for w in model.trainable_weights if w.name.split("/")[-1].startswith("gamma")]
    return trainable(model) - sum(math.prod(weight.shape) for weight in scales)


def multiply_accumulates(model: Any) -> int:
    """Count the products of kernels and activations for one image; a shared layer counts wherever it stands."""
    return sum(
        math.prod(weight.shape) * math.prod(node.outputs.shape[1:3])
        if "Conv2D" in type(layer).__name__
        else math.prod(weight.shape)
        for layer in model.layers
        for weight in layer.weights
        if "kernel" in weight.name
        for node in layer._inbound_nodes
    )


def sizes(model: Any) -> list[int]:
    """Give the number of weights of every weighted array, in order; a dense layer's are a 1 x 1 convolution's."""
    return [
        math.prod(weight.shape)
        for layer in model.layers
        if type(layer).__name__ != "Normalization"
        for weight in layer.weights
    ]
