"""Take a file of Keras 3 of the user's in that has layers without an equal in tf_keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import parity
from tflbuild.passes.taking_in.converted import begun, taken


@compiler_pass("load_keras3")
class LoadKeras3(Pass):
    """Start from the user's file of Keras 3 (`model=file model.path=FILE`), where tf_keras lacks one of its layers.

    Keras 3, which comes with TensorFlow, loads it in a process of its own, without a network, in float32, and exports
    it as a SavedModel; that is held to compute alone, like any other, and becomes a float `.tflite`. Before that, every
    object that the file names was found in a list of built-in layers and operations, and nothing of it is executed. The
    `.tflite` is held to what Keras 3 computes of the file itself, output by output, on samples of the train split (1e-4
    of the output's size). Passes that train do not work on it.
    """

    needs = ("keras", "tensorflow", "ai_edge_litert", "numpy")
    promises = (
        "the outputs of the user's model in Keras 3 on samples of the train split, within 1e-4 of their size"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Export and convert, hold to Keras 3 and to the data, and keep the file with what it means."""
        from tflbuild.backends import keras3_export

        spec, path, meaning = begun(ctx)
        values = parity.sample_values(ctx)
        folder = ctx.scratch / "keras3"
        folder.mkdir()
        signature = spec.description.signature
        batch = _encoded(meaning, values)
        exported = keras3_export.convert(path, signature.inputs, list(signature.outputs), batch, folder)
        return taken(exported.graph, meaning, exported.outputs, values, "Keras 3", ctx)


def _encoded(meaning: Meaning, values: Mapping[str, Any]) -> dict[str, Any]:
    """Encode samples; gives each input by name, (samples, ...) float32."""
    import numpy as np

    from tflbuild.evaluation.examples import Encoder

    encoder = Encoder(meaning)
    rows = [encoder.values(value, key) for key, value in values.items()]
    return {name: np.stack([one[name] for one in rows]) for name in meaning.inputs}
