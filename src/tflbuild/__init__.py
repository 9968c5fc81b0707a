"""Compile models for on-device TensorFlow Lite: declared, measured, cached and explained."""

from tflbuild.core.artifact import KerasModel, ModelFacts, OnnxModel, SavedModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass

__version__ = "0.1.0"

__all__ = [
    "KerasModel",
    "ModelFacts",
    "OnnxModel",
    "Pass",
    "PassContext",
    "SavedModel",
    "TFLiteModel",
    "__version__",
    "compiler_pass",
]
