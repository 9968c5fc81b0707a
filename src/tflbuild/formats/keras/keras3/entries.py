"""One layer's entry in a configuration of Keras 3, and what tf_keras is given in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.keras3.activations import ALIKE, AS_LAYERS, Step
from tflbuild.formats.keras.keras3.known import APPLICATIONS
from tflbuild.formats.keras.keras3.known import LAYERS as KNOWN
from tflbuild.formats.keras.keras3.layers import ANY, CODE, LAYERS, PICKY, Equal
from tflbuild.formats.keras.keras3.refusal import no_equal, refused

GRAPHS = ("Functional", "Sequential", "Model")
"""Classes of a model that is a graph of layers."""

OPERATIONS = "keras.src.ops."
"""Beginning of the modules that operations come from."""

GENERAL = ("name", "trainable", "dtype", "seed", "batch_shape", "batch_input_shape", "activity_regularizer")

PARTS = ("_initializer", "_regularizer", "_constraint")

ZEROS = {"class_name": "Zeros", "config": {}}

REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")


def name_of(entry: Mapping[str, Any]) -> str:
    """Name a layer as the others refer to it."""
    return str(entry.get("name") or entry["config"]["name"])


def is_operation(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry is an operation on tensors, and no layer.

    Raises:
        Unwanted: a `.h5` holds it, which names no modules: Keras 3 itself takes it for a layer there.
    """
    module, config = entry.get("module"), entry["config"]
    if module is None and entry["class_name"] not in GRAPHS and "dtype" not in config:
        kind = plain(entry["class_name"], 60)
        raise Unwanted(
            f"layer '{plain(name_of(entry), 80)}' is the operation {kind} of Keras 3, which a .h5 does not tell from a "
            f"layer; save the model as .keras."
        )
    return str(module).startswith(OPERATIONS)


def entry_of(entry: Mapping[str, Any]) -> tuple[dict[str, Any] | None, tuple[Step, ...]]:
    """Give a layer's entry in tf_keras, without its calls, and the layers behind it that compute its activation.

    The entry is None where these are all: of an `Activation`.

    Raises:
        NoEqual: it has no equal in tf_keras.
        Unwanted: it holds code, or is not known.
    """
    name, kind, config = name_of(entry), entry["class_name"], entry["config"]
    if kind == "InputLayer":
        return _input(name, config), ()
    equal = _equal(name, kind, entry)
    options = _options(name, kind, config, equal)
    steps = _activation(name, kind, options)
    if kind == "Activation" and steps:
        return None, steps
    made = {"name": name, "trainable": config.get("trainable") is not False, "dtype": _dtype(name, config)}
    made |= {**options, **equal.adds}
    return {
        "class_name": equal.kind or kind,
        "name": name,
        "config": made,
        "inbound_nodes": [],
    }, steps


def _input(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    if config.get("sparse") or config.get("ragged") or config.get("optional"):
        raise refused(name, "is an input that may be sparse, ragged or missing")
    made = {
        "name": name,
        "batch_input_shape": config.get("batch_shape") or config.get("batch_input_shape"),
        "dtype": _dtype(name, config),
        "sparse": False,
        "ragged": False,
    }
    return {"class_name": "InputLayer", "name": name, "config": made, "inbound_nodes": []}


def _equal(name: str, kind: str, entry: Mapping[str, Any]) -> Equal:
    if kind in CODE:
        raise refused(name, f"is {CODE[kind]}")
    module, registered = entry.get("module"), entry.get("registered_name")
    if (module is not None and not str(module).startswith("keras.")) or (
        registered is not None and registered != kind
    ):
        raise refused(name, f"is a '{plain(registered or kind, 60)}', a class of its author's own")
    if kind not in LAYERS and kind not in KNOWN and (str(module), kind) not in APPLICATIONS:
        raise refused(name, f"is a '{plain(kind, 60)}', which is not a layer of Keras 3 that tflbuild knows")
    if kind not in LAYERS:
        reason = f"is the layer {kind} of Keras 3, which has no known equivalent in tf_keras"
        raise no_equal(name, reason)
    return LAYERS[kind]


def _options(name: str, kind: str, config: Mapping[str, Any], equal: Equal) -> dict[str, Any]:
    takes = equal.takes.split()
    made: dict[str, Any] = {}
    for key, value in config.items():
        if key in GENERAL:
            continue
        if key in takes:
            made[key] = _plain(name, key, value)
        elif key in equal.renamed:
            made[equal.renamed[key]] = _plain(name, key, value)
        elif key.endswith(PARTS):
            made |= _part(name, key, value)
        elif key in equal.fixed or key == "data_format":
            _check_fixed(name, kind, key, value, equal.fixed.get(key, ("channels_last", None)))
        elif equal.idle != ANY and key not in equal.idle.split() and value not in (None, False):
            raise no_equal(name, f"is a {kind} with {key}={_said(value)}, which tf_keras does not have")
    return made


def _plain(name: str, key: str, value: Any) -> Any:
    """Give an option that is a number, a text or a list of them; an array of Keras 3 is a list in it."""
    if isinstance(value, Mapping) and value.get("class_name") in ("__numpy__", "__tensor__"):
        return value["config"]["value"]
    if isinstance(value, Mapping):
        raise no_equal(name, f"has the {key} {_said(value)}, which tf_keras does not take by name")
    return value


def _part(name: str, key: str, value: Any) -> dict[str, Any]:
    """Give how a weight begins, which is zero, and what a training is to keep of it."""
    if key.endswith("_initializer"):
        return {key: ZEROS}
    if isinstance(value, Mapping) and value.get("class_name") in REGULARIZERS:
        return {key: {"class_name": value["class_name"], "config": value["config"]}}
    if value is not None and key.endswith("_regularizer"):
        raise no_equal(name, f"has the {key} {_said(value)}, which tf_keras does not have")
    return {}


def _check_fixed(name: str, kind: str, key: str, value: Any, possible: tuple[Any, ...]) -> None:
    if value is not None and value not in possible:
        raise no_equal(name, f"is a {kind} with {key}={_said(value)}, which tf_keras cannot compute")


def _activation(name: str, kind: str, options: dict[str, Any]) -> tuple[Step, ...]:
    """Put the names of tf_keras in the place of those of Keras 3; gives the layers behind, where it takes some."""
    steps: tuple[Step, ...] = ()
    for key in ("activation", "recurrent_activation"):
        given = options.get(key)
        if given is None:
            continue
        if given in ALIKE:
            options[key] = ALIKE[given]
        elif given in AS_LAYERS and kind not in PICKY:
            options[key], steps = "linear", AS_LAYERS[given]
        else:
            raise no_equal(
                name, f"has the activation {_said(given)} of Keras 3, which tf_keras does not have"
            )
    return steps


def _dtype(name: str, config: Mapping[str, Any]) -> Any:
    """Give a layer's number format as tf_keras writes it."""
    given = config.get("dtype")
    if isinstance(given, Mapping):
        if given.get("class_name") != "DTypePolicy":
            raise refused(name, f"computes with numbers of the format {_said(given)}")
        given = given["config"]["name"]
    if isinstance(given, str) and given.startswith("mixed_"):
        return {"class_name": "Policy", "config": {"name": given}}
    return given or "float32"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("class_name")
    return f"'{plain(value, 60)}'"
