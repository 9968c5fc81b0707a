"""Run a delivered file on one image, in a process apart: what is read here may come from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.artifact import ModelFacts
from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError, StoreError, TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.engine.workers.process import Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tflbuild.runtimes.litert import Runner

LEAST_SCORE = 0.3
"""The score below which objects and classes are not shown."""

SHOWN_CLASSES = 5
"""Classes that are shown of a classifier's answer."""

LONGEST_LABEL = 60
"""Characters of a class's name that are drawn."""


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
    """A model's prediction for one image.

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


def open_model(file: Path, report: Progress) -> None:
    """Load a file and run it once, on a black image; what is wrong with it shows before any image is read.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    import numpy as np

    runner, facts = _opened(file)
    _answer(runner, facts, np.zeros((8, 8, 3), np.uint8), file)


def predict_image(file: Path, image: Path, drawn: Path, least_score: float, report: Progress) -> Prediction:
    """Run a file on one image, and draw what it finds; reports progress once the image is read.

    Raises:
        RecipeError: the image or what the model gives cannot be used.
        StoreError: the drawn image cannot be written.
    """
    runner, facts = _opened(file)
    pixels = _read(image)
    report(1, 1, "read")
    every = _answer(runner, facts, pixels, file)
    detector = facts.task == "detection"
    shown = tuple(found for found in every if found.score >= least_score) if detector else every
    _draw(pixels, shown if detector else shown[:1], drawn)
    best = max((found.score for found in every), default=0.0)
    height, width = pixels.shape[:2]
    return Prediction(image=image, height=height, width=width, found=shown, best=best, drawn=drawn)


@lru_cache(maxsize=1)
def _opened(file: Path) -> tuple[Runner, ModelFacts]:
    from tflbuild.modalities.image.preprocess import Preprocess
    from tflbuild.runtimes.litert import Runner

    facts = _facts(file)
    with _blaming(file, "it cannot be loaded"):
        preprocess = Preprocess.of(facts.preprocess)
        runner = Runner(file, scale=preprocess.scale, offset=preprocess.offset)
        if (runner.height, runner.width) != (facts.height, facts.width):
            raise RecipeError(
                f"{plain(file)}: it says that its input is {facts.width}x{facts.height}, which is "
                f"{runner.width}x{runner.height}."
            )
    return runner, facts


def _facts(file: Path) -> ModelFacts:
    from tflbuild.tflite import flatbuffer

    flatbuffer.check(file)
    facts = flatbuffer.read_facts(file)
    if not facts:
        raise RecipeError(
            f"{plain(file)} does not say how it was preprocessed or what its labels are: tflbuild did not make it."
        )
    return ModelFacts.from_json(facts)


@contextmanager
def _blaming(file: Path, what: str) -> Iterator[None]:
    """Blame a file of somebody else for whatever it makes our code raise."""
    try:
        yield
    except TflbuildError:
        raise
    except Exception as error:
        raise RecipeError(f"{plain(file)}: {what}: {described(error)}") from error


def _read(image: Path) -> npt.NDArray[np.uint8]:
    from tflbuild.modalities.image.files import read

    try:
        check_regular(image)
        return read(image)
    except OSError as error:
        raise RecipeError(f"{plain(image)}: {plain(error.strerror or error)}") from error
    except Exception as error:
        raise RecipeError(f"{plain(image)} cannot be decoded: {described(error)}") from error


def _answer(
    runner: Runner, facts: ModelFacts, pixels: npt.NDArray[np.uint8], file: Path
) -> tuple[Found, ...]:
    """Give everything that a model says of an image, in falling order of score."""
    from tflbuild.modalities.image.preprocess import Preprocess

    with _blaming(file, "what it gives is not what it says of itself"):
        outputs = runner.run(Preprocess.of(facts.preprocess).pixels(pixels, facts.height, facts.width))
        height, width = pixels.shape[:2]
        if facts.task == "detection":
            return _objects(outputs, facts, height, width)
        return _classes(outputs, facts)


def _objects(outputs: dict[str, Any], facts: ModelFacts, height: int, width: int) -> tuple[Found, ...]:
    from tflbuild.modalities.image.preprocess import Preprocess

    preprocess = Preprocess.of(facts.preprocess)
    boxes = preprocess.unplace(outputs["detection_boxes"], height, width, facts.height, facts.width)
    _refuse_infinite(boxes, "boxes")
    _refuse_infinite(outputs["detection_scores"], "scores")
    rows = zip(
        outputs["detection_classes"].tolist(),
        outputs["detection_scores"].tolist(),
        boxes.tolist(),
        strict=True,
    )
    found = [Found(label=_label(facts, label), score=score, box=tuple(box)) for label, score, box in rows]
    return tuple(sorted(found, key=lambda one: -one.score))


def _label(facts: ModelFacts, number: float) -> str:
    position = int(number)
    if not 0 <= position < len(facts.labels):
        raise ValueError(f"class {position} of {len(facts.labels)}")
    return facts.labels[position]


def _classes(outputs: dict[str, Any], facts: ModelFacts) -> tuple[Found, ...]:
    _refuse_infinite(outputs["scores"], "scores")
    scores = outputs["scores"].tolist()
    found = [Found(label=label, score=score) for label, score in zip(facts.labels, scores, strict=True)]
    return tuple(sorted(found, key=lambda one: -one.score)[:SHOWN_CLASSES])


def _refuse_infinite(values: npt.NDArray[Any], what: str) -> None:
    import numpy as np

    if not np.isfinite(values).all():
        raise ValueError(f"its {what} are not finite numbers")


def _draw(pixels: npt.NDArray[np.uint8], shown: Sequence[Found], path: Path) -> None:
    import numpy as np
    from PIL import Image

    from tflbuild.modalities.image.files import draw

    boxes = np.array([found.box or (0.0, 0.0, 1.0, 1.0) for found in shown], np.float32).reshape(-1, 4)
    texts = [f"{plain(found.label, most=LONGEST_LABEL)} {found.score:.2f}" for found in shown]
    try:
        Image.fromarray(draw(pixels, boxes, texts)).save(path)
    except OSError as error:
        raise StoreError(f"{plain(path)} cannot be written: {error.strerror or error}") from error
