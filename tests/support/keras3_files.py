"""Files of Keras 3 written by hand, as Keras 3.15 writes them, without any framework."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHAPE = (8, 8, 3)

VERSION = "3.15.1"


def tensor(name: str, *, call: int = 0, shape: tuple[int, ...] = SHAPE) -> dict[str, Any]:
    """Give a tensor as the argument of a call."""
    inner = {"shape": [None, *shape], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": inner}


def policy(name: str = "float32") -> dict[str, Any]:
    """Give a number format."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": name}, "registered_name": None}


def layer(
    kind: str, name: str, *given: Any, module: str | None = "keras.layers", **options: Any
) -> dict[str, Any]:
    """Give a layer that is called once for each of the names, tensors or lists of tensors that are given."""
    nodes = [{"args": [tensor(one) if isinstance(one, str) else one], "kwargs": {}} for one in given]
    config = {"name": name, "trainable": True, "dtype": policy(), **options}
    made = {"class_name": kind, "config": config, "name": name, "inbound_nodes": nodes}
    return {**made, "module": module, "registered_name": None} if module else made


def operation(kind: str, name: str, *args: Any, module: str = "numpy", **options: Any) -> dict[str, Any]:
    """Give an operation of `keras.ops` that is called with tensors and numbers."""
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": kind,
        "config": {"name": name, **options},
        "registered_name": kind,
        "name": name,
        "inbound_nodes": [{"args": list(args), "kwargs": {}}],
    }


def image(name: str = "image", shape: tuple[int, ...] = SHAPE) -> dict[str, Any]:
    """Give an input."""
    return layer("InputLayer", name, batch_shape=[None, *shape], sparse=False, ragged=False, optional=False)


def functional(*layers: dict[str, Any], name: str = "model", given: Any = ()) -> dict[str, Any]:
    """Give a functional model; as a layer of another it is called once for each of the names that are given."""
    inner = {
        "name": name,
        "trainable": True,
        "layers": list(layers),
        "input_layers": [layers[0]["name"], 0, 0],
        "output_layers": [layers[-1]["name"], 0, 0],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": inner,
        "registered_name": "Functional",
        "name": name,
        "inbound_nodes": [{"args": [tensor(one)], "kwargs": {"mask": None}} for one in given],
    }


def dense(**options: Any) -> dict[str, Any]:
    """Give a small classifier."""
    return functional(
        image(),
        layer("Flatten", "flat", "image", data_format="channels_last"),
        layer("Dense", "scores", "flat", **{"units": 2, "activation": "softmax", **options}),
    )


def dense_weights() -> dict[str, Any]:
    """Give the weights of `dense`, by their place in a `.keras`."""
    return {
        "layers/dense/vars/0": np.arange(384, dtype=np.float32).reshape(192, 2),
        "layers/dense/vars/1": np.array([5, 7], np.float32),
    }


def store(weights: Mapping[str, Any], names: Mapping[str, str] = {}) -> bytes:
    """Write weights by path; names are those that groups say."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        for path, values in weights.items():
            file[path] = values
        for group, name in names.items():
            file.require_group(group).attrs["name"] = name
    return target.getvalue()


def keras(path: Path, config: Any, weights: bytes | None = None) -> Path:
    """Write a `.keras`."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": VERSION}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", store(dense_weights()) if weights is None else weights)
    return path
