"""tf_keras, which executes a model that was not converted yet."""

from __future__ import annotations

from tflbuild.core.artifact import Artifact
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import Execution, Runtime, runtime


@runtime("keras")
class Keras(Runtime):
    """Execute a `tf_keras` model in TensorFlow, in batches."""

    kinds = ("KerasModel",)
    usual = True
    needs = ("tensorflow", "tf_keras", "ai_edge_litert", "numpy")
    light = False
    batch = 32

    def open(self, model: Artifact) -> Execution:
        """Load a model and trace its graph."""
        from tflbuild.backends.keras import Traced

        return Traced(model.path, Meaning.of(model).kind)

    def prove(self, model: Artifact) -> None:
        """Look whether the file is a model that can be loaded, without TensorFlow."""
        from tflbuild.formats.keras.header import check_opens

        check_opens(model.path)
