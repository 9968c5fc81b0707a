"""Layers of a Keras file that are called in training mode for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tflbuild.formats.keras.header import read


def norms_in_training(path: Path) -> list[str]:
    """Name the batch norms of a Keras file that are called with `training=True`.

    Args:
        path: an `.h5` or `.keras` file.
    """
    return [
        str(layer["config"].get("name", ""))
        for layer in read(path).every_layer()
        if layer.get("class_name") == "BatchNormalization" and any(_trains(layer.get("inbound_nodes")))
    ]


def _trains(value: Any) -> Iterator[bool]:
    """Find calls with `training=True` among the calls of a layer."""
    if isinstance(value, Mapping):
        yield value.get("training") is True
        for one in value.values():
            yield from _trains(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _trains(one)
