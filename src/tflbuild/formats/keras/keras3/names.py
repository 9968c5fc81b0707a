"""Names that a configuration of Keras 3 may hold before Keras 3 itself is given the file: what computes, no code.

Keras 3 imports the module that an object names and takes any class of it. So what is known is allowed, by module, class
and registered name, at any depth, and the rest refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.inert_names import PARTS
from tflbuild.formats.keras.keras3.calls import CONSTANTS, ELLIPSIS, SLICE
from tflbuild.formats.keras.keras3.entries import GRAPHS
from tflbuild.formats.keras.keras3.known import APPLICATIONS
from tflbuild.formats.keras.keras3.known import LAYERS as MORE_LAYERS
from tflbuild.formats.keras.keras3.known import OPERATIONS as MORE_OPERATIONS
from tflbuild.formats.keras.keras3.layers import LAYERS
from tflbuild.formats.keras.keras3.operations import KINDS

MODULE = re.compile(
    r"keras(\.(layers|models|initializers|regularizers|constraints|dtype_policies|activations))?|"
    r"keras\.src\.models\.(functional|sequential|model)|builtins"
)
"""Modules that layers, models and parts may be said to come from."""

OPERATIONS = re.compile(r"keras\.src\.ops\.(numpy|nn|core|image|math|linalg)")

LAYER_CLASSES = frozenset((*GRAPHS, *LAYERS, *MORE_LAYERS, "InputLayer", "DTypePolicy", *PARTS))

OPERATION_CLASSES = KINDS | MORE_OPERATIONS

VALUES = ("__keras_tensor__", *CONSTANTS, SLICE, ELLIPSIS)

BUILT = ("build_config", "compile_config")
"""Fields of an entry besides its options: how it was built and compiled, which Keras finds again without it."""


def inert(config: Any) -> Any:
    """Give a configuration without what it was built and compiled with, where all its objects are known.

    Raises:
        Unwanted: one is not.
    """
    if isinstance(config, list):
        return [inert(one) for one in config]
    if not isinstance(config, dict):
        return config
    if "class_name" in config:
        _check(config)
    return {key: inert(value) for key, value in config.items() if key not in BUILT}


def in_float32(config: Any) -> Any:
    """Give a configuration all of whose layers compute in float32."""
    if isinstance(config, list):
        return [in_float32(one) for one in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": "float32"}}
    return {
        key: "float32" if key == "dtype" and value in HALF else in_float32(value)
        for key, value in config.items()
    }


HALF = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def _check(entry: Mapping[str, Any]) -> None:
    kind, module, registered = (entry.get(key) for key in ("class_name", "module", "registered_name"))
    if kind in VALUES and module is None and registered is None:
        return
    if not (isinstance(kind, str) and _is_known(module, kind)) or registered not in (None, kind):
        raise Unwanted(
            f"the configuration names {plain(module, 60)}.{plain(kind, 60)}, which is nothing of Keras 3 that is known "
            f"to run no code; use built-in layers."
        )


def _is_known(module: Any, kind: str) -> bool:
    if module is None:  # as in a .h5
        return kind in LAYER_CLASSES
    name = str(module)
    return bool(
        (MODULE.fullmatch(name) and kind in LAYER_CLASSES)
        or (OPERATIONS.fullmatch(name) and kind in OPERATION_CLASSES)
        or (name, kind) in APPLICATIONS
    )
