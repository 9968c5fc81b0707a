"""Numbers of each sample: how it looks, what a model says of it, and which activations leave the calibrated ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.analyses.field.pictures import looks_of
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.dataset import Index, Split
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation.examples import Encoder
from tflbuild.evaluation.predictions import predict
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.quantization.observation import Executable, exposed, without_custom
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.dequantization import dequantize
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

Progress = Callable[[int], object]

COLUMNS = 32
"""Values of a sample that is not a picture that are looked at one by one."""

SURE = 0.3
"""Score from which a detection counts."""

NOTHING = -1
"""Class of a picture in which nothing was found."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Samples of one source, each array with an entry for each sample, in order.

    Attributes:
        looks: numbers of the samples themselves, by name.
        answers: numbers of what the file says, by name.
        classes: class that it finds, or finds surest; NOTHING for none; empty where it finds no classes.
        differences: mean distance of its answer from the float model's; empty without one.
        agrees: whether it finds the class of the float model; empty likewise, or where there are no classes.
        outside: (samples, tensors) share of activations outside the calibrated ranges.
    """

    looks: Mapping[str, npt.NDArray[np.float64]]
    answers: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    classes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    differences: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    agrees: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    outside: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def part(self, places: Sequence[int]) -> Observed:
        """Give some of the samples."""
        at = np.asarray(places, np.int64)

        def some(values: Any) -> Any:
            return values[at] if len(values) else values

        return Observed(
            looks={name: values[at] for name, values in self.looks.items()},
            answers={name: values[at] for name, values in self.answers.items()},
            classes=some(self.classes),
            differences=some(self.differences),
            agrees=some(self.agrees),
            outside=some(self.outside),
        )

    @property
    def count(self) -> int:
        """Count the samples."""
        return len(next(iter(self.looks.values())))


class Ranges:
    """The calibrated ranges of a quantized file, and its activations in float.

    Args:
        model: a `.tflite`.
    """

    def __init__(self, model: Artifact) -> None:
        self.grids: dict[str, Grid] = {}
        self.why = ""
        if not isinstance(model, TFLiteModel):
            self.why = f"a model of kind '{model.kind}' has no calibrated ranges"
            return
        graph = Graph.unpacked(model.path.read_bytes())
        try:
            made = dequantize(graph)
        except PassError as error:
            self.why = f"the file cannot be taken apart: {error}"
            return
        cut = without_custom(graph)
        known = {
            graph.name(int(index))
            for operator in cut.operators
            for index in operator.outputs
            if int(index) >= 0
        }
        self.grids = {name: grid for name, grid in made.grids.items() if name in known}
        if not self.grids:
            self.why = "the file's activations are not quantized beforehand, so it has no calibrated ranges"
            return
        self._inputs = [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]
        self._running = Executable(exposed(cut, list(self.grids)))

    def outside(self, values: Mapping[str, Any], names: Sequence[str]) -> list[float]:
        """Give the share of each tensor's activations that a sample takes out of its range.

        Args:
            values: of the inputs, by name.
            names: of the inputs, in the file's order.
        """
        given = {own: values[name] for own, name in zip(self._inputs, names, strict=True)}
        found = zip(self.grids.values(), self._running.run(given), strict=True)
        return [
            float(((one < grid.low - grid.step) | (one > grid.high + grid.step)).mean())
            for grid, one in found
        ]


def observed(
    split: Split, models: Mapping[str, Artifact], ranges: Ranges, progress: Progress = lambda done: None
) -> Observed:
    """Look at the samples of a split, and run the models on them.

    Args:
        split: the samples; their annotations are not read.
        models: `model`, the file, and `float`, what it was made of, which may be missing.
        ranges: of the file.
        progress: is told how many samples are done.
    """
    plain = Split(split.name, split.dataset, Index(classes=(), splits={split.name: split.samples}))
    meaning = Meaning.of(models["model"])
    looks, outside = [], []
    for done, (value, codes) in enumerate(_encoded(plain, meaning), start=1):
        looks.append(_looks(value, meaning))
        if ranges.grids:
            outside.append(ranges.outside(codes, _names(models["model"])))
        progress(done)
    answers, classes, rows = answered(models["model"], plain)
    differences, agrees = np.zeros(0), np.zeros(0, np.bool_)
    if "float" in models and models["float"].digest != models["model"].digest:
        _, others, reference = answered(models["float"], plain)
        differences = np.abs(rows - reference).mean(axis=1)
        agrees = classes == others if len(classes) else agrees
    return Observed(
        looks={name: np.array([one[name] for one in looks]) for name in looks[0]},
        answers=answers,
        classes=classes,
        differences=differences,
        agrees=agrees,
        outside=np.array(outside) if outside else np.zeros((0, 0)),
    )


def _encoded(split: Split, meaning: Meaning) -> Iterator[tuple[Any, dict[str, Any]]]:
    encoder = Encoder(meaning)
    for sample in split.samples:
        value = split.dataset.read(sample).value
        yield value, encoder.values(value, sample.key)


def _names(model: Artifact) -> list[str]:
    from tflbuild.tflite import flatbuffer

    return [entry["name"] for entry in flatbuffer.signature(model.path)["inputs"]]


def _looks(value: Any, meaning: Meaning) -> dict[str, float]:
    """Give the numbers of one sample; of several inputs those of each, with the input's name before them."""
    found: dict[str, float] = {}
    for name, given in meaning.inputs.items():
        before = f"{name}: " if len(meaning.inputs) > 1 else ""
        one = value[name] if isinstance(value, Mapping) else value
        kind = given.kind
        if isinstance(kind, ImageModality):
            numbers = looks_of(one, kind, *given.shape[:2])
        else:
            numbers = _numbers(np.asarray(one, np.float64).ravel())
        found |= {f"{before}{key}": number for key, number in numbers.items()}
    return found


def _numbers(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Give the numbers of a sample that is no picture."""
    found = {
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "smallest": float(values.min()),
        "largest": float(values.max()),
    }
    return found | (
        {f"value {k}": float(one) for k, one in enumerate(values)} if len(values) <= COLUMNS else {}
    )


def answered(
    model: Artifact, split: Split
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Give the numbers of a model's answers, the classes that it finds, and answers in rows to compare."""
    arrays, _ = predict(Litert(), model, split)
    if "offsets" in arrays:
        return _of_detections(arrays)
    if "scores" in arrays:
        shares = _shares(np.asarray(arrays["scores"], np.float64))
        entropy = -(shares * np.log(shares + 1e-12)).sum(axis=1)
        numbers = {"score": shares.max(axis=1)}
        if shares.shape[1] > 2:  # of two classes it says what the score says
            numbers["entropy"] = entropy
        return numbers, shares.argmax(axis=1).astype(np.int64), shares
    rows = np.concatenate(
        [np.asarray(one, np.float64).reshape(len(split), -1) for one in arrays.values()], axis=1
    )
    return {"output": rows.mean(axis=1), "output_deviation": rows.std(axis=1)}, np.zeros(0, np.int64), rows


def _shares(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give scores that add up to 1; of logits their softmax."""
    if scores.min() >= 0 and scores.max() <= 1.01:
        return np.asarray(scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12))
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _of_detections(
    arrays: Mapping[str, Any],
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    offsets, scores, classes = arrays["offsets"], arrays["scores"], arrays["classes"]
    best, counts, found = [], [], []
    for start, stop in pairwise(offsets):
        own = scores[start:stop]
        best.append(float(own.max()) if len(own) else 0.0)
        counts.append(float((own >= SURE).sum()))
        found.append(int(classes[start:stop][own.argmax()]) if len(own) and own.max() >= SURE else NOTHING)
    numbers = {"score": np.array(best), "detections": np.array(counts)}
    return numbers, np.array(found, np.int64), np.stack([numbers["score"], numbers["detections"]], axis=1)
