"""Load the user's own model instead of training one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.artifact import KerasModel, ModelFacts
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import RecipeError
from tflbuild.passes.keras_writing import emit_keras


@compiler_pass("load")
class Load(Pass):
    """Start from the user's trained model (`model=keras model.path=FILE`) as it is.

    Stands in place of `train`, unless `train.init=continue` trains the model further. The model's classes are
    the data set's, in its order; a model with another number of outputs is refused.
    """

    needs = ("tensorflow", "tf_keras")

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        """Load, check against the data, and keep the model with what it means."""
        from tflbuild.backends import keras

        classes = ctx.dataset("train").classes
        built = ctx.model_spec.build(len(classes))
        detector = ctx.model_spec.detector(built)
        for path in ctx.model_spec.files():
            _check_preprocess(str(path), keras.read_facts(path).get("preprocess"), ctx.preprocess)
        height, width = built.input_shape[1:3]
        outputs = built.output_shape[-1][-1] if detector else built.output_shape[-1]
        if outputs != len(classes):
            raise RecipeError(
                f"model.path: the model has {outputs} classes, but the data have {len(classes)} "
                f"({', '.join(classes)})."
            )
        facts = ModelFacts(
            task="detection" if detector else "classification",
            height=height,
            width=width,
            labels=classes,
            preprocess=ctx.preprocess,
            detector=detector,
        )
        return emit_keras(
            ctx,
            built,
            facts,
        )


def _check_preprocess(path: str, trained: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    """Refuse to feed a model other pixels than it was trained with, where its file says which.

    Raises:
        RecipeError: the data set's preprocess block differs; names the keys.
    """
    differing = [key for key, value in (trained or {}).items() if wanted.get(key) != value]
    if trained and differing:
        said = ", ".join(f"data.preprocess.{key}={trained[key]}" for key in differing)
        raise RecipeError(f"model.path: {path} was trained with another preprocessing; set {said}.")
