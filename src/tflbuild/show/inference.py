"""Run a delivered file on one image, in a process apart: what is read here may come from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tflbuild.core.answer import Answer
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError, StoreError, TflbuildError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.core.runtime import Execution, usual_runtime
from tflbuild.core.task import Task
from tflbuild.engine.workers.request import Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAST_SCORE = 0.3
"""The score below which objects and classes are not shown."""

LONGEST_LABEL = 60
"""Characters of a class's name that are drawn."""


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
    found: tuple[Answer, ...]
    best: float
    drawn: Path


def open_model(file: Path, report: Progress) -> None:
    """Load a file and run it once, on a black image; what is wrong with it shows before any image is read.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    import numpy as np

    _answer(opened_file(file), np.zeros((8, 8, 3), np.uint8), file)


def predict_image(file: Path, image: Path, drawn: Path, least_score: float, report: Progress) -> Prediction:
    """Run a file on one image, and draw what it finds; reports progress once the image is read.

    Raises:
        RecipeError: the image or what the model gives cannot be used.
        StoreError: the drawn image cannot be written.
    """
    opened = opened_file(file)
    pixels = read_image(image)
    report(1, 1, "read")
    every = _answer(opened, pixels, file)
    boxed = any(found.box for found in every)
    shown = tuple(found for found in every if found.score >= least_score) if boxed else every
    _draw(opened.meaning.kind, pixels, shown if boxed else shown[:1], drawn)
    best = max((found.score for found in every), default=0.0)
    height, width = pixels.shape[:2]
    return Prediction(image=image, height=height, width=width, found=shown, best=best, drawn=drawn)


class OpenedFile(NamedTuple):
    """A file that is loaded, with what it says of itself."""

    execution: Execution
    meaning: Meaning


@lru_cache(maxsize=1)
def opened_file(file: Path) -> OpenedFile:
    """Load a file that may come from anywhere.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    meaning = _facts(file)
    with blaming(file, "it cannot be loaded"):
        model = TFLiteModel(path=file, digest="", fingerprint="", meta={"facts": meaning.to_json()})
        execution = usual_runtime(model.kind)().open(model)
        _check_inputs(execution, meaning, file)
    return OpenedFile(execution, meaning)


def _check_inputs(execution: Execution, meaning: Meaning, file: Path) -> None:
    specs = execution.signature.inputs
    for name, given in meaning.inputs.items():
        said, has = (
            f"{plain(file)}: it says that its input '{plain(name)}' is {given.shape}",
            plain(", ".join(specs)),
        )
        if name not in specs:
            raise RecipeError(f"{said}, and its inputs are {has}.")
        if specs[name].shape[1:] != given.shape:
            raise RecipeError(f"{said}, and it is {specs[name].shape[1:]}.")


def _facts(file: Path) -> Meaning:
    from tflbuild.tflite import flatbuffer

    flatbuffer.check(file)
    facts = flatbuffer.read_facts(file)
    if not facts:
        raise RecipeError(
            f"{plain(file)} does not say how it was preprocessed or what its labels are: tflbuild did not make it."
        )
    return Meaning.from_json(facts)


@contextmanager
def blaming(file: Path, what: str) -> Iterator[None]:
    """Blame a file of somebody else for whatever it makes our code raise."""
    try:
        yield
    except TflbuildError:
        raise
    except Exception as error:
        raise RecipeError(f"{plain(file)}: {what}: {described(error)}") from error


def read_image(image: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as it is meant to be seen.

    Raises:
        RecipeError: it cannot be decoded.
    """
    from tflbuild.modalities.image.files import read

    try:
        check_regular(image)
        return read(image)
    except OSError as error:
        raise RecipeError(f"{plain(image)}: {plain(error.strerror or error)}") from error
    except Exception as error:
        raise RecipeError(f"{plain(image)} cannot be decoded: {described(error)}") from error


def _answer(opened: OpenedFile, pixels: npt.NDArray[np.uint8], file: Path) -> tuple[Answer, ...]:
    """Give everything that a model says of an image, in falling order of score."""
    from tflbuild.evaluation.feeding import as_input
    from tflbuild.evaluation.predictions import readable

    execution, meaning = opened
    name, given = only_input(meaning, file)
    with blaming(file, "an image does not fit what it says of its input"):
        encoded = given.kind.encode(pixels, given.shape)
    with blaming(file, "what it gives is not what it says of itself"):
        codes = as_input(encoded.codes[None], given.kind, execution.signature.inputs[name])
        outputs = readable(execution.run({name: codes}), execution)
        first = {output: value[0] for output, value in outputs.items()}
        task = meaning.kind
        rows = task.decode(task.finisher(meaning, whole=True)(first), meaning, {name: encoded.geometry})
        return tuple(task.found(rows, meaning))


def only_input(meaning: Meaning, file: Path) -> tuple[str, Input]:
    """Give the one input, by its name."""
    if len(meaning.inputs) > 1:
        names = plain(", ".join(meaning.inputs))
        raise RecipeError(f"{plain(file)} has {len(meaning.inputs)} inputs ({names}), and an image is one.")
    return next(iter(meaning.inputs.items()))


def _draw(task: Task, pixels: npt.NDArray[np.uint8], shown: Sequence[Answer], path: Path) -> None:
    import numpy as np
    from PIL import Image

    from tflbuild.modalities.image.files import draw

    boxes = np.array([found.box or (0.0, 0.0, 1.0, 1.0) for found in shown], np.float32).reshape(-1, 4)
    texts = [f"{plain(found.label, most=LONGEST_LABEL)} {found.score:.2f}" for found in shown]
    try:
        own = task.draw(pixels, shown)
        Image.fromarray(draw(pixels, boxes, texts) if own is None else own).save(path)
    except OSError as error:
        raise StoreError(f"{plain(path)} cannot be written: {error.strerror or error}") from error
