"""Configurations of Keras models, written as Keras writes them, so that a test needs no TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

IMAGE = (64, 48, 3)


def layer(kind: str, name: str, *given: str, call: int = 0, **config: Any) -> dict[str, Any]:
    """Give a layer that reads others, each by its first call."""
    nodes = [[[source, call, 0, {}] for source in given]] if given else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def operation(function: str, name: str, source: str, **arguments: Any) -> dict[str, Any]:
    """Give a TensorFlow operation of one tensor."""
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    config = {"name": name, "function": function}
    nodes = [[source, 0, 0, {**arguments, "name": None}]]
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}


def image(name: str = "image", shape: tuple[int, ...] = IMAGE) -> dict[str, Any]:
    """Give an input."""
    return layer("InputLayer", name, batch_input_shape=[None, *shape])


def functional(*layers: dict[str, Any], name: str = "model", ends: list[str] | None = None) -> dict[str, Any]:
    """Give a functional model; its last layer is its output where `ends` names no others."""
    entries = list(layers)
    outputs = ends or [entries[-1]["name"]]
    config = {
        "name": name,
        "layers": entries,
        "input_layers": [[entries[0]["name"], 0, 0]],
        "output_layers": [[end, 0, 0] for end in outputs],
    }
    return {"class_name": "Functional", "name": name, "config": config, "inbound_nodes": []}


def called(model: dict[str, Any], *given: str) -> dict[str, Any]:
    """Give a model as a layer of another, called once."""
    return {**model, "inbound_nodes": [[[source, 0, 0, {}] for source in given]]}


def sequential(*layers: dict[str, Any], name: str = "sequential") -> dict[str, Any]:
    """Give a sequential model."""
    entries = [{key: value for key, value in entry.items() if key != "inbound_nodes"} for entry in layers]
    return {"class_name": "Sequential", "name": name, "config": {"name": name, "layers": entries}}


def written(path: Path, config: dict[str, Any]) -> Path:
    """Write a file of a configuration without weights, as far as a plan looks."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.21.0"
        file["weights"] = [0.5] * 10_000  # more than any layer here has units
    return path
