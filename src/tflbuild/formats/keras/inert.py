"""Find what a Keras model's configuration would run when it is loaded, beyond the mathematics of built-in layers.

tf_keras looks names of a configuration up in many places: classes, functions of its own modules, modules that it
imports for it, symbols of TensorFlow, Python bytecode. So what is known to be inert is allowed, by name, at any depth,
and the rest refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert_names import (
    ACTIVATIONS,
    CLASSES,
    MODULE,
    OPERATION_LAYERS,
    OPERATIONS,
    PART_NAMES,
    QUANTIZED,
)

PART_KEYS = ("initializer", "regularizer", "constraint")
"""Ends of keys whose value may be the name of a part."""

ATTRIBUTE_KEYS = ("weight_attrs", "activation_attrs")
"""Keys of lists of a layer's attributes that tfmot reads and replaces."""

ATTRIBUTES = frozenset(
    {"kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "embeddings", "activation"}
    | {"recurrent_activation", "gamma", "beta", "bias"}
)

ARRAYS = ("__numpy__", "__tensor__")
"""Classes of constants."""

DTYPES = frozenset(
    {"bool", "float16", "bfloat16", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)

COMPOSITE = "_COMPOSITE_TYPE"
"""Marks a constant that is JSON inside of a string."""

ADVICE = {
    "Lambda": "a Lambda, Python code in a file, which tflbuild does not execute; use built-in layers, and declare "
    "scaling of pixels in data.preprocess",
    "__lambda__": "a lambda, Python code in a file, which tflbuild does not execute; use a built-in function",
    "PruneLowMagnitude": "a layer that tfmot is pruning; save the result of tfmot.sparsity.keras.strip_pruning",
    "ClusterWeights": "a layer that tfmot is clustering; save the result of tfmot.clustering.keras.strip_clustering",
    "TensorFlowOpLayer": "a node of a TensorFlow graph, which may do anything; rebuild it with layers of tf_keras",
}
"""Advice on common classes that are refused, by name."""


class Unwanted(ValueError):
    """A part of a configuration is not known to be inert; the message completes "model.path: "."""


class _Place(NamedTuple):
    """A position in the configuration that is walked.

    Attributes:
        layer: name of the innermost layer; "" outside of any.
        key: of the value.
        value: from the JSON.
    """

    layer: str
    key: str
    value: Any


def check_inert(config: Mapping[str, Any]) -> None:
    """Walk a configuration to any depth.

    Raises:
        Unwanted: it names a class, a function, a module or an operation that is not known to be inert.
    """
    waiting = [_Place("", "", config)]
    while waiting:
        layer, key, value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                layer = _name_of(value) or layer
                _check_object(layer, value)
            waiting += [_Place(layer, str(name), child) for name, child in value.items()]
        elif isinstance(value, list):
            kept = key if key in ATTRIBUTE_KEYS else ""  # elsewhere, a list holds no values of its key's kind
            waiting += [_Place(layer, kept, child) for child in value]
        elif isinstance(value, str):
            _check_string(layer, key, value)


def is_quantized(config: Any) -> bool:
    """Say whether a configuration holds layers of tfmot, which are then looked up under its names."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str) and value["class_name"] in QUANTIZED:
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _name_of(value: Mapping[str, Any]) -> str:
    inner = value.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _check_object(layer: str, value: Mapping[str, Any]) -> None:
    kind, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    if kind == "function":
        _check_function(layer, value)
        return
    if not isinstance(kind, str) or kind not in CLASSES:
        raise Unwanted(f"{_where(layer)} is {_described(kind)}.")
    if module is not None and not _is_module(module):
        raise Unwanted(
            f"{_where(layer)} claims to come from '{plain(module, 60)}', which is not a module of tf_keras; "
            f"use built-in layers."
        )
    if registered is not None and (not isinstance(registered, str) or registered not in CLASSES):
        raise Unwanted(
            f"{_where(layer)} is registered as '{plain(registered, 60)}', a class of its author's own; use "
            f"built-in layers."
        )
    if kind in OPERATION_LAYERS:
        _check_operation(layer, value)
    if kind in ARRAYS:
        _check_array(layer, value)


def _check_function(layer: str, value: Mapping[str, Any]) -> None:
    """Allow an activation that is written as a function."""
    names = (value.get("config"), value.get("registered_name"))
    known = all(name is None or name == "function" or _is_activation(name) for name in names)
    module = value.get("module")
    if not known or not (module is None or _is_module(module)):
        raise Unwanted(
            f"{_where(layer)} uses the function '{plain(names[0], 60)}', which tf_keras does not have; use "
            f"a built-in one."
        )


def _check_operation(layer: str, value: Mapping[str, Any]) -> None:
    config = value.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    if not isinstance(function, str) or function.removeprefix("compat.v1.") not in OPERATIONS:
        raise Unwanted(
            f"{_where(layer)} is the operation tf.{plain(function, 60)}, which may do more than compute; "
            f"rebuild the model without it."
        )


def _check_array(layer: str, value: Mapping[str, Any]) -> None:
    config = value.get("config")
    if not isinstance(config, dict) or str(config.get("dtype")) not in DTYPES:
        raise Unwanted(
            f"{_where(layer)} holds a constant that is not a plain number; rebuild the model without it."
        )


def _check_string(layer: str, key: str, value: str) -> None:
    if value == COMPOSITE:
        raise Unwanted(
            f"{_where(layer)} holds a constant that is not a plain number; rebuild the model without it."
        )
    if key.endswith("activation") and not _is_activation(value):
        raise Unwanted(
            f"{_where(layer)} has the activation '{plain(value, 60)}', which tf_keras does not have; use a "
            f"built-in one."
        )
    if key in ATTRIBUTE_KEYS and value not in ATTRIBUTES:
        raise Unwanted(
            f"{_where(layer)} names '{plain(value, 60)}' in {key}, which is not a weight or activation."
        )
    if key.endswith(PART_KEYS) and value not in PART_NAMES:
        raise Unwanted(
            f"{_where(layer)} has the {key.replace('_', ' ')} '{plain(value, 60)}', which tf_keras does not have; "
            f"use a built-in one."
        )


def _is_activation(name: Any) -> bool:
    return isinstance(name, str) and name in ACTIVATIONS


def _is_module(name: Any) -> bool:
    return isinstance(name, str) and MODULE.fullmatch(name) is not None


def _described(kind: Any) -> str:
    known = ADVICE.get(kind) if isinstance(kind, str) else None
    return known or (
        f"a '{plain(kind, 60)}', which is not a layer or part of tf_keras that is known to run no code; "
        f"rebuild the model from built-in layers"
    )


def _where(layer: str) -> str:
    return f"layer '{plain(layer, 80)}'" if layer else "the model"
