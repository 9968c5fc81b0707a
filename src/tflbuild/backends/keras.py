"""tf_keras models as files: load, save with their facts, name by content, run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras
from tf_keras import Model, initializers, layers

from tflbuild.backends import keras3_intake
from tflbuild.backends.keras_replay import scope_name
from tflbuild.core import digest
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import IMAGE, SOUND
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.core.task import Task
from tflbuild.formats.keras import archive as keras_archive
from tflbuild.formats.keras import hdf5
from tflbuild.formats.keras import header as keras_header
from tflbuild.formats.keras.ends import ends_of
from tflbuild.formats.keras.header import Header
from tflbuild.formats.keras.inert import is_quantized
from tflbuild.formats.keras.keras3.weights import weights_of

__all__ = ["Model", "fingerprint", "initializers", "layers", "load", "read_facts", "save"]

tf_keras.backend.experimental.enable_tf_random_generator()  # what Dropout draws follows from a state one can keep

FACTS = "tflbuild.facts"
"""Attribute of the HDF5 file that holds a `Meaning` mapping as JSON."""


def load(path: Path, *, finite: bool = True) -> Any:
    """Load a `tf_keras` model from `.h5` or `.keras`, fake-quantized or not.

    The file is read once, and what was read is checked and loaded, so that nobody can change it in between.

    Args:
        path: the file.
        finite: whether weights that are not finite are refused.

    Raises:
        RecipeError: the file is no model that tf_keras can read, or would run code.
    """
    header, content = _checked(path, finite=finite)
    if header.origin is not None:
        return _named(_translated(path, header, content))
    try:
        with TemporaryDirectory(prefix="tflbuild-model-") as folder:
            taken = Path(folder) / ("model.h5" if content.startswith(hdf5.SIGNATURE) else "model.keras")
            taken.write_bytes(content)
            with _scope(header):
                return _named(tf_keras.models.load_model(taken, compile=False, safe_mode=True))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RecipeError(_no_model(path, reason)) from error


def _translated(path: Path, header: Header, content: bytes) -> Any:
    """Build what is translated from a file of Keras 3."""
    assert header.origin is not None
    assert header.origin.config is not None
    zipped = content.startswith(keras_archive.SIGNATURE)
    try:
        weights = keras_archive.unpack(content).weights if zipped else content
        return keras3_intake.built(header.config, weights_of(header.origin.config, weights))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RecipeError(_no_model(path, f"it {reason}" if type(error) is ValueError else reason)) from error


def _named(model: Any) -> Any:
    """Give a model a name that TensorFlow can call it by in a graph; Keras lets its author choose any."""
    model._name = scope_name(model.name, "model")
    return model


def _checked(path: Path, *, finite: bool) -> tuple[Header, bytes]:
    """Read a file, refuse what must not be loaded, and give what may be: of an archive, only what was looked at."""
    try:
        content = read_regular(path, keras_header.MOST_BYTES)
        header = keras_header.header_of(content)
    except OSError as error:
        raise RecipeError(_no_model(path, error.strerror or str(error))) from error
    except ValueError as error:
        raise RecipeError(_no_model(path, f"it {error}")) from error
    keras_header.check_loads(header if finite else replace(header, not_finite=()), path, key="")
    if content.startswith(keras_archive.SIGNATURE):
        content = keras_archive.pack(keras_archive.unpack(content))
    return header, content


def _no_model(path: Path, reason: str) -> str:
    return f"{plain(path)} is not a tf_keras model that can be loaded: {plain(reason)}"


def _scope(header: Header) -> AbstractContextManager[Any]:
    """Let tf_keras find the layers of tfmot, where a model has some."""
    if not is_quantized(header.config):
        return nullcontext()
    from tensorflow_model_optimization.quantization.keras import quantize_scope

    scope: AbstractContextManager[Any] = quantize_scope()
    return scope


def save(model: Any, path: Path, facts: dict[str, Any]) -> None:
    """Write a model to `.h5`, without its optimizer, with what it means."""
    model.save(path, save_format="h5", include_optimizer=False)
    with h5py.File(path, "a") as file:
        file.attrs[FACTS] = json.dumps(facts, sort_keys=True)


def read_facts(path: Path) -> dict[str, Any]:
    """Give the facts that `save` embedded; {} where there are none.

    Raises:
        RecipeError: the file is no model, or its facts are not those of one.
    """
    header, _ = _checked(path, finite=False)
    return dict(header.facts)


def fingerprint(model: Any) -> str:
    """Name a model by its weights and configuration, whatever the bytes of its file."""
    config = json.loads(model.to_json())
    for volatile in ("keras_version", "backend"):
        config.pop(volatile, None)
    weights = [digest.of_bytes(np.ascontiguousarray(value).tobytes()) for value in model.get_weights()]
    return digest.of_json([json.dumps(config, sort_keys=True), weights])


def is_fake_quantized(model: Any) -> bool:
    """Say whether tfmot made a model compute as its int8 form will."""
    return any(type(layer).__name__.startswith("Quantize") for layer in model.layers)


def activation_of(layer: Any) -> str:
    """Name the activation that a layer ends in; "" for none."""
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return "" if name == "linear" else str(name)


def output_kind(model: Any) -> str:
    """Say what a model's last output is: "logits", "softmax" or "sigmoid"; a graph that does not say it gives logits.

    What comes from a user's file says it: `tflbuild.models.keras_file` sees to that.
    """
    kind = ends_of(json.loads(model.to_json()))[-1].kind
    return "logits" if kind == "unknown" else kind


def outputs(model: Any, inputs: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """Run a model's graph and finish its outputs, as they leave the serving function.

    Args:
        model: a `tf_keras.Model`.
        inputs: by the names that `inputs_of` gives, (batch, ...) float32.
        task: what its outputs are of.

    Returns:
        By name: `scores` (batch, classes) of a classifier; `box_encodings` (batch, anchors, 4) and `class_scores`
        (batch, anchors, classes) of a detector; and what a task of its own makes of them.
    """
    raw = model(only_or_list(list(inputs.values())), training=False)
    return dict(task.served(model, raw if isinstance(raw, list | tuple) else [raw]))


def only_or_list(items: list[Any]) -> Any:
    """Give what Keras calls the inputs or outputs of a model: one alone, several as a list."""
    return items[0] if len(items) == 1 else items


def inputs_of(model: Any) -> dict[str, tuple[int, ...]]:
    """Give the shapes of a model's inputs by name, without the batch axis; that of a picture is `image`."""
    shapes = [tuple(given.shape[1:]) for given in model.inputs]
    if len(shapes) == 1 and len(shapes[0]) == 3:
        return {SOUND if SOUND in model.input_names else IMAGE: shapes[0]}
    return dict(zip(model.input_names, shapes, strict=True))


def scores_of(model: Any, raw: Sequence[Any]) -> dict[str, Any]:
    """Give a classifier's scores: probabilities stay what they are, logits become those of a softmax."""
    (given,) = raw
    return {"scores": tf.nn.softmax(given) if output_kind(model) == "logits" else given}


def boxes_of(model: Any, raw: Sequence[Any]) -> dict[str, Any]:
    """Give a detector's coded boxes and class scores: probabilities stay, logits become those of a sigmoid."""
    boxes, scores = raw
    logits = output_kind(model) == "logits"
    return {"box_encodings": boxes, "class_scores": tf.sigmoid(scores) if logits else scores}


class Traced:
    """A model file that is loaded and traced, ready to be run on batches of one size.

    Args:
        path: an `.h5` or `.keras` file.
        task: what its outputs are of.

    Attributes:
        signature: its inputs; outputs are float32.
        kernels: "keras".
    """

    kernels = "keras"

    def __init__(self, path: Path, task: Task) -> None:
        model = load(path)
        shapes = inputs_of(model)
        self.signature = Signature(
            {name: TensorSpec((-1, *shape), "float32") for name, shape in shapes.items()}, {}
        )
        self._run = tf.function(
            lambda inputs: outputs(model, inputs, task), autograph=False, reduce_retracing=True
        )

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Run a batch: by name, (batch, ...) float32; gives what `outputs` does, in numpy."""
        made = self._run({name: tf.constant(inputs[name]) for name in self.signature.inputs})
        return {name: value.numpy() for name, value in made.items()}


def seed(value: int) -> None:
    """Seed Python's, NumPy's and Keras's generators."""
    tf_keras.utils.set_random_seed(value % 2**31)


def random_states(model: Any) -> list[Any]:
    """Give the states of what a model draws in training, e.g. for Dropout, as variables."""
    generators = [getattr(module, "_random_generator", None) for module in model.submodules]
    drawn = [generator._generator for generator in generators if generator is not None]
    return [generator.state for generator in drawn if generator is not None]


def take_weights(model: Any, path: Path) -> dict[str, Any]:
    """Take a file's weights where a layer's name and every shape agree; the rest stays as built.

    Returns:
        `taken`, how many layers were; `fresh`, the names of those with weights that were not.

    Raises:
        RecipeError: the file cannot be loaded, or nothing in it agrees.
    """
    given = {layer.name: layer.get_weights() for layer in load(path).layers}
    taken, fresh = 0, []
    for layer in model.layers:
        own, other = layer.get_weights(), given.get(layer.name, [])
        if not own:
            continue
        if [w.shape for w in own] == [w.shape for w in other]:
            layer.set_weights(other)
            taken += 1
        else:
            fresh.append(layer.name)
    if not taken:
        raise RecipeError(f"train.init: no layer of '{path}' agrees with {model.name} in name and shape.")
    return {"path": path.name, "taken": taken, "fresh": fresh}


def not_finite(model: Any) -> list[str]:
    """Name the weights that hold a NaN or an infinity."""
    return [variable.name for variable in model.variables if not np.all(np.isfinite(variable.numpy()))]
