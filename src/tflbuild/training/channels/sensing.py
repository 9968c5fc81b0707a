"""Measure on batches what the loss would change by without each channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tflbuild.training.channels import importance
from tflbuild.training.channels.choice import Scores
from tflbuild.training.channels.facts import Graph
from tflbuild.training.channels.groups import Dependencies
from tflbuild.training.losses import Loss


def by_loss(
    model: Any,
    graph: Graph,
    found: Dependencies,
    batches: Iterable[tuple[Any, ...]],
    loss: Loss,
    scaled: Callable[[Any], Any],
) -> Scores:
    """Give the importance that `importance.by_loss` reads off gradients, averaged over batches.

    Batch norm computes as on the device, by its running statistics.

    Args:
        model: a functional `tf_keras.Model`.
        graph: its facts.
        found: its channels.
        batches: (codes, *targets) each.
        loss: what is minimised.
        scaled: makes model values of codes, as floats.
    """
    variables = importance.weighted(graph, model)
    weights = {key: variable.numpy() for key, variable in variables.items()}
    keys = [key for key in variables if "moving" not in key[1]]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def gradients(codes: Any, targets: tuple[Any, ...]) -> Any:
        watched = [variables[key] for key in keys]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            value = loss(model(scaled(tf.cast(codes, tf.float32)), training=False), targets)
        return tape.gradient(value, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    total: dict[str, importance.Values] = {}
    count = 0
    for codes, *targets in batches:
        found_here: Mapping[tuple[str, str], Any] = {
            key: np.asarray(tf.convert_to_tensor(one))
            for key, one in zip(keys, gradients(codes, tuple(targets)), strict=True)
        }
        for name, slope in importance.slopes(graph, found, weights, found_here).items():
            total[name] = total.get(name, 0.0) + slope**2
        count += 1
    return importance.by_loss(graph, found, {name: value / max(count, 1) for name, value in total.items()})
