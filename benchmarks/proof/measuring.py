"""Measure delivered files on the test images: the task's metric, and how far outputs are from the float file's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.meaning import IMAGE, Meaning
from tflbuild.evaluation import measuring as evaluation
from tflbuild.evaluation.arrays import load
from tflbuild.evaluation.examples import Examples
from tflbuild.evaluation.predictions import predict_file
from tflbuild.evaluation.truth import truth_file
from tflbuild.quantization.observation import Executable, runnable
from tflbuild.runtimes import interpreter as litert
from tflbuild.runtimes.litert import Litert
from tflbuild.runtimes.profiler import quiet
from tflbuild.tasks.detection.boxes import decode
from tflbuild.tasks.detection.decoding import anchors_of
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

PREDICTIONS = "predictions.npz"
NARROW = ("int4", "int8", "uint8", "int32")
"""Dtypes of weights and activations of a layer that computes in int8."""


@dataclass
class Yardstick:
    """The test images and what the float file makes of them.

    Attributes:
        split: the test images.
        facts: of the models.
        metric: of the task.
        folder: where the truth is kept.
        float_path: the float file that output errors refer to.
    """

    split: Split
    facts: Meaning
    metric: str
    folder: Path
    float_path: Path

    def measure(self, path: Path, folder: Path, reference: Path | None) -> dict[str, Any]:
        """Measure one file.

        Args:
            path: a delivered `.tflite`.
            folder: where its predictions are kept.
            reference: predictions that its drop is measured against; None for the float file itself.

        Returns:
            `value`, `low`, `high` and `n` of the metric, `drop` with its paired interval, `bytes`, `latency_ms`,
            `errors` against the float file, and `wide`, the share of weights in layers that do not compute in int8.
        """
        found = folder / PREDICTIONS
        model = self._model(path)
        predict_file(Litert(), model, self.split, found)
        value = evaluation.measure(self.metric, found, self.truth)
        measured: dict[str, Any] = {"value": value.value, "low": value.low, "high": value.high, "n": value.n}
        if reference is not None:
            measured["drop"] = self.drop(reference, found)
        with quiet():
            measured["latency_ms"] = litert.latency(path)["median"]
        return measured | {
            "bytes": path.stat().st_size,
            "errors": self.errors(path, found),
            "wide": wide_share(path.read_bytes()),
            "zeros": zero_share(path.read_bytes()),
        }

    def drop(self, before: Path, after: Path) -> list[float]:
        """Give how far the metric falls between predictions, with the ends of its paired 95 % interval."""
        difference = evaluation.compare(self.metric, before, after, self.truth)
        return [0.0 - difference.value, 0.0 - difference.high, 0.0 - difference.low]

    def errors(self, path: Path, predictions: Path) -> dict[str, float]:
        """Give mean absolute differences from the float file's outputs over the test images.

        Args:
            path: a delivered `.tflite`.
            predictions: of it; a classifier's are its outputs.

        Returns:
            `scores`; of a detector also `boxes`, decoded, in units of the image's sides, over all anchors, and
            `found`, the same over anchors in which the float file sees something (a score of 0.1 or more).
        """
        found = self._outputs(path, predictions)
        differences = {name: np.abs(found[name] - wanted) for name, wanted in self._wanted.items()}
        errors = {name: float(values.mean()) for name, values in differences.items()}
        if self.facts.task == "detection":
            seen = self._wanted["scores"].max(axis=-1) >= 0.1
            if seen.any():
                errors["found"] = float(differences["boxes"][seen].mean())
        return errors

    @cached_property
    def truth(self) -> Path:
        """Give the file of the annotations."""
        path = self.folder / "truth.npz"
        truth_file(self.split, path)
        return path

    @cached_property
    def _wanted(self) -> dict[str, npt.NDArray[np.float32]]:
        return self._outputs(self.float_path, self.folder / "float" / PREDICTIONS)

    @cached_property
    def _examples(self) -> Examples:
        return Examples(self.split, self.facts)

    def _outputs(self, path: Path, predictions: Path) -> dict[str, npt.NDArray[np.float32]]:
        """Give `scores` (images, ..., classes) and, of a detector, decoded `boxes` (images, anchors, 4)."""
        if self.facts.task != "detection":
            return {"scores": load(predictions)["scores"]}
        image = self.facts.only.kind
        with quiet():
            running = Executable(runnable(Packed(path.read_bytes())))
        rows = [
            running.run({IMAGE: image.values(self._examples[place].codes[IMAGE])})
            for place in range(len(self.split))
        ]
        code, scores = (np.stack(values) for values in zip(*rows, strict=True))
        return {"scores": scores, "boxes": decode(code, anchors_of(self.facts))}

    def _model(self, path: Path) -> TFLiteModel:
        sha256 = digest.of_file(path)
        return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": self.facts.to_json()})


def wide_share(content: bytes) -> float:
    """Give the share of weights that belong to layers computing in more than int8; 1 for a float file."""
    graph = Graph(flatbuffer.unpack(content))
    wide = total = 0
    for operator, weights in _kernels(graph):
        activations = {_dtype(graph, operator.inputs[0]), _dtype(graph, operator.outputs[0])}
        own = _dtype(graph, operator.inputs[1])
        total += weights.size
        if not (activations <= set(NARROW) and own in NARROW):
            wide += weights.size
    return wide / total if total else 0.0


def zero_share(content: bytes) -> float:
    """Give the share of zeros in the kernels of convolutions and dense layers, depthwise ones left out."""
    graph = Graph(flatbuffer.unpack(content))
    zeros = total = 0
    for operator, weights in _kernels(graph):
        if graph.kind(operator) != "DEPTHWISE_CONV_2D":
            zeros, total = zeros + int(np.count_nonzero(weights == 0)), total + weights.size
    return zeros / total if total else 0.0


def _kernels(graph: Graph) -> Any:
    for operator in graph.weighted():
        weights = graph.constant(operator.inputs[1])
        assert weights is not None
        yield operator, weights


def _dtype(graph: Graph, index: int) -> str:
    return flatbuffer.DTYPES[graph.tensors[int(index)].type]
