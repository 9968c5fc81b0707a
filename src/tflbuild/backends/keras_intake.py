"""Take in a Keras model that somebody else made: flat, in float32, its outputs in the form that passes know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tf_keras import Model, layers

from tflbuild.backends.keras import activation_of
from tflbuild.backends.keras_replay import (
    Replacement,
    is_altered,
    nodes_of,
    replayed,
    scope_name,
    word_of,
)
from tflbuild.formats.keras import ends as keras_ends
from tflbuild.formats.keras.front import OF_PIXELS, SCALING, SCALING_OPERATIONS

EXACT = 1e-5
"""Largest difference, relative to the largest value, of two ways to compute the same in float32."""

PASSING = (
    layers.Reshape,
    layers.Permute,
    layers.Flatten,
    layers.Concatenate,
    layers.Dropout,
    layers.Activation,
)
"""Layers behind which an output is what it was, as long as an activation does nothing."""

HALF = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def with_plain_ends(model: Any) -> Any:
    """Give a model whose inputs and outputs are tensors or lists of them, not mappings or lists of lists."""
    ends = [end if isinstance(end, list | tuple) else [end] for end in (model.input, model.output)]
    if not any(isinstance(part, list | tuple | Mapping) for end in ends for part in end):
        return model
    return Model(model.inputs, model.outputs if len(model.outputs) > 1 else model.outputs[0], name=model.name)


def in_float32(model: Any) -> Any:
    """Give a model that computes in float32, with the same weights; the model itself where it does."""
    config = model.get_config()
    widened = _widened(config)
    if widened == config:
        return model
    made = type(model).from_config(widened)
    made.set_weights([value.astype(np.float32) for value in model.get_weights()])
    return made


def _widened(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") == "Policy" and value.get("config", {}).get("name") in HALF:
            return {**value, "config": {**value["config"], "name": "float32"}}
        return {
            key: "float32" if key == "dtype" and item in HALF else _widened(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(_widened(item) for item in value)
    return value


def flat(model: Any) -> Any:
    """Flatten a model, leave augmentation out, and let one fixed layer do all that it does to pixels first.

    The model itself where it is flat already. What scales pixels becomes a convolution of one pixel that is not
    trained, which tfmot knows and which computes the same: neither a kernel folded with 1/255 nor a `Rescaling` can be
    trained with fake quantization.
    """
    if any(is_altered(layer) or _frozen(layer) for layer in model.layers):
        model = replayed(model)
    chain = _scaling_chain(model)
    if not chain:
        return model
    end = chain[-1].outputs
    found = _affine(Model(model.inputs, end))
    if found is None:
        return model
    first, *others = [node.layer for node in chain]
    made = _pixel_layer(first.name, *found)
    replaced: dict[int, Replacement] = {id(layer): lambda tensor: tensor for layer in others}
    return _with_pixel_layer(model, first, made, replaced, found)


def _with_pixel_layer(
    model: Any, first: Any, made: Any, replaced: dict[int, Replacement], found: tuple[Any, Any]
) -> Any:
    rebuilt = replayed(model, {**replaced, id(first): made})
    matrix, offset = found
    diagonal = isinstance(made, layers.DepthwiseConv2D)
    kernel = np.diag(matrix)[None, None, :, None] if diagonal else matrix[None, None]
    made.set_weights([kernel, *([offset] if made.use_bias else [])])
    return rebuilt


def _frozen(layer: Any) -> bool:
    return bool(layer.weights) and not layer.trainable and not layer.name.endswith(OF_PIXELS)


def _scaling_chain(model: Any) -> list[Any]:
    """List the calls by which a flat model scales its pixels, as long as one layer alone reads what they give."""
    nodes = list(nodes_of(model))
    tensor, chain = model.inputs[0], []
    while True:
        readers = [node for node in nodes if any(each is tensor for each in node.keras_inputs)]
        if (
            len(readers) != 1
            or len(readers[0].keras_inputs) != 1
            or len(readers[0].layer._inbound_nodes) != 1
        ):
            break
        node = readers[0]
        kind, word = type(node.layer).__name__, word_of(node.layer)
        known = kind in SCALING or word in (*SCALING_OPERATIONS, "cast")
        if not known or node.output_shapes != tuple(model.input_shape):
            break
        chain.append(node)
        tensor = node.outputs
    return chain if tensor is not model.outputs[0] else []


def _affine(front: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
    """Measure what a model does to one pixel: matrix and offset over the channels; None where it does more."""
    shape = front.input_shape[1:]
    channels = shape[-1]
    probes = np.zeros((channels + 1, *shape), np.float32)
    for channel in range(channels):
        probes[channel + 1, ..., channel] = 255.0
    given = np.asarray(front(probes, training=False), np.float64)
    offset = given[0, 0, 0]
    matrix = (given[1:, 0, 0] - offset) / 255.0
    noise = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(np.float32)
    wanted, found = np.asarray(front(noise, training=False)), noise.astype(np.float64) @ matrix + offset
    if not np.allclose(found, wanted, rtol=0, atol=EXACT * np.abs(wanted).max()):
        return None
    return matrix.astype(np.float32), offset.astype(np.float32)


def _pixel_layer(name: str, matrix: npt.NDArray[np.float32], offset: npt.NDArray[np.float32]) -> Any:
    options = {"use_bias": bool(np.any(offset)), "name": f"{_plain(name)}{OF_PIXELS}", "trainable": False}
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return layers.DepthwiseConv2D(1, **options)
    return layers.Conv2D(len(matrix), 1, **options)


def _plain(name: str) -> str:
    return scope_name(name.removesuffix(OF_PIXELS), "scaling")


def ends_of(model: Any) -> list[keras_ends.End]:
    """Read what every output of a live model is."""
    return keras_ends.ends_of(json.loads(model.to_json()))


def two_scores(model: Any, kind: str) -> Any:
    """Give a model with one output two: scores (1 - p, p), or logits (-z / 2, z / 2), whose softmax they are.

    Halves on both sides rather than 0 and z, so that no kernel is half zeros, which would count as pruned.

    Args:
        model: a flat model that gives (batch, 1).
        kind: what its output is, "sigmoid" or "logits".
    """
    last = _maker(model, model.outputs[0])
    dense = last
    if kind == "sigmoid" and not isinstance(last, layers.Dense):
        dense = _maker(model, last.input)
    word = _word(last)
    if not isinstance(dense, layers.Dense) or (kind == "sigmoid" and word != "sigmoid"):
        return _beside_its_rest(model)
    if dense is not last and (_word(dense) or len(dense._outbound_nodes) != 1):
        return _beside_its_rest(model)
    config = {**dense.get_config(), "units": 2, "activation": "softmax" if kind == "sigmoid" else "linear"}
    made = layers.Dense.from_config(config)
    replaced: dict[int, Replacement] = {id(dense): made}
    if dense is not last:
        replaced[id(last)] = lambda tensor: tensor
    rebuilt = replayed(model, replaced)
    made.set_weights([np.concatenate([-value / 2, value / 2], axis=-1) for value in dense.get_weights()])
    return rebuilt


def _beside_its_rest(model: Any) -> Any:
    """Put 1 - p before p, in one layer that no training changes."""
    made = layers.Dense(2, name="two_scores", trainable=False)
    scores = _stated("softmax")(made(model.outputs[0]))
    rebuilt = Model(model.inputs, scores, name=model.name)
    made.set_weights([np.array([[-1.0, 1.0]], np.float32), np.array([1.0, 0.0], np.float32)])
    return rebuilt


def stated(model: Any, kind: str) -> Any:
    """Let a classifier's graph say what its output is, where it cannot be read."""
    return Model(model.inputs, _stated(kind)(model.outputs[0]), name=model.name)


def _stated(kind: str) -> Any:
    return layers.Activation("linear", name=f"{keras_ends.STATED}{kind}")


def _maker(model: Any, tensor: Any) -> Any:
    return next(node.layer for node in nodes_of(model) if any(each is tensor for each in _given(node)))


def _given(node: Any) -> list[Any]:
    return list(node.outputs) if isinstance(node.outputs, list | tuple) else [node.outputs]


def _word(layer: Any) -> str:
    """Name the activation that a layer ends in; "" for none."""
    return word_of(layer) or activation_of(layer)


def without_sigmoid(model: Any, output: int) -> Any | None:
    """Take the sigmoid off one output, which then gives logits; None where it cannot be taken off.

    Args:
        model: a flat model.
        output: which of its outputs.
    """
    replaced: dict[int, Replacement] = {}
    renewed: list[tuple[Any, Any]] = []
    waiting = [_maker(model, model.outputs[output])]
    while waiting:
        layer = waiting.pop()
        word = _word(layer)
        if len(layer._outbound_nodes) > 1 or len(layer._inbound_nodes) > 1:
            return None
        if word == "sigmoid" and isinstance(layer, layers.Activation):
            replaced[id(layer)] = lambda tensor: tensor
        elif word == "sigmoid":
            made = type(layer).from_config({**layer.get_config(), "activation": "linear"})
            replaced[id(layer)] = made
            renewed.append((layer, made))
        elif isinstance(layer, PASSING) and not word:
            waiting += tf.nest.flatten(layer._inbound_nodes[-1].inbound_layers)
        else:
            return None
    rebuilt = replayed(model, replaced)
    for old, new in renewed:
        new.set_weights(old.get_weights())
    return rebuilt


def largest_difference(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[float, float]:
    """Give the largest absolute difference of two arrays, and the largest absolute value of the second."""
    return float(np.max(np.abs(first - second))), float(np.max(np.abs(second)))
