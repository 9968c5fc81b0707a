"""The kind of each output of a Keras model, read off its graph: logits, softmax or independent sigmoids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from tflbuild.formats.keras.config import TOLD, Layer, Place, outputs_of

Kind = Literal["logits", "softmax", "sigmoid", "unknown"]

STATED = "tflbuild_outputs_are_"
"""Beginning of the name of a layer that changes nothing and says what its model's outputs are."""

PASSING = (
    "Reshape",
    "Flatten",
    "Permute",
    "Identity",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
    "QuantizeLayer",
    "Concatenate",
)
"""Layers behind which a probability is the same probability."""

MEANS = (
    "Average",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
)
"""Layers that give means: of probabilities that add up to 1, probabilities that add up to 1."""

PASSING_OPERATIONS = (
    "cast",
    "reshape",
    "identity",
    "squeeze",
    "expand_dims",
    "stop_gradient",
    "transpose",
    "concat",
)

LINEAR = (
    "Dense",
    "Conv1D",
    "Conv2D",
    "DepthwiseConv2D",
    "SeparableConv2D",
    "EinsumDense",
    "BatchNormalization",
    "LayerNormalization",
)
"""Layers whose values, without an activation, are not probabilities."""

CHOOSING = ("Add", "Subtract", "ReLU", "LeakyReLU", "PReLU", "ELU", "MaxPooling2D", "GlobalMaxPooling2D")
"""Layers that sum, clip or pick values: of probabilities they make neither probabilities nor logits."""

PROBABILITIES: Mapping[str, Kind] = {"softmax": "softmax", "sigmoid": "sigmoid", "hard_sigmoid": "sigmoid"}


STATEABLE: Mapping[str, Kind] = {"logits": "logits", "softmax": "softmax", "sigmoid": "sigmoid"}


class End(NamedTuple):
    """The kind of one output.

    Attributes:
        kind: logits, softmax or sigmoid; unknown where the graph does not say.
        evidence: the words for it: "layer 'dense_1' ends in softmax".
    """

    kind: Kind
    evidence: str


def ends_of(config: Mapping[str, Any]) -> list[End]:
    """Read the kind of every output of a model.

    Args:
        config: as `model.to_json()` gives it, or the file's.

    Raises:
        keras_config.MALFORMED: it is no configuration of a graph of layers.
    """
    known: dict[tuple[str, ...], End] = {}
    return [_end(place, known) for place in outputs_of(config)]


def _end(place: Place, known: dict[tuple[str, ...], End]) -> End:
    layer = place.layer
    follows = _passes(layer) or layer.kind in MEANS or _chooses(layer)
    if layer.name.startswith(STATED) or not follows:
        return _said(layer)
    if place.key not in known:
        ends = [_end(part, known) for part in place.given()]
        known[place.key] = _chosen(layer, ends) if _chooses(layer) else _joined(place, ends)
    return known[place.key]


def _chooses(layer: Layer) -> bool:
    word = layer.activation
    return layer.kind in CHOOSING or (layer.kind == "Activation" and bool(word) and word not in PROBABILITIES)


def _chosen(layer: Layer, ends: list[End]) -> End:
    """Read an end that sums, clips or picks what others give: logits, but of probabilities nothing known."""
    kinds = sorted({end.kind for end in ends} & set(PROBABILITIES.values()))
    if kinds:
        return End("unknown", f"layer '{layer.name}' ({layer.kind}) reads the probabilities of a {kinds[0]}")
    return _said(layer)


def _joined(place: Place, ends: list[End]) -> End:
    """Read an end that passes on what others give: what all of them are."""
    layer = place.layer
    if not ends:
        return End("unknown", f"layer '{layer.name}' gives it")
    kinds = {end.kind for end in ends}
    if len(kinds) > 1:
        return End("unknown", f"layer '{layer.name}' joins {' and '.join(sorted(kinds))}")
    side_by_side = layer.kind == "Concatenate" or layer.operation == "concat"
    if kinds == {"softmax"} and side_by_side and not _along_rows(place):
        return End("unknown", f"layer '{layer.name}' joins {len(ends)} softmaxes")
    return ends[0]


def _along_rows(place: Place) -> bool:
    """Say whether a concatenation puts rows below one another, so that each keeps adding up to 1."""
    axis = place.layer.config.get("axis", place.arguments.get("axis"))
    rank = rank_of(place)
    return isinstance(axis, int) and axis != -1 and rank is not None and axis % rank != rank - 1


def _passes(layer: Layer) -> bool:
    named = layer.kind in PASSING or layer.kind.rpartition(">")[2] in PASSING
    idle = layer.kind == "Activation" and not layer.activation
    return named or idle or layer.operation in PASSING_OPERATIONS


def _said(layer: Layer) -> End:
    what = f"operation '{layer.name}'" if layer.operation else f"layer '{layer.name}'"
    if layer.name.startswith(STATED):
        stated = STATEABLE.get(layer.name.removeprefix(STATED), "unknown")
        return End(stated, "model.outputs says so")
    word = "softmax" if layer.kind == "Softmax" else layer.operation or layer.activation
    axis = layer.config.get("axis", -1) if layer.kind == "Softmax" else -1
    if word in PROBABILITIES and axis == -1:
        return End(
            PROBABILITIES[word], f"{what} ends in {word}" if not layer.operation else f"{what} is a {word}"
        )
    if layer.operation or layer.kind not in (*LINEAR, *CHOOSING, "Activation"):
        return End("unknown", f"{what} ({layer.kind}) gives it")
    return End("logits", f"{what} ends in {word}" if word else f"{what} has no activation")


def rank_of(place: Place) -> int | None:
    """Give the number of axes of a tensor, the batch included; None where the configuration does not tell."""
    layer = place.layer
    if TOLD in layer.config:
        return len(layer.config[TOLD] or ()) or None
    if layer.kind == "Reshape":
        return 1 + len(layer.config["target_shape"])
    if layer.kind == "Flatten" or layer.kind.startswith("Global"):
        return 2 if not layer.config.get("keepdims") else 4
    if "Conv2D" in layer.kind or layer.kind.endswith("Pooling2D"):
        return 4
    if layer.kind == "InputLayer":
        shape = layer.config.get("batch_input_shape") or layer.config.get("batch_shape")
        return len(shape) if shape else None
    if layer.operation and layer.operation not in ("softmax", "sigmoid", "cast", "identity", "concat"):
        return None
    given = place.given()
    return rank_of(given[0]) if given else None
