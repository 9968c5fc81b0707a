"""The user's own model as it was loaded: the reference that a converted file is held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from tflbuild.backends import keras, keras_intake

Floats = npt.NDArray[np.float32]

Batch = Mapping[str, Floats]
"""Model values of samples by input, (samples, ...)."""

ROW_SUM = 1e-3
"""Furthest that a row of probabilities may be from adding up to 1."""


@dataclass(frozen=True)
class Reference:
    """A model as it was loaded, and the kinds of its outputs.

    Attributes:
        model: a `tf_keras.Model`, nothing changed but that it computes in float32.
        kinds: of its outputs, "logits", "softmax" or "sigmoid".
        name: for messages.
        task: what its outputs are of.
        nearness: largest difference, relative to the output's size, of a model that computes the same.
        advice: what is said where one does not.
    """

    model: Any
    kinds: tuple[str, ...]
    name: str = "the model"
    task: str = ""
    nearness: float = 1e-5
    advice: str = ""

    @classmethod
    def of(
        cls, model: Any, kind: str = "auto", name: str = "the model", task: str = "classification"
    ) -> Reference:
        """Read the kinds of a model's outputs, or take the given kind for a classifier's."""
        ends = keras_intake.ends_of(model)
        kinds = tuple(end.kind for end in ends)
        return cls(model, kinds if kind == "auto" or len(ends) > 1 else (kind,), name, task)

    def raw(self, batch: Batch) -> list[Floats]:
        """Run the model as it is."""
        given = self.model(keras.only_or_list(list(batch.values())), training=False)
        return [np.asarray(output) for output in (given if isinstance(given, list | tuple) else [given])]

    def normalized(self, batch: Batch) -> dict[str, Floats]:
        """Give what `Normalization` layers make of the input, by their name: about 0 ± 1 where they fit."""
        return dict(_normalized(self.model, next(iter(batch.values()))) if len(batch) == 1 else ())

    def outputs(self, batch: Batch) -> dict[str, Floats]:
        """Give what a converted file should give, a detector's before its suppression."""
        return self.finished(self.raw(batch))

    def finished(self, raw: Sequence[Floats]) -> dict[str, Floats]:
        """Turn raw outputs into scores: logits by what belongs to them, one number p into (1 - p, p)."""
        if self.task not in ("classification", "detection"):
            return dict(zip(self.model.output_names, raw, strict=True))
        if len(raw) == 2:
            scores = raw[1] if self.kinds[1] == "sigmoid" else _sigmoid(raw[1])
            return {"box_encodings": raw[0], "class_scores": scores}
        (scores,), (kind,) = raw, self.kinds
        if scores.shape[-1] == 1:
            one = _sigmoid(scores) if kind == "logits" else scores
            return {"scores": np.concatenate([1 - one, one], axis=-1)}
        return {"scores": _softmax(scores) if kind == "logits" else scores}


def _normalized(model: Any, batch: Floats) -> Iterator[tuple[str, Floats]]:
    for place, layer in enumerate(model.layers):
        if isinstance(layer, tf_keras.layers.Normalization) and not layer.invert:
            yield layer.name, np.asarray(tf_keras.Model(model.inputs, layer.output)(batch, training=False))
        elif place <= 1 and isinstance(layer, tf_keras.Model):  # the input alone comes before it
            yield from _normalized(layer, batch)


def found_in(rows: Floats) -> str:
    """Say what outputs look like: "softmax", "sigmoid" (all in 0..1), or "logits"."""
    flat = rows.reshape(-1, rows.shape[-1])
    if flat.min() < -ROW_SUM or flat.max() > 1 + ROW_SUM:
        return "logits"
    sums = flat.sum(axis=-1)
    return "softmax" if flat.shape[-1] > 1 and np.abs(sums - 1).max() <= ROW_SUM else "sigmoid"


LOOKS = {
    "softmax": "rows add up to 1",
    "sigmoid": "rows lie in 0..1",
    "logits": "rows do not lie in 0..1",
}


def agrees(kind: str, rows: Floats) -> bool:
    """Say whether outputs can be what they are taken for; logits may lie in 0..1, but not add up to 1."""
    found = found_in(rows)
    if kind == "logits":
        return found != "softmax"
    return found == kind or (kind == "sigmoid" and found == "softmax")


def _sigmoid(values: Floats) -> Floats:
    shares: Floats = (1 / (1 + np.exp(-values.astype(np.float64)))).astype(np.float32)
    return shares


def _softmax(values: Floats) -> Floats:
    wide = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    shares: Floats = (wide / wide.sum(axis=-1, keepdims=True)).astype(np.float32)
    return shares
