"""Read the configuration and facts in a Keras model's file without TensorFlow, so that a plan can."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.formats.keras import archive as keras_archive
from tflbuild.formats.keras import graph as keras_graph
from tflbuild.formats.keras import hdf5
from tflbuild.formats.keras.inert import Unwanted, check_inert
from tflbuild.formats.keras.inert_names import GRAPHS
from tflbuild.formats.keras.keras3 import file as keras3

__all__ = ["GRAPHS", "Header", "check", "check_opens", "header_of", "read"]

MOST_BYTES = 1 << 32

VERSION = re.compile(r"(\d{1,3})(\.[0-9A-Za-z.+-]*)?")


@dataclass(frozen=True, kw_only=True)
class Header:
    """The checked configuration and facts of a Keras file: what is read of them has the type that it should.

    Attributes:
        config: the model's class and configuration, as Keras writes them.
        version: the Keras that wrote it.
        origin: of a file of Keras 3, what it came from; `config` is in the form of tf_keras all the same, but for
            layers that tf_keras lacks.
        facts: the `Meaning` that tflbuild embedded; {} where there are none.
        elements: how many numbers the file holds.
        not_finite: layers, by the path of their weights in the file, that hold a NaN or an infinity.
    """

    config: Mapping[str, Any]
    version: str
    origin: keras3.Origin | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    elements: int = 0
    not_finite: tuple[str, ...] = ()

    def layers(self) -> Iterator[Mapping[str, Any]]:
        """Give the configuration of every layer, in the file's order."""
        yield from keras_graph.layers_of(self.config)

    def every_layer(self) -> Iterator[Mapping[str, Any]]:
        """Give the configuration of every layer at any depth: in models, wrappers and cells; outer ones first."""
        yield from keras_graph.every_layer(self.config)

    def inputs(self) -> list[tuple[int | None, ...]]:
        """Give the shape of each input, without the batch."""
        shapes: list[tuple[int | None, ...]] = []
        for layer in self.layers():
            shape = layer["config"].get("batch_input_shape")
            if shape and (layer["class_name"] == "InputLayer" or not shapes):
                shapes.append(tuple(shape[1:]))
        return shapes

    def outputs(self) -> list[str]:
        """Give the activation that each output ends in, "" for none."""
        return [_activation(layer) for layer in self.ends()]

    def ends(self) -> list[Mapping[str, Any]]:
        """Give the layer that each output comes from; [] for a model that is no graph of layers."""
        layers = {keras_graph.name_of(layer): layer for layer in self.layers()}
        names = keras_graph.output_names(self.config)
        return [layers[name] for name in names]


def _activation(layer: Mapping[str, Any]) -> str:
    if layer["class_name"] == "Softmax":
        return "softmax"
    activation = layer["config"].get("activation", "")
    return activation if isinstance(activation, str) else ""


def read(path: Path, key: str = "model.path: ") -> Header:
    """Read what a `.h5` or `.keras` file says of its model.

    Args:
        path: the file.
        key: what a sentence about it starts with.

    Raises:
        RecipeError: the file is missing, or no model.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise RecipeError(f"{key}there is no file '{plain(path)}'.") from error
    try:
        return _remembered(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{key}'{plain(path)}' is not a Keras model (it {_reason(error)}); expected a whole model "
            f"saved by Keras as .h5 or .keras."
        ) from error


def _reason(error: Exception) -> str:
    text = f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
    return plain(" ".join(text.split()), 200)


@lru_cache(maxsize=8)
def _remembered(path: Path, *_state: int) -> Header:
    """Read a file once as long as it stays as it is: a plan asks many times."""
    return header_of(read_regular(path, MOST_BYTES))


def header_of(content: bytes) -> Header:
    """Read what a file's bytes say.

    What it is, its first bytes decide: an archive behind an HDF5 file, or in reverse, is never looked at.

    Raises:
        ValueError: it is no model; the message completes "it ".
    """
    if content.startswith(hdf5.SIGNATURE):
        return _hdf5(content)
    if content.startswith(keras_archive.SIGNATURE):
        return _zipped(keras_archive.unpack(content))
    raise ValueError("is neither HDF5 nor a zip archive")


def _zipped(archive: keras_archive.Archive) -> Header:
    found = hdf5.survey(archive.weights)
    config, origin = _taken(archive.config, archive.version)
    return Header(
        config=config,
        version=archive.version,
        origin=origin,
        elements=found.elements,
        not_finite=found.not_finite,
    )


def _hdf5(content: bytes) -> Header:
    found = hdf5.survey(content)
    if "model_config" not in found.texts:
        raise ValueError(
            "holds only weights, without the model's configuration; save the whole model: model.save"
        )
    facts = _parsed(found.texts.get("tflbuild.facts", "{}"), "facts of tflbuild")
    try:
        known = Meaning.from_json(facts).to_json() if facts else {}
    except ValueError as error:
        raise ValueError(f"holds facts of tflbuild that cannot be true: {error}") from error
    version = found.texts.get("keras_version", "")
    config, origin = _taken(_parsed(found.texts["model_config"], "a configuration"), version)
    return Header(
        config=config,
        version=version,
        origin=origin,
        facts=known,
        elements=found.elements,
        not_finite=tuple(
            path.removeprefix("/model_weights/")
            for path in found.not_finite
            if path.startswith("/model_weights/")
        ),
    )


def _taken(config: Mapping[str, Any], version: str) -> tuple[Mapping[str, Any], keras3.Origin | None]:
    """Check a configuration, in the form of tf_keras where Keras 3 wrote it."""
    if not keras3.is_third(version):
        return keras_graph.checked(config), None
    made, origin = keras3.taken(config)
    return (made if origin.refused else keras_graph.checked(made)), origin


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        return json_text.mapping_of(text)
    except ValueError as error:
        raise ValueError(f"holds {what} that {error}") from error


def check_opens(path: Path) -> None:
    """Look whether a pass wrote a file that can be read as a model.

    Raises:
        BrokenPromise: it is cut short, or something else.
    """
    try:
        read(path)
    except RecipeError as error:
        raise BrokenPromise(f"the file it wrote cannot be read: {error.__cause__ or error}") from error


def check(header: Header, path: Path) -> None:
    """Refuse a model that no pass could take.

    Raises:
        RecipeError: it would run code that the file holds, holds weights that are not finite, has layers of Keras 3
            without an equal in tf_keras, is no graph of layers, or does not take one image of a fixed size.
    """
    check_loads(header, path)
    inputs = header.inputs()
    if len(inputs) != 1:
        raise RecipeError(f"model.path: '{plain(path)}' has {len(inputs)} inputs; expected one image.")
    shape = inputs[0]
    if len(shape) != 3 or shape[-1] != 3:
        raise RecipeError(
            f"model.path: the input of '{plain(path)}' has shape {shape}; expected (height, width, 3)."
        )
    if None in shape:
        raise RecipeError(
            f"model.path: the input of '{plain(path)}' has shape {shape}; height and width must be fixed numbers, "
            f"e.g. Input((96, 96, 3))."
        )


def check_loads(header: Header, path: Path, key: str = "model.path: ") -> None:
    """Refuse what tf_keras must not or could not load, whatever the model takes and gives.

    Args:
        header: of the file.
        path: the file.
        key: what the sentence starts with.

    Raises:
        RecipeError: it would run code that the file holds, holds weights that are not finite, has layers of Keras 3
            without an equal in tf_keras, or is no graph of layers.
    """
    if header.origin is not None and header.origin.lacking:
        raise RecipeError(
            f"{key}in '{plain(path)}', {header.origin.reason}; model=file can use it through Keras 3, in "
            f"recipes that do not train."
        )
    check_sound(header, path, key)


def check_sound(header: Header, path: Path, key: str = "model.path: ") -> None:
    """Refuse what neither tf_keras nor Keras 3 must load, whatever the model takes and gives.

    Args:
        header: of the file.
        path: the file.
        key: what the sentence starts with.

    Raises:
        RecipeError: it holds code that Keras 3 would run, holds weights that are not finite, or is no graph of layers.
    """
    said = plain(path)
    version = VERSION.fullmatch(header.version) if header.version else None
    if header.version and version is None:
        raise RecipeError(
            f"{key}'{said}' says that Keras '{plain(header.version, 40)}' saved it, which is not a version."
        )
    if header.origin is not None and header.origin.refused:
        raise RecipeError(f"{key}in '{said}', {header.origin.refused}")
    kind = header.config["class_name"]
    if kind not in GRAPHS or not any(header.layers()):
        raise RecipeError(
            f"{key}'{said}' holds a subclassed model ('{plain(kind, 60)}'), whose graph is Python code; rebuild it as "
            f"a functional model: tf_keras.Model(inputs, outputs)."
        )
    try:
        if (
            header.origin is None or not header.origin.lacking
        ):  # those of Keras 3 were checked when it was read
            check_inert(header.config)
        keras_graph.check_sizes(header.config, header.elements)
    except Unwanted as error:
        raise RecipeError(f"{key}in '{said}', {error}") from error
    if header.not_finite:
        raise RecipeError(
            f"{key}'{said}' holds weights that are not finite, in {plain(header.not_finite[0], 120)}"
            f"{f' and {len(header.not_finite) - 1} more' if len(header.not_finite) > 1 else ''}; train it again."
        )
