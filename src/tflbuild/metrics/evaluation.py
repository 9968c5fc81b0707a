"""Predictions of a model on a split, and the truth, as arrays in `.npz` files; metrics are made of these.

Detection predictions: `boxes` (detections, 4) float32 ymin, xmin, ymax, xmax in 0..1 of the original image,
`classes` (detections,) int32, `scores` (detections,) float32, `offsets` (images + 1,) int64: image k has rows
`offsets[k]` to `offsets[k + 1]`. Truth: `boxes`, `labels`, `offsets` likewise, and `names` (classes,) str.
Classification predictions: `scores` (images, classes) float32. Truth: `labels` (images,) int32 and `names`.

Classes are the data's, by index; a model whose labels differ is matched by class name. `missing` names
the classes that the model does not know: it never finds them, which counts against it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import Artifact, KerasModel, ModelFacts, TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.errors import PassError
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, Measurement
from tflbuild.metrics.examples import Examples, annotated, in_order
from tflbuild.vision.batches import Prepared
from tflbuild.vision.preprocess import Preprocess

Arrays = dict[str, npt.NDArray[Any]]
Outputs = Mapping[str, npt.NDArray[np.float32]]
Progress = Callable[[float, float], None]

BATCH = 32
"""Images that a Keras model is given at a time."""


def predict_file(
    model: Artifact, split: Split, out: Path, progress: Progress = lambda done, total: None
) -> str:
    """Write a model's predictions on a split.

    Returns:
        The kernels that executed the model.
    """
    predictions, kernels = predict(model, split, progress)
    store(predictions, out)
    return kernels


def truth_file(split: Split, out: Path) -> None:
    """Write a split's annotations."""
    store(truth(split), out)


def measure(metrics: Sequence[str], predictions: Path, truth: Path) -> dict[str, Measurement]:
    """Measure metrics of predictions, both as files; the caller knows the split and the kernels."""
    found, wanted = load(predictions), load(truth)
    return {name: _metric(name).measure(found, wanted) for name in metrics}


def compare(metric: str, before: Path, after: Path, truth: Path) -> Difference:
    """Give the paired difference of a metric between two files of predictions."""
    return _metric(metric).compare(load(before), load(after), load(truth))


def predict(
    model: Artifact, split: Split, progress: Progress = lambda done, total: None, threads: int | None = None
) -> tuple[Arrays, str]:
    """Run a model on every image of a split.

    Args:
        model: a Keras or TensorFlow Lite model with its facts.
        split: the images.
        progress: is told how many images are done.
        threads: how many images are worked on at a time; the result does not depend on it.

    Returns:
        Predictions as the module describes, and the kernels that executed the model.
    """
    facts = ModelFacts.of(model)
    examples = Examples(split, Preprocess.of(facts.preprocess), facts.height, facts.width)
    if isinstance(model, TFLiteModel):
        outputs, kernels = _run_tflite(model, facts, examples, threads or _cores())
    elif isinstance(model, KerasModel):
        outputs, kernels = _run_keras(model, facts, examples, threads or _cores()), "keras"
    else:
        raise PassError(f"no metric can execute a model of kind {model.kind}; convert it first.")
    seen = []
    for count, image_outputs in enumerate(outputs, start=1):
        seen.append(image_outputs)
        if count % BATCH == 0 or count == len(split):
            progress(count, len(split))
    columns = _columns(facts.labels, split.classes)
    arrays = _detected(seen, columns) if facts.task == "detection" else _classified(seen, columns, split)
    missing = [name for name in split.classes if name not in facts.labels]
    return arrays | {"missing": np.array(missing, np.str_)}, kernels


def truth(split: Split) -> Arrays:
    """Give a split's annotations as the module describes."""
    rows = list(annotated(split, _cores()))
    arrays: Arrays = {
        "labels": np.concatenate([row.labels for row in rows]).astype(np.int32),
        "names": np.array(split.classes, np.str_),
    }
    if split.dataset.task == "detection":
        arrays["boxes"] = np.concatenate([row.boxes for row in rows]).astype(np.float32)
        arrays["offsets"] = _offsets([len(row.labels) for row in rows])
    return arrays


def store(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write arrays to an `.npz` file; the same arrays give the same bytes."""
    with path.open("wb") as file:  # a path would be given another suffix
        np.savez(file, allow_pickle=False, **dict(sorted(arrays.items())))


def load(path: Path) -> Arrays:
    """Read what `store` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _metric(name: str) -> AccuracyMetric:
    cls = METRICS.get(name)
    assert issubclass(cls, AccuracyMetric)
    return cls()


def _cores() -> int:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(available or 1, 8))


def _run_tflite(
    model: TFLiteModel, facts: ModelFacts, examples: Examples, threads: int
) -> tuple[Iterator[Outputs], str]:
    """Run images abreast, each thread with an interpreter of its own."""
    from tflbuild.backends.litert import Runner

    preprocess = Preprocess.of(facts.preprocess)
    made = [Runner(model.path, scale=preprocess.scale, offset=preprocess.offset) for _ in range(threads)]
    idle: SimpleQueue[Runner] = SimpleQueue()
    for runner in made:
        if (runner.height, runner.width) != (facts.height, facts.width):
            raise PassError(
                f"{model.path} takes {runner.height}x{runner.width} images, but it was made for "
                f"{facts.height}x{facts.width}."
            )
        idle.put(runner)

    def run(position: int) -> Outputs:
        example = examples[position]
        runner = idle.get()
        try:
            outputs = runner.run(example.pixels)
        finally:
            idle.put(runner)
        return _in_image(outputs, example, facts)

    return in_order(run, len(examples), threads), made[0].kernels


def _run_keras(model: KerasModel, facts: ModelFacts, examples: Examples, threads: int) -> Iterator[Outputs]:
    """Run batches of one size, the last one filled up, so that the graph is traced once."""
    from tflbuild.backends.keras import predict as predict_batches

    preprocess = Preprocess.of(facts.preprocess)
    waiting: deque[Prepared] = deque()

    def batches() -> Iterator[npt.NDArray[np.float32]]:
        stack: list[npt.NDArray[np.uint8]] = []
        reading = in_order(examples.__getitem__, len(examples), threads)
        for count, example in enumerate(reading, start=1):
            waiting.append(example)
            stack.append(example.pixels)
            if len(stack) == BATCH or count == len(examples):
                stack += [stack[-1]] * (BATCH - len(stack))
                yield preprocess.normalise(np.stack(stack))
                stack = []

    finish = _decoder(facts)
    for outputs in predict_batches(model.path, batches()):
        for row in range(min(BATCH, len(waiting))):
            found = finish({name: value[row] for name, value in outputs.items()})
            yield _in_image(found, waiting.popleft(), facts)


def _decoder(facts: ModelFacts) -> Callable[[Outputs], Outputs]:
    """Give what turns one image's raw outputs into those of the device."""
    if facts.task != "detection":
        return lambda outputs: outputs
    from tflbuild.backends.suppression import Suppressor
    from tflbuild.vision.decoding import anchors_of, suppression_of

    suppressor = Suppressor(anchors_of(facts), suppression_of(facts))
    return lambda outputs: suppressor.run(outputs["box_encodings"], outputs["class_scores"])


def _in_image(outputs: Outputs, example: Prepared, facts: ModelFacts) -> Outputs:
    """Map boxes from the model's input back into the original image."""
    if facts.task != "detection":
        return outputs
    boxes = Preprocess.of(facts.preprocess).unplace(
        outputs["detection_boxes"], example.image_height, example.image_width, facts.height, facts.width
    )
    return {**outputs, "detection_boxes": boxes}


def _columns(labels: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.int32]:
    """Give the data's class of each of the model's labels; -1 for one that the data does not have."""
    known = {name: index for index, name in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels], np.int32)


def _detected(seen: Sequence[Outputs], columns: npt.NDArray[np.int32]) -> Arrays:
    """Collect detections; those of classes that the data does not have are left out, as COCO does."""
    rows = []
    for outputs in seen:
        classes = columns[outputs["detection_classes"].astype(np.int64)]
        known = classes >= 0
        rows.append((outputs["detection_boxes"][known], classes[known], outputs["detection_scores"][known]))
    return {
        "boxes": np.concatenate([boxes for boxes, _, _ in rows]).reshape(-1, 4).astype(np.float32),
        "classes": np.concatenate([classes for _, classes, _ in rows]).astype(np.int32),
        "scores": np.concatenate([scores for _, _, scores in rows]).astype(np.float32),
        "offsets": _offsets([len(classes) for _, classes, _ in rows]),
    }


def _classified(seen: Sequence[Outputs], columns: npt.NDArray[np.int32], split: Split) -> Arrays:
    """Collect scores by the data's classes; scores of other classes follow, and are never right."""
    raw = np.stack([outputs["scores"] for outputs in seen])
    places = columns.copy()
    foreign = np.flatnonzero(columns < 0)
    places[foreign] = len(split.classes) + np.arange(len(foreign))
    scores = np.full((len(raw), len(split.classes) + len(foreign)), -np.inf, np.float32)
    scores[:, places] = raw
    return {"scores": scores}


def _offsets(counts: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *counts], dtype=np.int64)
