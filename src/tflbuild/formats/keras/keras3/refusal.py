"""Refusals of what tf_keras cannot compute as Keras 3 does: the layer, the reason and the way out."""

from __future__ import annotations

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted

WAY_OUT = "write it in Keras 3 with model.export('FOLDER'), and give model.path=FOLDER"
"""Way of a model whose layers tf_keras does not have."""


class Malformed(ValueError):
    """A configuration is not written as Keras 3 writes it; the message completes "it "."""


def refused(name: object, reason: str) -> Unwanted:
    """Give the exception that refuses a layer; the message completes "in 'FILE', "."""
    return Unwanted(f"layer '{plain(name, 80)}' {reason}; {WAY_OUT}.")
