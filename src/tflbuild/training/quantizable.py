"""A graph as tfmot can quantize it: it quantizes a layer where it stands, once, and the output of a sum alone."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


def quantizable(model: Any) -> Any:
    """Give a model that computes the same, in which each layer is called once and adds two tensors at most.

    Copies of a layer are called by the number of the call, `tower_0` and then `tower_0_call_1`, and start with its
    weights; a training takes them apart. A sum of three tensors becomes `total_part_1`, of the first two, and `total`:
    a `.tflite` file adds by twos, and the part in between needs a range of its own.

    Args:
        model: a flat functional `tf_keras.Model`; itself where nothing has to change.
    """
    nodes = [
        node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]
    ]
    called = [node for node in nodes if not node.is_input]
    shared = len(called) > len({id(node.layer) for node in called})
    if not shared and not any(_adds_many(node) for node in called):
        return model
    made: dict[int, Any] = {id(tensor): tensor for tensor in model.inputs}
    copies: dict[int, list[Any]] = {}
    for node in called:
        calls = copies.setdefault(id(node.layer), [])
        config = node.layer.get_config()
        if calls:
            config["name"] = f"{config['name']}_call_{len(calls)}"
        copy = type(node.layer).from_config(config)
        calls.append(copy)
        given = tf.nest.map_structure(lambda tensor: made[id(tensor)], node.input_tensors)
        made[id(node.outputs)] = copy(_by_twos(given, copy) if _adds_many(node) else given)
        copy.set_weights(node.layer.get_weights())
    return tf_keras.Model(model.inputs, [made[id(tensor)] for tensor in model.outputs], name=model.name)


def _adds_many(node: Any) -> bool:
    return type(node.layer) is tf_keras.layers.Add and len(tf.nest.flatten(node.input_tensors)) > 2


def _by_twos(given: list[Any], layer: Any) -> list[Any]:
    """Add all but the last tensor, and give the sum and the last."""
    total = given[0]
    for number, tensor in enumerate(given[1:-1], start=1):
        total = tf_keras.layers.Add(name=f"{layer.name}_part_{number}")([total, tensor])
    return [total, given[-1]]
