"""Run a delivered file on images: the file alone says how an image becomes its input and what comes out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core import json_text
from tflbuild.core.artifact import ModelFacts
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.form import INSIDE, TEXT, Malformed, check, fields, list_of, optional
from tflbuild.core.plain_text import plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tflbuild.backends.litert import Runner

DELIVERED = fields(
    {"status": optional(TEXT), "targets": optional(list_of(fields({"name": TEXT, "path": INSIDE})))}
)
"""What is read of a run's report, which may be somebody else's."""

LEAST_SCORE = 0.3
"""What is less likely is not shown."""

SHOWN_CLASSES = 5
"""Classes that are shown of a classifier's answer."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One object, or one class of a whole image.

    Attributes:
        label: name of the class.
        score: in 0..1.
        box: (ymin, xmin, ymax, xmax) in 0..1 of the image; None for a class of the whole image.
    """

    label: str
    score: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        image: the file.
        height: of the image in pixels.
        width: of the image in pixels.
        found: in falling order of score.
        best: the best score of all, shown or not; 0 where there is none.
        drawn: the file with what was found drawn in.
    """

    image: Path
    height: int
    width: int
    found: tuple[Found, ...]
    best: float
    drawn: Path


def predict(
    path: Path, images: Sequence[Path], out_folder: Path, least_score: float = LEAST_SCORE
) -> list[Prediction]:
    """Run a model on images and draw what it finds.

    Args:
        path: a run's folder, or a `.tflite` made by tflbuild.
        images: image files.
        out_folder: where the drawn images go, each as `NAME.png`.
        least_score: of a detection that is shown.

    Raises:
        RecipeError: the model or an image is missing or cannot be used.
    """
    from tflbuild.backends.litert import Runner, quiet
    from tflbuild.vision.preprocess import Preprocess

    file = _model_file(path)
    facts = _facts(file)
    preprocess = Preprocess.of(facts.preprocess)
    with quiet():
        runner = Runner(file, scale=preprocess.scale, offset=preprocess.offset)
    read = [
        (image, _read(image)) for image in images
    ]  # all of them first: a wrong name ends it before any work
    try:
        out_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{out_folder} cannot be written: {error.strerror}") from error
    drawn = _names(images, out_folder)
    return [
        _predict_one(runner, facts, image, pixels, out, least_score)
        for (image, pixels), out in zip(read, drawn, strict=True)
    ]


def lines(prediction: Prediction) -> list[str]:
    """Say a prediction in lines for a terminal; boxes are in pixels of the image."""
    said = [f"{prediction.image}: {prediction.width}x{prediction.height}, drawn in {prediction.drawn}"]
    if not prediction.found:
        return [*said, f"  nothing found (best score {prediction.best:.2f})"]
    wide = max(len(found.label) for found in prediction.found)
    for found in prediction.found:
        text = f"  {found.label:<{wide}}  {found.score:.2f}"
        if found.box is not None:
            ymin, xmin, ymax, xmax = found.box
            left, right = round(xmin * prediction.width), round(xmax * prediction.width)
            top, bottom = round(ymin * prediction.height), round(ymax * prediction.height)
            text += f"  x {left}-{right}, y {top}-{bottom}"
        said.append(text)
    return said


def _model_file(path: Path) -> Path:
    """Find the file of a run that this machine can execute, or take the file itself."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise RecipeError(f"{path} does not exist; expected a run's folder or a .tflite file.")
    try:
        report = json_text.read_mapping(path / "report.json")
        check(report, DELIVERED)
    except Malformed as error:
        raise RecipeError(f"{plain(path / 'report.json')} is no report of a run: {error}.") from error
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{path} is no run's folder: it has no report.json that can be read; expected e.g. "
            f"outputs/RECIPE/latest or a .tflite file."
        ) from error
    targets = report.get("targets") or []
    runnable = [target for target in targets if "not_executed" not in target]
    if targets and not runnable:
        names = ", ".join(target["name"] for target in targets)
        raise RecipeError(f"{path}: its file is compiled for {names}, which this machine cannot execute.")
    if not runnable or not (path / runnable[0]["path"]).is_file():
        raise RecipeError(f"{path}: this run delivered no model ({report.get('status', 'no status')}).")
    return path / str(runnable[0]["path"])


def _facts(file: Path) -> ModelFacts:
    from tflbuild.backends.flatbuffer import read_facts

    try:
        facts = read_facts(file)
    except (OSError, ValueError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise RecipeError(f"{file} is no TensorFlow Lite file that can be read: {error}") from error
    if not facts:
        raise RecipeError(
            f"{file} does not say how it was preprocessed or what its labels are: tflbuild did not make it."
        )
    return ModelFacts(**{**facts, "labels": tuple(facts["labels"])})


def _read(image: Path) -> npt.NDArray[np.uint8]:
    from tflbuild.vision.image import read

    if not image.is_file():
        raise RecipeError(f"{image} does not exist; expected an image file.")
    try:
        return read(image)
    except OSError as error:
        raise RecipeError(f"{image}: {error}") from error


def _names(images: Sequence[Path], folder: Path) -> list[Path]:
    """Name the drawn images; a stem that occurs again gets a number."""
    taken: dict[str, int] = {}
    names = []
    for image in images:
        taken[image.stem] = count = taken.get(image.stem, 0) + 1
        names.append(folder / (f"{image.stem}.png" if count == 1 else f"{image.stem}-{count}.png"))
    return names


def _predict_one(
    runner: Runner,
    facts: ModelFacts,
    image: Path,
    pixels: npt.NDArray[np.uint8],
    drawn: Path,
    least_score: float,
) -> Prediction:
    from tflbuild.vision.preprocess import Preprocess

    height, width = pixels.shape[:2]
    outputs = runner.run(Preprocess.of(facts.preprocess).pixels(pixels, facts.height, facts.width))
    detector = facts.task == "detection"
    every = _objects(outputs, facts, height, width) if detector else _classes(outputs, facts)
    shown = tuple(found for found in every if found.score >= least_score) if detector else every
    _draw(pixels, shown if detector else shown[:1], drawn)
    best = max((found.score for found in every), default=0.0)
    return Prediction(image=image, height=height, width=width, found=shown, best=best, drawn=drawn)


def _objects(outputs: dict[str, Any], facts: ModelFacts, height: int, width: int) -> tuple[Found, ...]:
    from tflbuild.vision.preprocess import Preprocess

    preprocess = Preprocess.of(facts.preprocess)
    boxes = preprocess.unplace(outputs["detection_boxes"], height, width, facts.height, facts.width)
    rows = zip(
        outputs["detection_classes"].tolist(),
        outputs["detection_scores"].tolist(),
        boxes.tolist(),
        strict=True,
    )
    found = [Found(label=facts.labels[int(label)], score=score, box=tuple(box)) for label, score, box in rows]
    return tuple(sorted(found, key=lambda one: -one.score))


def _classes(outputs: dict[str, Any], facts: ModelFacts) -> tuple[Found, ...]:
    scores = outputs["scores"].tolist()
    found = [Found(label=label, score=score) for label, score in zip(facts.labels, scores, strict=True)]
    return tuple(sorted(found, key=lambda one: -one.score)[:SHOWN_CLASSES])


def _draw(pixels: npt.NDArray[np.uint8], shown: Sequence[Found], path: Path) -> None:
    import numpy as np
    from PIL import Image

    from tflbuild.vision.image import draw

    boxes = np.array([found.box or (0.0, 0.0, 1.0, 1.0) for found in shown], np.float32).reshape(-1, 4)
    texts = [f"{found.label} {found.score:.2f}" for found in shown]
    try:
        Image.fromarray(draw(pixels, boxes, texts)).save(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
