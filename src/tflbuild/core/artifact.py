"""Models as immutable files: what passes take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core.model_facts import check_facts


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A typed handle on one immutable model file; never a live model.

    Attributes:
        path: the file; a pass reads it and never writes it.
        digest: SHA-256 of the file's bytes.
        fingerprint: SHA-256 of what decides later results (weights and normalised config,
            without dates and addresses); later action keys use it.
        meta: JSON-able facts, so that planning needs no framework. `meta["facts"]` is a
            `ModelFacts` mapping; passes add what they learned (`sparsity`, `signature`, ...).
    """

    kind: ClassVar[str] = "Artifact"
    suffix: ClassVar[str] = ""

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


class OnnxModel(Artifact):
    """An ONNX model."""

    kind = "OnnxModel"
    suffix = ".onnx"


KINDS: dict[str, type[Artifact]] = {
    kind.kind: kind for kind in (KerasModel, SavedModel, TFLiteModel, OnnxModel)
}
"""Every kind by its name."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The meaning of a model's input and outputs.

    Attributes:
        task: "detection" or "classification".
        height: input height in pixels.
        width: input width in pixels.
        labels: class names, by index.
        preprocess: the options of `tflbuild.modalities.image.preprocess.Preprocess`.
        detector: for a detector, how outputs become boxes: `feature_maps` [[rows, columns], ...],
            `anchors` (options of `tflbuild.tasks.detection.detector.AnchorOptions`), `postprocess` (options of
            `tflbuild.tasks.detection.detector.Postprocess`); empty for a classifier.
    """

    task: str
    height: int
    width: int
    labels: tuple[str, ...]
    preprocess: Mapping[str, Any]
    detector: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the form that `Artifact.meta["facts"]` holds."""
        return {
            "task": self.task,
            "height": self.height,
            "width": self.width,
            "labels": list(self.labels),
            "preprocess": dict(self.preprocess),
            "detector": dict(self.detector),
        }

    @classmethod
    def of(cls, model: Artifact) -> ModelFacts:
        """Read the facts of a model file."""
        facts = dict(model.meta["facts"])
        return cls(**{**facts, "labels": tuple(facts["labels"])})

    @classmethod
    def from_json(cls, value: object) -> ModelFacts:
        """Read facts that lay in a file.

        Raises:
            ValueError: they are not those of a model, e.g. "'height' is -1".
        """
        facts = check_facts(value)
        return cls(**{**facts, "labels": tuple(facts["labels"])})
