"""Layers that a graph calls several times, given apart: tfmot quantizes a layer where it stands, once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


def unshared(model: Any) -> Any:
    """Give a model that computes the same, in which each layer is called once.

    Copies of a layer are called by the number of the call, `tower_0` and then `tower_0_call_1`, and start with its
    weights; a training takes them apart.

    Args:
        model: a flat functional `tf_keras.Model`; itself where it shares no layer.
    """
    nodes = [
        node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]
    ]
    called = [node.layer for node in nodes if not node.is_input]
    if len(called) == len({id(layer) for layer in called}):
        return model
    made: dict[int, Any] = {id(tensor): tensor for tensor in model.inputs}
    copies: dict[int, list[Any]] = {}
    for node in nodes:
        if node.is_input:
            continue
        calls = copies.setdefault(id(node.layer), [])
        config = node.layer.get_config()
        if calls:
            config["name"] = f"{config['name']}_call_{len(calls)}"
        copy = type(node.layer).from_config(config)
        calls.append(copy)
        given = tf.nest.map_structure(lambda tensor: made[id(tensor)], node.input_tensors)
        made[id(node.outputs)] = copy(given)
        copy.set_weights(node.layer.get_weights())
    return tf_keras.Model(model.inputs, [made[id(tensor)] for tensor in model.outputs], name=model.name)
