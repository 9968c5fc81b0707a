"""Rewrite a model without the channels that leave: its configuration, and then its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from tflbuild.training.channels.facts import OUT, RESHAPED, Graph, Layer
from tflbuild.training.channels.groups import Dependencies

Kept = npt.NDArray[np.bool_]
"""(channels,): whether each stays, by its number."""


def cut(model: Any, graph: Graph, found: Dependencies, kept: Kept) -> Any:
    """Give a smaller model that computes what the given one does without what it reads of the channels that leave.

    Args:
        model: a functional `tf_keras.Model`, which stays as it is.
        graph: its facts.
        found: its channels.
        kept: which of them stay.
    """
    config = model.get_config()
    for entry in config["layers"]:
        entry.pop("build_config", None)  # it has the old shapes
        fact = graph.layers.get(entry["config"]["name"])
        if fact is not None and fact.width:
            _narrow(entry["config"], fact, found, kept)
    made = tf_keras.Model.from_config(config)
    for layer in model.layers:
        parts = _parts(layer, graph.layers[layer.name], found, kept)
        made.get_layer(layer.name).set_weights(parts)
    return made


def _narrow(config: dict[str, Any], fact: Layer, found: Dependencies, kept: Kept) -> None:
    """Say in a layer's configuration how many channels it gives."""
    if fact.name in found.reshaped:
        left = int(np.sum(kept[found.reshaped[fact.name]]))
        config[fact.width] = [*config[fact.width][:-1], left]
    elif fact.width != RESHAPED:
        config[fact.width] = int(np.sum(kept[found.axes[fact.name][OUT]]))


def _parts(layer: Any, fact: Layer, found: Dependencies, kept: Kept) -> list[npt.NDArray[Any]]:
    """Give what is left of each of a layer's arrays, in Keras's order."""
    known = {id(getattr(layer, weight.name)): weight for weight in fact.weights}
    parts = []
    for variable in layer.weights:
        part = variable.numpy()
        weight = known.get(id(variable))
        for axis, role in weight.roles.items() if weight else ():
            part = np.compress(kept[found.axes[fact.name][role]], part, axis=axis)
        parts.append(part)
    return parts
