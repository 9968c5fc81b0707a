"""The weights in a file of Keras 3, layer by layer: each is used once, and none is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.config import MALFORMED
from tflbuild.formats.keras.group_names import group_name
from tflbuild.formats.keras.keras3.entries import GRAPHS, is_operation, name_of
from tflbuild.formats.keras.keras3.layers import LAYERS

Path = tuple[str, ...]
"""Names of models from the outermost one's layers down to a layer."""

Arrays = Mapping[Path, list[npt.NDArray[Any]]]

LEGACY = "model_weights"
"""The group of a `.h5` that holds weights, which a `.keras` does not have."""

BESIDE = re.compile(r"(?:(?:.*/)?seed_generator|optimizer)(?:/.*)?|.*/seed_generator_state")
"""Data sets that are not weights: states of the optimizer and of what draws numbers."""


class _Place(NamedTuple):
    """A layer with weights and where a `.keras` keeps them.

    Attributes:
        path: the layer.
        kind: its class.
        group: of the file.
    """

    path: Path
    kind: str
    group: str


def weights_of(config: Mapping[str, Any], content: bytes) -> Arrays:
    """Read the weights of every layer, in the order in which tf_keras has them.

    Args:
        config: of the model, as Keras 3 wrote it.
        content: an HDF5 file that was surveyed.

    Raises:
        ValueError: they are not those of the model; the message completes "it ".
    """
    try:
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            places = list(_places(config["config"]["layers"], (), ""))
            root = file.get(LEGACY)
            found = _by_group(file, places) if root is None else _by_name(root, places)
    except (*MALFORMED, OSError) as error:
        if type(error) is ValueError:
            raise
        raise ValueError(f"holds weights that cannot be read ({type(error).__name__})") from error
    return found


def _places(entries: list[Mapping[str, Any]], path: Path, group: str) -> Iterator[_Place]:
    """Name every layer's group: by its class and how many of the class came before it, as Keras 3 does."""
    counts: dict[str, int] = {}
    for entry in entries:
        if is_operation(entry):
            continue
        kind, inner = entry["class_name"], (*path, name_of(entry))
        word = group_name(kind)
        number = counts.get(word, 0)
        counts[word] = number + 1
        place = f"{group}layers/{word}{f'_{number}' if number else ''}"
        if kind in GRAPHS:
            yield from _places(entry["config"]["layers"], inner, f"{place}/")
        else:
            yield _Place(inner, kind, place)


def _by_group(file: Any, places: list[_Place]) -> Arrays:
    """Read a `.keras`, whose weights are numbered within a group for each layer."""
    found, used = {}, set()
    for place in places:
        if place.kind not in LAYERS:
            continue
        equal = LAYERS[place.kind]
        group = file.get(place.group)
        if group is not None:
            _check_name(group, place)
        inner = f"{place.group}/{equal.inside}/vars" if equal.inside else f"{place.group}/vars"
        held = file.get(inner)
        numbers = sorted(held, key=int) if held is not None else []
        if numbers != [str(number) for number in range(len(numbers))]:
            raise ValueError(f"holds weights of layer '{plain(place.path[-1], 80)}' that are not numbered")
        found[place.path] = [np.asarray(held[number]) for number in numbers]
        used |= {f"{inner}/{number}" for number in numbers}
    _check_used(file, used)
    return found


def _check_name(group: Any, place: _Place) -> None:
    """Hold the layer's name to that which its group says, where it says one."""
    said = group["vars"].attrs.get("name") if "vars" in group else None
    if said is not None and str(said) != place.path[-1]:
        raise ValueError(
            f"holds weights of '{plain(said, 80)}' where those of layer '{plain(place.path[-1], 80)}' belong"
        )


def _by_name(root: Any, places: list[_Place]) -> Arrays:
    """Read a `.h5`, whose weights lie in a group for each layer of the outermost model, under their names."""
    held = {top: list(_datasets(root[top])) for top in root if isinstance(root[top], h5py.Group)}
    found, used = {}, set()
    for place in places:
        if place.kind not in LAYERS:
            continue
        top, equal = place.path[0], LAYERS[place.kind]
        depth = -3 if equal.inside else -2
        named: dict[str, str] = {}
        for path in held.get(top, []):
            parts = path.split("/")
            if len(parts) < -depth or parts[depth] != place.path[-1] or BESIDE.fullmatch(path):
                continue
            if parts[-1] in named or parts[-1] not in equal.weights.split():
                raise ValueError(
                    f"holds '{plain(path, 120)}', which may be of two layers '{plain(place.path[-1], 80)}'; save the "
                    f"model as .keras"
                )
            named[parts[-1]] = path
        found[place.path] = [
            np.asarray(root[top][named[one]]) for one in equal.weights.split() if one in named
        ]
        used |= {f"{top}/{path}" for path in named.values()}
    _check_used(root, used)
    return found


def _datasets(group: Any) -> Iterator[str]:
    names: list[str] = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    yield from names


def _check_used(group: Any, used: set[str]) -> None:
    for path in _datasets(group):
        if path not in used and not BESIDE.fullmatch(path):
            raise ValueError(f"holds the weights '{plain(path, 120)}', which no layer of the model has")
