"""Write a pass's Keras model; apart from `writing`, so that a change of `.tflite` checks retrains nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.meaning import Input, Meaning


def emit_keras(ctx: PassContext, built: Any, facts: Meaning, **meta: Any) -> KerasModel:
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


def meaning_of(ctx: PassContext, built: Any, classes: tuple[str, ...]) -> Meaning:
    """Say what a model that the recipe's architecture gave means, on the recipe's data.

    Args:
        ctx: the recipe's model, data and preprocessing.
        built: the `tf_keras.Model`.
        classes: the data's class names.
    """
    from tflbuild.backends import keras

    inputs = {
        name: Input(modality=ctx.modality, shape=shape, preprocess=ctx.preprocess)
        for name, shape in keras.inputs_of(built).items()
    }
    task = ctx.model_spec.task_on(ctx.task)
    return Meaning(task=task, labels=classes, inputs=inputs, head=ctx.model_spec.head_of(built))


def put_keras(built: Any, facts: Meaning, path: Path) -> None:
    """Keep a model beside the checkpoints of a training, whole or not at all."""
    from tflbuild.backends import keras

    staged = path.with_suffix(".partial")
    keras.save(built, staged, facts.to_json())
    staged.replace(path)
