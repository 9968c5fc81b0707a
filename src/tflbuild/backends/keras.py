"""tf_keras models as files: load, save with their facts, name by content, run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras
from tf_keras import Model, initializers, layers

from tflbuild.backends.keras_ends import ends_of
from tflbuild.core import digest
from tflbuild.core.errors import RecipeError

__all__ = ["Model", "fingerprint", "initializers", "layers", "load", "predict", "read_facts", "save"]

tf_keras.backend.experimental.enable_tf_random_generator()  # what Dropout draws follows from a state one can keep

FACTS = "tflbuild.facts"
"""Attribute of the HDF5 file that holds a `ModelFacts` mapping as JSON."""


def load(path: Path) -> Any:
    """Load a `tf_keras` model from `.h5` or `.keras`, fake-quantized or not.

    Raises:
        RecipeError: the file is no model that tf_keras can read.
    """
    try:
        if "quantize" in config_text(path):
            from tensorflow_model_optimization.quantization.keras import quantize_scope

            with quantize_scope():
                return tf_keras.models.load_model(path, compile=False)
        return tf_keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RecipeError(f"{path} is not a tf_keras model that can be loaded: {reason}") from error


def config_text(path: Path) -> str:
    """Give the model's configuration as text; "" where the file is not HDF5."""
    if not h5py.is_hdf5(path):
        return ""
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config", "")
    return text.decode() if isinstance(text, bytes) else str(text)


def save(model: Any, path: Path, facts: dict[str, Any]) -> None:
    """Write a model to `.h5`, without its optimizer, with what it means."""
    model.save(path, save_format="h5", include_optimizer=False)
    with h5py.File(path, "a") as file:
        file.attrs[FACTS] = json.dumps(facts, sort_keys=True)


def read_facts(path: Path) -> dict[str, Any]:
    """Give the facts that `save` embedded; {} where there are none."""
    if not h5py.is_hdf5(path):
        return {}
    with h5py.File(path, "r") as file:
        facts: dict[str, Any] = json.loads(file.attrs.get(FACTS, "{}"))
    return facts


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


def outputs(model: Any, image: Any) -> dict[str, Any]:
    """Run a model's graph and finish its outputs, as they leave the serving function.

    Probabilities stay what they are; logits become a softmax's in a classifier, a sigmoid's in a detector.

    Returns:
        `scores` (batch, classes) of a classifier; `box_encodings` (batch, anchors, 4) and `class_scores`
        (batch, anchors, classes) of a detector. Scores are probabilities in 0..1.
    """
    raw, kind = model(image, training=False), output_kind(model)
    if isinstance(raw, list | tuple):
        boxes, scores = raw
        return {"box_encodings": boxes, "class_scores": tf.sigmoid(scores) if kind == "logits" else scores}
    return {"scores": tf.nn.softmax(raw) if kind == "logits" else raw}


def predict(
    path: Path, batches: Iterable[npt.NDArray[np.float32]]
) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    """Run a model file over batches.

    Args:
        path: an `.h5` or `.keras` file.
        batches: (batch, height, width, 3) float32, normalised as the model wants it.

    Yields:
        What `outputs` gives for each batch, in numpy.
    """
    model = load(path)
    run = tf.function(lambda image: outputs(model, image), reduce_retracing=True)
    for batch in batches:
        yield {name: value.numpy() for name, value in run(tf.constant(batch)).items()}


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
