"""Keras files written by hand, without TensorFlow: right ones, and what somebody may have prepared."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Change = Callable[[Any], None]


def layer(kind: str, name: str, *inputs: str, **options: Any) -> dict[str, Any]:
    """Give a layer of a functional model."""
    nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **options}, "inbound_nodes": nodes}


IMAGE = layer("InputLayer", "image", batch_input_shape=[None, 8, 8, 3], dtype="float32")


def functional(*layers: dict[str, Any]) -> dict[str, Any]:
    """Give a model from an image through some layers to the last one."""
    return {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [IMAGE, *layers],
            "input_layers": [["image", 0, 0]],
            "output_layers": [[layers[-1]["name"], 0, 0]],
        },
    }


def dense(activation: Any = "softmax", **options: Any) -> dict[str, Any]:
    """Give a small classifier."""
    return functional(
        layer("Flatten", "flat", "image"),
        layer("Dense", "scores", "flat", units=2, activation=activation, **options),
    )


def weights(kernel: Any = None) -> dict[str, Any]:
    """Give the weights of `dense` by path."""
    values = np.zeros((192, 2), np.float32) if kernel is None else kernel
    return {"scores/scores/kernel:0": values, "scores/scores/bias:0": np.zeros(2, np.float32)}


def h5(
    path: Path, config: Any, change: Change | None = None, *, kernel: Any = None, version: str = "2.21.0"
) -> Path:
    """Write a `.h5`.

    Args:
        path: the file.
        config: of the model; text is written as it is.
        change: what else is done to the file.
        kernel: of the last layer.
        version: of the Keras that wrote it.
    """
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config if isinstance(config, str | bytes) else json.dumps(config)
        file.attrs["keras_version"] = version
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"image", b"flat", b"scores"])
        for name in ("image", "flat"):
            group.create_group(name).attrs["weight_names"] = np.array([], "S1")
        group.create_group("scores").attrs["weight_names"] = np.array([b"scores/kernel:0", b"scores/bias:0"])
        for name, values in weights(kernel).items():
            group[name] = values
        if change:
            change(file)
    return path


def keras(path: Path, config: Any, members: Mapping[str, bytes] | None = None, **options: Any) -> Path:
    """Write a `.keras`.

    Args:
        path: the file.
        config: of the model.
        members: more of them, or in the place of those that belong there.
        options: of the archive.
    """
    store = io.BytesIO()
    with h5py.File(store, "w") as file:
        for number, values in enumerate(weights().values()):
            file[f"_layer_checkpoint_dependencies/dense/vars/{number}"] = values
    parts = {
        "metadata.json": json.dumps({"keras_version": "2.21.0"}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": store.getvalue(),
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path
