"""Models as immutable files: what passes take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A typed handle on one immutable model file; never a live model.

    Attributes:
        path: the file; a pass reads it and never writes it.
        digest: SHA-256 of the file's bytes.
        fingerprint: SHA-256 of what decides later results (weights and normalised config,
            without dates and addresses); later action keys use it.
        meta: JSON-able facts, so that planning needs no framework. `meta["facts"]` is a
            `tflbuild.core.meaning.Meaning` mapping; passes add what they learned (`sparsity`, `signature`, ...).
    """

    kind: ClassVar[str] = "Artifact"
    suffix: ClassVar[str] = ""
    whole: ClassVar[bool] = False
    """Whether its outputs are those of the device, with all that conversion appends."""

    path: Path
    digest: str
    fingerprint: str
    meta: Mapping[str, Any] = field(default_factory=dict)


class KerasModel(Artifact):
    """A tf_keras model in HDF5 (`.h5`): tfmot needs Keras 2, and a QAT model survives only there."""

    kind = "KerasModel"
    suffix = ".h5"


class SavedModel(Artifact):
    """A TensorFlow SavedModel folder, zipped."""

    kind = "SavedModel"
    suffix = ".zip"


class TFLiteModel(Artifact):
    """A TensorFlow Lite flatbuffer."""

    kind = "TFLiteModel"
    suffix = ".tflite"
    whole = True


class OnnxModel(Artifact):
    """An ONNX model that was written of a `.tflite`, with all that this ends in."""

    kind = "OnnxModel"
    suffix = ".onnx"
    whole = True


KINDS: dict[str, type[Artifact]] = {
    kind.kind: kind for kind in (KerasModel, SavedModel, TFLiteModel, OnnxModel)
}
"""Every kind by its name."""
