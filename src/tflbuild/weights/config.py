"""The configuration of a Keras model, as far as weights need it: names, classes and epsilons; nothing is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tflbuild.formats.keras.group_names import group_name
from tflbuild.formats.keras.inert_names import GRAPHS
from tflbuild.weights.layer import USUAL_EPSILON

_NORM = ("gamma", "beta", "moving_mean", "moving_variance")

ROLES: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "depthwise_conv2d": ("depthwise_kernel", "bias"),
    "batch_normalization": _NORM,
    "sync_batch_normalization": _NORM,
}
"""Arrays of a layer in the order of their numbers, by its class as a file writes it."""


class Place(NamedTuple):
    """Where a `.keras` keeps a layer.

    Attributes:
        name: of the layer.
        word: its class, as the file writes it.
        group: of the HDF5 file.
        epsilon: of a norm.
    """

    name: str
    word: str
    group: str
    epsilon: float


def places_of(config: Mapping[str, Any]) -> list[Place]:
    """List the layers of a model, those of models within it too, in its order.

    Raises:
        ValueError: it is no configuration of a graph of layers; completes "it ".
    """
    try:
        return list(_places(config["config"]["layers"], ""))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("holds no graph of layers") from error


def epsilons_of(config: Mapping[str, Any]) -> dict[str, float]:
    """Give the epsilon of every norm by its name.

    Raises:
        ValueError: it is no configuration of a graph of layers; completes "it ".
    """
    return {place.name: place.epsilon for place in places_of(config)}


def _places(entries: list[Mapping[str, Any]], within: str) -> Iterator[Place]:
    counts: dict[str, int] = {}
    for entry in entries:
        kind, options = str(entry["class_name"]), entry["config"]
        word = group_name(kind)
        number = counts.get(word, 0)
        counts[word] = number + 1
        group = f"{within}layers/{word}{f'_{number}' if number else ''}"
        if kind in GRAPHS:
            yield from _places(options["layers"], f"{group}/")
        else:
            epsilon = options.get("epsilon", USUAL_EPSILON)
            given = epsilon if isinstance(epsilon, float) else USUAL_EPSILON
            yield Place(str(options.get("name", entry.get("name", ""))), word, group, given)
