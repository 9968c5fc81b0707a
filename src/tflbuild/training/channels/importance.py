"""How much each channel matters: by batch norm, by the size of its weights, or by what its loss would cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tflbuild.training.channels.choice import Scores
from tflbuild.training.channels.facts import IN, OUT, Graph, Layer
from tflbuild.training.channels.groups import Dependencies, Numbers

Measure = Literal["taylor", "batch_norm", "l1"]
"""Ways to measure importance."""

Values = npt.NDArray[np.float64]
"""(channels of a layer,)."""

Arrays = Mapping[tuple[str, str], npt.NDArray[np.float32]]
"""Weights or gradients by the names of layer and weight."""


def by_size(graph: Graph, found: Dependencies, weights: Arrays) -> Scores:
    """Give the mean size of the weights that make each channel, divided by that of the layer.

    Of a channel that several layers make, it is the mean.

    References:
        Li et al., Pruning Filters for Efficient ConvNets, 2017.
    """
    return _gathered(found, ((channels, _relative(size)) for channels, size in _sizes(graph, found, weights)))


def by_norm(graph: Graph, found: Dependencies, weights: Arrays) -> Scores:
    """Give the mean size of each channel's scales in batch norms.

    A group without batch norm gets the size of its weights, in the same units on average.

    References:
        Liu et al., Learning Efficient Convolutional Networks through Network Slimming, 2017.
    """
    scales = [
        (found.axes[layer.name][IN], np.abs(weights[layer.name, "gamma"]).astype(np.float64))
        for layer in _norms(graph, found)
    ]
    usual = float(np.mean(np.concatenate([size for _, size in scales]))) if scales else 1.0
    sizes = by_size(graph, found, weights)
    return {name: _or(scores, usual * sizes[name]) for name, scores in _gathered(found, scales).items()}


def by_loss(graph: Graph, found: Dependencies, gates: Mapping[str, Values]) -> Scores:
    """Give the square of what the loss would change by, to first order, without each channel.

    Of a channel that several gates let through, e.g. all blocks of a residual branch, it is the sum.

    Args:
        graph: the facts of the model.
        found: its channels.
        gates: what `slopes` gives, squared and averaged over batches, by layer.

    References:
        Molchanov et al., Importance Estimation for Neural Network Pruning, 2019.
    """
    at_norms = _gathered(found, _at(graph, found, gates, norms=True), mean=False)
    elsewhere = _gathered(found, _at(graph, found, gates, norms=False), mean=False)
    return {name: _or(scores, elsewhere[name]) for name, scores in at_norms.items()}


def slopes(graph: Graph, found: Dependencies, weights: Arrays, gradients: Arrays) -> dict[str, Values]:
    """Give the derivative of the loss by a factor on each channel of a layer's output, which is 1.

    It follows from the gradients of the layer's own weights: the output is linear in them, channel by channel.
    """
    made = {}
    for layer in (*_norms(graph, found), *_makers(graph)):
        total = np.zeros(len(found.axes[layer.name][_role(layer)]), np.float64)
        for weight in layer.weights:
            axis = next((axis for axis, role in weight.roles.items() if role == _role(layer)), None)
            gradient = gradients.get((layer.name, weight.name))
            if axis is not None and gradient is not None:
                product = gradient.astype(np.float64) * weights[layer.name, weight.name]
                total += np.moveaxis(product, axis, 0).reshape(product.shape[axis], -1).sum(axis=1)
        made[layer.name] = total
    return made


def weighted(graph: Graph, model: Any) -> dict[tuple[str, str], Any]:
    """Give the variables of a model that channels lie along, by the names of layer and weight."""
    return {
        (layer.name, weight.name): getattr(model.get_layer(layer.name), weight.name)
        for layer in graph.layers.values()
        for weight in layer.weights
    }


def has_scales(graph: Graph) -> bool:
    """Say whether a model has a batch norm with a scale."""
    return any(layer.scales for layer in graph.layers.values())


def _norms(graph: Graph, found: Dependencies) -> list[Layer]:
    return [layer for layer in graph.layers.values() if layer.scales and layer.name in found.axes]


def _makers(graph: Graph) -> list[Layer]:
    """List the layers with weights whose output is made of them, channel by channel."""
    return [
        layer
        for layer in graph.layers.values()
        if any(OUT in weight.roles.values() for weight in layer.weights)
    ]


def _role(layer: Layer) -> str:
    return IN if layer.scales else OUT


def _at(
    graph: Graph, found: Dependencies, gates: Mapping[str, Values], *, norms: bool
) -> Iterator[tuple[Numbers, Values]]:
    for layer in _norms(graph, found) if norms else _makers(graph):
        yield found.axes[layer.name][_role(layer)], gates[layer.name]


def _sizes(graph: Graph, found: Dependencies, weights: Arrays) -> Iterator[tuple[Numbers, Values]]:
    """Give the mean size of the weights of each channel of each kernel that makes channels."""
    for layer in _makers(graph):
        for weight in layer.weights:
            axis = next((axis for axis, role in weight.roles.items() if role == OUT), None)
            if axis is not None and len(weight.shape) > 1:
                rows = np.moveaxis(np.abs(weights[layer.name, weight.name].astype(np.float64)), axis, 0)
                yield found.axes[layer.name][OUT], rows.reshape(rows.shape[0], -1).mean(axis=1)


def _relative(size: Values) -> Values:
    return size / max(float(size.mean()), 1e-30)


def _gathered(
    found: Dependencies, given: Iterable[tuple[Numbers, Values]], *, mean: bool = True
) -> dict[str, Values]:
    """Put what layers say of their channels together, by group; NaN where none says anything."""
    total, count = np.zeros(found.count), np.zeros(found.count)
    for channels, values in given:
        np.add.at(total, channels, values)
        np.add.at(count, channels, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = total / count if mean else np.where(count > 0, total, np.nan)
    return {group.name: scores[group.channels] for group in found.prunable}


def _or(scores: Values, others: Values) -> Values:
    return np.where(np.isnan(scores), others, scores)
