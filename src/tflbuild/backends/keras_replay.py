"""Build a Keras model's graph again, flat, with some of its layers replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
from tf_keras import Model, Sequential, layers
from tf_keras.src.engine.functional import Functional
from tf_keras.src.engine.keras_tensor import KerasTensor

from tflbuild.formats.keras.front import AUGMENTATION, NOISE, OF_PIXELS

LAYERS: Mapping[str, Callable[[str], Any]] = {
    "softmax": lambda name: layers.Activation("softmax", name=name),
    "sigmoid": lambda name: layers.Activation("sigmoid", name=name),
    "tanh": lambda name: layers.Activation("tanh", name=name),
    "relu": lambda name: layers.ReLU(name=name),
    "relu6": lambda name: layers.ReLU(6.0, name=name),
}
"""Layers that compute what an operation of one tensor does, by the operation's last word."""

Replacement = Callable[[Any], Any]
"""Function from the tensor that a layer reads to what stands for the one it gives."""


def is_graph(layer: Any) -> bool:
    """Say whether a layer is a model whose layers can be taken out of it."""
    return isinstance(layer, Functional | Sequential)


def left_out(layer: Any) -> bool:
    """Say whether a layer does something in training alone, and is no part of a model that is taken in."""
    return type(layer).__name__ in (*AUGMENTATION, *NOISE) and layer.input_shape == layer.output_shape


def resizes(layer: Any) -> bool:
    """Say whether a layer crops at random in training, and resizes when the model is used."""
    return isinstance(layer, layers.RandomCrop)


def word_of(layer: Any) -> str:
    """Name the function of a layer that is one TensorFlow operation: "softmax"; "" for other layers."""
    return str(getattr(layer, "symbol", "")).rpartition(".")[2]


def has_layer(layer: Any) -> bool:
    """Say whether a layer is an operation that a layer of its own computes, too."""
    return word_of(layer) in LAYERS


def is_altered(layer: Any) -> bool:
    """Say whether a layer is another one, several or none in a model that is taken in."""
    return is_graph(layer) or left_out(layer) or resizes(layer) or has_layer(layer)


def nodes_of(model: Any) -> Iterator[Any]:
    """List a graph's calls of layers in the order in which they can be made, but for its inputs."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def replayed(model: Any, replaced: Mapping[int, Replacement] = {}) -> Any:
    """Build a model again: nested models become layers of it, augmentation is left out, weights are taken over.

    A layer or a nested model that is called twice is called twice here, so that its weights stay shared.

    Args:
        model: a functional or sequential `tf_keras.Model` with one input.
        replaced: what stands for a layer, by the `id` of the layer.

    Returns:
        A functional model of the same name. Layers keep their names; of two that would have the same one, that in
        a nested model is given the nested model's name before its own.
    """
    return _Replay(model, replaced).model


class _Replay:
    def __init__(self, model: Any, replaced: Mapping[int, Replacement]) -> None:
        self._replaced = replaced
        self._copies: dict[int, Any] = {}
        self._originals: list[tuple[Any, Any]] = []
        self._names = {layer.name for layer in model.layers if not is_graph(layer)}
        entrance = model.inputs[0]
        image = layers.Input(entrance.shape[1:], name=_input_name(model), dtype=entrance.dtype)
        outputs = self._graph(model, [image], ())
        self.model = Model(image, outputs if len(outputs) > 1 else outputs[0], name=model.name)
        for old, new in self._originals:
            new.set_weights(old.get_weights())
            _thaw(new)

    def _graph(self, model: Any, inputs: list[Any], inside: tuple[str, ...]) -> list[Any]:
        """Call all layers of a graph on other inputs; gives its outputs."""
        if isinstance(model, Sequential):
            tensor = inputs[0]
            for layer in model.layers:
                if not isinstance(layer, layers.InputLayer):
                    tensor = self._call(layer, (tensor,), {}, inside)
            return [tensor]
        values = {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
        for node in nodes_of(model):
            args, given = tf.nest.map_structure(
                lambda value: values.get(id(value), value), (node.call_args, node.call_kwargs)
            )
            made = self._call(node.layer, args, given, inside)
            for old, new in zip(tf.nest.flatten(node.outputs), tf.nest.flatten(made), strict=True):
                values[id(old)] = new
        return [values[id(output)] for output in model.outputs]

    def _call(self, layer: Any, args: Any, given: dict[str, Any], inside: tuple[str, ...]) -> Any:
        if id(layer) in self._replaced:
            return self._replaced[id(layer)](_tensor_of(args, given))
        if left_out(layer):
            return args[0]
        if resizes(layer):
            return self._as_resizing(layer, inside)(args[0])
        if not given.get(
            "training"
        ):  # False is what it is when the model is used; in training, training decides
            given = {key: value for key, value in given.items() if key != "training"}
        if is_graph(layer) and not given:
            found = self._graph(layer, tf.nest.flatten(args), (*inside, layer.name))
            return found if len(found) > 1 else found[0]
        if has_layer(layer) and not any(value is not None for key, value in given.items() if key != "name"):
            return self._as_layer(layer, inside)(args[0])
        return self._copy(layer, inside)(*args, **given)

    def _copy(self, layer: Any, inside: tuple[str, ...]) -> Any:
        if id(layer) not in self._copies:
            config = layer.get_config()
            config["name"] = self._name(layer.name, inside)
            self._copies[id(layer)] = type(layer).from_config(config)
            self._originals.append((layer, self._copies[id(layer)]))
        return self._copies[id(layer)]

    def _as_layer(self, operation: Any, inside: tuple[str, ...]) -> Any:
        """Give the layer that computes what a TensorFlow operation does; passes know layers."""
        name = self._name(scope_name(operation.name, "operation"), (*inside, ""))
        return LAYERS[word_of(operation)](name)

    def _as_resizing(self, crop: Any, inside: tuple[str, ...]) -> Any:
        """Give the layer that computes what a `RandomCrop` does when the model is used."""
        name = self._name(crop.name, inside)
        return layers.Resizing(crop.height, crop.width, crop_to_aspect_ratio=True, name=name)

    def _name(self, name: str, inside: tuple[str, ...]) -> str:
        """Give a name that no other layer has."""
        if not inside:
            return name
        wanted, count = name, 1
        for outer in filter(None, reversed(inside)):
            if wanted not in self._names:
                break
            wanted = f"{outer}_{wanted}"
        free = wanted
        while free in self._names:
            free, count = f"{wanted}_{count}", count + 1
        self._names.add(free)
        return free


def scope_name(name: str, otherwise: str) -> str:
    """Make a name fit for the scope of a graph: letters, digits and _, one of the former first.

    >>> scope_name("my model", "model"), scope_name("_x.y", "model"), scope_name("..", "model")
    ('my_model', 'x_y', 'model')
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", name).lstrip("_-") or otherwise


def _tensor_of(args: Any, given: Mapping[str, Any]) -> Any:
    """Give what a call reads, which a number may stand before: 1 - x."""
    return next(value for value in tf.nest.flatten((args, given)) if isinstance(value, KerasTensor))


def _thaw(layer: Any) -> None:
    """Let passes that train reach a layer that its user's own training left alone."""
    if not layer.trainable and not layer.name.endswith(OF_PIXELS):
        layer.trainable = True


def _input_name(model: Any) -> str:
    return str(model.input_names[0]) if model.input_names else "image"
