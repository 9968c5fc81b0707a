"""What a Keras model's file says of itself, read without TensorFlow, so that a plan can look at it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.errors import BrokenPromise, RecipeError

GRAPHS = ("Functional", "Sequential", "Model")
"""Classes of a model that is a graph of layers."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the file says.

    Attributes:
        config: the model's class and configuration, as Keras writes them.
        version: the Keras that wrote it.
        facts: the `ModelFacts` that tflbuild embedded; {} where there are none.
    """

    config: Mapping[str, Any]
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def layers(self) -> Iterator[Mapping[str, Any]]:
        """Give the configuration of every layer, in the file's order."""
        yield from self.config.get("config", {}).get("layers", [])

    def inputs(self) -> list[tuple[int | None, ...]]:
        """Give the shape of each input, without the batch."""
        shapes: list[tuple[int | None, ...]] = []
        for layer in self.layers():
            shape = layer.get("config", {}).get("batch_input_shape")
            if shape and (layer["class_name"] == "InputLayer" or not shapes):
                shapes.append(tuple(shape[1:]))
        return shapes

    def outputs(self) -> list[str]:
        """Give the activation that each output ends in, "" for none."""
        layers = {layer.get("config", {}).get("name"): layer for layer in self.layers()}
        last = [list(layers)[-1]] if layers else []
        ends = self.config.get("config", {}).get("output_layers")
        names = [end[0] for end in ends if isinstance(end, list)] if ends else last
        if ends and isinstance(ends[0], str):  # one output, not in a list
            names = [ends[0]]
        return [_activation(layers[name]) for name in names]


def _activation(layer: Mapping[str, Any]) -> str:
    if layer["class_name"] == "Softmax":
        return "softmax"
    activation = layer.get("config", {}).get("activation", "")
    return activation if isinstance(activation, str) else ""


def read(path: Path) -> Header:
    """Read what a `.h5` or `.keras` file says of its model.

    Raises:
        RecipeError: the file is missing, or no model.
    """
    if not path.is_file():
        raise RecipeError(f"model.path: there is no file '{path}'.")
    try:
        header = _zipped(path) if zipfile.is_zipfile(path) else _hdf5(path)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecipeError(
            f"model.path: '{path}' is not a Keras model; expected a whole model saved by tf_keras as .h5 or .keras "
            f"({' '.join(str(error).split())[:160]})."
        ) from error
    return header


def check_opens(path: Path) -> None:
    """Look whether a pass wrote a file that can be read as a model.

    Raises:
        BrokenPromise: it is cut short, or something else.
    """
    try:
        read(path)
    except RecipeError as error:
        raise BrokenPromise(f"the file it wrote cannot be read: {error.__cause__ or error}") from error


def _zipped(path: Path) -> Header:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        metadata = json.loads(archive.read("metadata.json"))
    return Header(config=config, version=str(metadata.get("keras_version", "")))


def _hdf5(path: Path) -> Header:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ValueError("it holds no model configuration, perhaps only weights")
        return Header(
            config=json.loads(_text(file.attrs["model_config"])),
            version=_text(file.attrs.get("keras_version", "")),
            facts=json.loads(_text(file.attrs.get("tflbuild.facts", "{}"))),
        )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def check(header: Header, path: Path) -> None:
    """Refuse a model that no pass could take.

    Raises:
        RecipeError: it was written by Keras 3, is no graph of layers, would run code that the file holds, or does
            not take one image of a fixed size.
    """
    if header.version and int(header.version.split(".")[0]) >= 3:
        raise RecipeError(
            f"model.path: '{path}' was saved by Keras {header.version}; tflbuild needs a model of tf_keras (Keras 2), "
            f"which is what tf.keras gives with TF_USE_LEGACY_KERAS=1."
        )
    kind = header.config.get("class_name", "")
    if kind not in GRAPHS or not any(header.layers()):
        raise RecipeError(
            f"model.path: '{path}' holds a subclassed model ('{kind}'), whose graph is Python code; rebuild it as a "
            f"functional model: tf_keras.Model(inputs, outputs)."
        )
    _check_layers(header.layers(), path)
    inputs = header.inputs()
    if len(inputs) != 1:
        raise RecipeError(f"model.path: '{path}' has {len(inputs)} inputs; one image is expected.")
    shape = inputs[0]
    if len(shape) != 3 or shape[-1] != 3:
        raise RecipeError(
            f"model.path: the input of '{path}' has shape {shape}; (height, width, 3) is expected."
        )
    if None in shape:
        raise RecipeError(
            f"model.path: the input of '{path}' has shape {shape}; height and width must be fixed numbers, e.g. "
            f"Input((96, 96, 3))."
        )


def _check_layers(layers: Iterator[Mapping[str, Any]], path: Path) -> None:
    for layer in layers:
        name = layer.get("config", {}).get("name", "")
        if layer["class_name"] == "Lambda":
            raise RecipeError(
                f"model.path: layer '{name}' of '{path}' is a Lambda, Python code in a file, which tflbuild does not "
                f"execute; use built-in layers, and declare scaling of pixels in data.preprocess."
            )
        if layer["class_name"] in GRAPHS:
            _check_layers(iter(layer["config"].get("layers", [])), path)
