"""The layers of an HDF5 file that Keras wrote: a whole model's `.h5`, or weights alone; only numbers are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from tflbuild.core import json_text
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras import hdf5
from tflbuild.formats.keras.config import MALFORMED
from tflbuild.weights import config as keras_config
from tflbuild.weights.layer import USUAL_EPSILON, Array, Layer, layer_of
from tflbuild.weights.matching import Theirs

WHOLE = "model_weights"
"""Group of a whole model's weights."""

NUMBERED = "layers"
"""Group of a `.weights.h5`, whose arrays have numbers in the place of names."""

TOP = "top_level_model_weights"


def theirs_of(content: bytes) -> Theirs:
    """Read the layers of a `.h5`.

    Raises:
        ValueError: it is damaged, or holds no weights of layers; the message completes "it ".
    """
    found = surveyed(content)
    epsilons: Mapping[str, float] = {}
    if "model_config" in found.texts:
        try:
            epsilons = keras_config.epsilons_of(json_text.mapping_of(found.texts["model_config"]))
        except ValueError as error:
            raise ValueError(f"holds a configuration that {error}") from error
    try:
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            root = file.get(WHOLE, file)
            if "layer_names" in root.attrs or "layer_names0" in root.attrs:
                return Theirs(layers=list(_named(root, epsilons)))
            if NUMBERED in file:
                return Theirs(layers=list(_self_named(file[NUMBERED])), ordered=False)
    except (*MALFORMED, OSError) as error:
        if type(error) is ValueError:
            raise
        raise ValueError(f"holds weights that cannot be read ({type(error).__name__})") from error
    raise ValueError("holds no layers of Keras")


def surveyed(content: bytes) -> hdf5.Survey:
    """Look through an HDF5 file in another process.

    Raises:
        ValueError: it is damaged, or holds numbers that are not finite; completes "it ".
    """
    found = hdf5.survey(content)
    if found.not_finite:
        raise ValueError(f"holds weights that are not finite, in {plain(found.not_finite[0], 120)}")
    return found


def _named(root: Any, epsilons: Mapping[str, float]) -> Iterator[Layer]:
    """Give the layers of a file that names them, in its order; those of models within it, too."""
    for top in _texts(root, "layer_names"):
        if top == TOP:
            continue
        group, arrays = root[top], dict[str, dict[str, Array]]()
        for path in _texts(group, "weight_names"):
            parts = path.removesuffix(":0").split("/")
            name = parts[-2] if len(parts) > 1 else top
            arrays.setdefault(name, {})[parts[-1]] = np.asarray(group[path])
        for name, found in arrays.items():
            yield layer_of(name, found, epsilon=epsilons.get(name, USUAL_EPSILON))


def _texts(group: Any, name: str) -> list[str]:
    """Read an attribute of names, which Keras cuts in pieces where it is long."""
    pieces = [group.attrs[name]] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs and name not in group.attrs:
        pieces.append(group.attrs[f"{name}{len(pieces)}"])
    return [one.decode() if isinstance(one, bytes) else str(one) for piece in pieces for one in piece]


def _self_named(layers: Any) -> Iterator[Layer]:
    """Give the layers of a `.weights.h5` by the names that Keras 3 notes beside their numbers.

    Raises:
        ValueError: there are none; completes "it ".
    """
    groups: list[tuple[str, Any]] = []
    layers.visititems(
        lambda path, item: groups.append((path, item)) if path.rpartition("/")[2] == "vars" else None
    )
    for path, group in groups:
        if not len(group):
            continue
        if "name" not in group.attrs:
            raise ValueError(
                "numbers its weights and names no layers; save the whole model as .keras or .h5, or the weights as .h5"
            )
        word = path.split("/")[-2]
        yield numbered(group, str(group.attrs["name"]), re.sub(r"_\d+$", "", word))


def numbered(group: Any, name: str, word: str, epsilon: float = USUAL_EPSILON) -> Layer:
    """Give a layer whose arrays are numbered, by its class.

    Args:
        group: it holds "0", "1", ....
        name: of the layer.
        word: its class as Keras writes it in the file, e.g. "conv2d".
        epsilon: of a norm.
    """
    arrays = [np.asarray(group[str(place)]) for place in range(len(group))]
    roles = keras_config.ROLES.get(word, ())
    if len(arrays) > len(roles) or (word == "batch_normalization" and len(arrays) != len(roles)):
        return layer_of(name, {f"variable_{place}": array for place, array in enumerate(arrays)})
    return layer_of(name, dict(zip(roles, arrays, strict=False)), epsilon=epsilon)
