"""Write a pass's Keras model; apart from `writing`, so that a change of `.tflite` checks retrains nothing."""

from __future__ import annotations

from typing import Any

from tflbuild.core.artifact import KerasModel, ModelFacts
from tflbuild.core.compiler_pass import PassContext


def emit_keras(ctx: PassContext, built: Any, facts: ModelFacts, **meta: Any) -> KerasModel:
    """Write a tf_keras model with what it means inside, named by its weights and configuration."""
    from tflbuild.backends import keras

    kept = facts.to_json()
    return ctx.emit(
        KerasModel,
        lambda path: keras.save(built, path, kept),
        fingerprint=keras.fingerprint(built),
        facts=kept,
        **meta,
    )
