"""The layers of a checkpoint of TensorFlow 2, alone or in a SavedModel; its graph is never loaded."""

from __future__ import annotations

import re
from collections import Counter
from glob import escape
from pathlib import Path

from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed, Message
from tflbuild.weights.layer import Array
from tflbuild.weights.matching import Theirs
from tflbuild.weights.npz import by_name

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""Key of the description of what was saved."""

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"

STATE = re.compile(r".*\.OPTIMIZER_SLOT.*|optimizer/.*|keras_api/.*|(.*/)?(save_counter|step|iter)/.*")
"""Keys of what is no weight of the model."""

FIRST = "feature_extractor"
"""Part of the Object Detection API's detectors that comes first, though a checkpoint lists the heads before it."""


def beginning_of(path: Path) -> Path:
    """Find a checkpoint: the beginning of the names of its files.

    Args:
        path: a SavedModel's folder, a folder that holds one or a checkpoint, or an `.index` file.

    Raises:
        ValueError: there is none, or there are several; completes "it ".
    """
    if path.suffix == ".index":
        return path.with_suffix("")
    for folder in (path / "variables", path / "saved_model" / "variables"):
        if (folder / "variables.index").is_file():
            return folder / "variables"
    found = sorted(path.glob("*.index"))
    if len(found) == 1:
        return found[0].with_suffix("")
    if found:
        raise ValueError(f"holds {len(found)} checkpoints; give one's file, e.g. {plain(found[-1])}")
    raise ValueError("is a folder without a SavedModel or a checkpoint")


def files_of(path: Path) -> tuple[Path, ...]:
    """Name the files of a checkpoint.

    Raises:
        ValueError: there is none; completes "it ".
    """
    beginning = beginning_of(path)
    data = sorted(beginning.parent.glob(f"{escape(beginning.name)}.data-*"))
    if not data:
        raise ValueError(f"has no {plain(beginning.name)}.data-* beside its index")
    return (beginning.with_name(f"{beginning.name}.index"), *data)


def theirs_of(path: Path) -> Theirs:
    """Read the layers of a checkpoint.

    Raises:
        ValueError: it cannot be read; completes "it ".
    """
    from tflbuild.backends import checkpoint

    files_of(path)
    arrays, description = checkpoint.read(beginning_of(path), GRAPH, STATE)
    try:
        names = names_of(description)
    except Malformed as error:
        raise ValueError(f"describes its variables in a way that {error}") from error
    found: dict[str, Array] = {}
    for key in sorted(arrays, key=_order):
        found[names.get(key) or key.removesuffix(VALUE)] = arrays[key]
    return Theirs(layers=list(by_name(found)))


def names_of(description: bytes) -> dict[str, str]:
    """Give the names of variables by their keys, as a checkpoint describes them; {} where it does not.

    Source: `tensorflow/core/protobuf/trackable_object_graph.proto`.
    """
    found: dict[str, str] = {}
    for node in Message(description).messages(1):
        for attribute in node.messages(2):
            found[attribute.text(3)] = attribute.text(2)
    counts = Counter(found.values())
    return {key: name for key, name in found.items() if name and counts[name] == 1}


def _order(key: str) -> tuple[object, ...]:
    """Sort keys as their numbers say, the backbone first."""
    parts = re.split(r"(\d+)", key)
    numbers = tuple(int(part) if part.isdigit() else part for part in parts)
    return (FIRST not in key, *numbers)
