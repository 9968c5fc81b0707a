"""Refusals of layers of Keras 3: what nobody may run, and what tf_keras alone cannot compute."""

from __future__ import annotations

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted

WAY_OUT = "export it in Keras 3 with model.export('FOLDER'), and set model.path=FOLDER"
"""Way of a model that holds code, which only its author runs."""


class Malformed(ValueError):
    """A configuration is not written as Keras 3 writes it; the message completes "it "."""


class NoEqual(ValueError):
    """A layer of Keras 3 has no equal in tf_keras; the message is a clause that names it."""


def refused(name: object, reason: str) -> Unwanted:
    """Give the exception that refuses a layer; the message completes "in 'FILE', "."""
    return Unwanted(f"layer '{plain(name, 80)}' {reason}; {WAY_OUT}.")


def no_equal(name: object, reason: str) -> NoEqual:
    """Give the exception that says of a layer that it cannot be translated."""
    return NoEqual(f"layer '{plain(name, 80)}' {reason}")
