"""Run a delivered file on one image, in a process apart: what is read here may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tflbuild.core.answer import Answer, Truth
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.meaning import Input
from tflbuild.core.plain_text import plain
from tflbuild.core.task import Task
from tflbuild.engine.workers.request import Progress
from tflbuild.evaluation.answering import Answered, OpenedFile, answer, only_input, open_file
from tflbuild.evaluation.samples import read_image, read_sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAST_SCORE = 0.3
"""The score below which objects are not shown, unless the user says another."""

LONGEST_LABEL = 60
"""Characters of a class's name that are drawn."""

MOST_VALUES = 64
"""Values of an output that are given as they are."""


MOST_NUMBERS = 6
"""Numbers of a regression that are drawn into a picture."""

Said = TypeVar("Said", Answer, Truth)


class Numbers(NamedTuple):
    """An output that means nothing to people, in numbers.

    Attributes:
        shape: without the batch axis.
        low: the least value.
        mean: of all.
        high: the largest.
        values: the first ones, in order.
    """

    shape: tuple[int, ...]
    low: float
    mean: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A model's prediction for one image.

    Attributes:
        image: the file; an `.npy` for a model that takes numbers.
        height: of the image in pixels; 0 of numbers.
        width: likewise.
        found: in falling order of score; numbers and points in the order of the model.
        best: the best score of all, shown or not; 0 where there is none.
        drawn: the file with what was found drawn in; None of numbers.
        truth: what is there by its annotation; None where nothing says it.
        outputs: of a model whose outputs have no meaning to people, by name; {} for others.
        bounded: whether scores are in 0..1.
        verdict: what the sample is by the threshold, "normal" or "abnormal"; "" where no threshold was given, or found
            objects and classes say it.
    """

    image: Path
    height: int
    width: int
    found: tuple[Answer, ...]
    best: float
    drawn: Path | None
    truth: tuple[Truth, ...] | None = None
    outputs: Mapping[str, Numbers] = field(default_factory=dict)
    bounded: bool = True
    verdict: str = ""


def check_threshold(file: Path, threshold: float, report: Progress) -> None:
    """Refuse a threshold above 1 for a file whose scores are in 0..1.

    Raises:
        RecipeError: it is one, or the file cannot be loaded.
    """
    if threshold > 1 and opened_file(file).meaning.kind.bounded:
        raise RecipeError(f"--threshold: '{threshold:g}' is not a score; give a number in 0..1, e.g. 0.5.")


def open_model(file: Path, report: Progress) -> tuple[str, ...]:
    """Load a file and run it once, on a black image or on zeros: a fault of it shows before any sample is read.

    Returns:
        The class names that it knows.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    import numpy as np

    opened = opened_file(file)
    _, given = only_input(opened.meaning, file)
    black = np.zeros((8, 8, 3), np.uint8)
    answer(
        opened,
        black if _takes_pictures(given) else np.zeros(given.kind.raw_shape(given.shape), np.float32),
        file,
    )
    return opened.meaning.labels


def predict_image(
    file: Path,
    image: Path,
    drawn: Path,
    threshold: float | None,
    truth: tuple[Truth, ...] | None,
    report: Progress,
) -> Prediction:
    """Run a file on one image, and draw what it finds, or on numbers; reports progress once the file is read.

    Args:
        file: the model.
        image: the picture, or an `.npy`.
        drawn: the file that is written.
        threshold: the score below which nothing is shown; None for the usual one of objects, and none for classes.
        truth: what is right, drawn dashed; None where nothing says it.
        report: is told when the image is read.

    Raises:
        RecipeError: the image or what the model gives cannot be used.
        StoreError: the drawn image cannot be written.
    """
    opened = opened_file(file)
    _, given = only_input(opened.meaning, file)
    pictures = _takes_pictures(given)
    sample = read_image(image) if pictures else read_sample(image, given.kind)
    report(1, 1, "read")
    answered = answer(opened, sample, file)
    every = answered.found
    boxed = any(found.box for found in every)
    task = opened.meaning.kind
    least = threshold if threshold is not None else LEAST_SCORE if boxed else 0.0
    shown = tuple(found for found in every if found.score >= least) if task.bounded else every
    if pictures:
        whole = not boxed and not any(found.point or found.value is not None for found in shown)
        _draw(task, sample, shown[:1] if whole else shown, truth or (), drawn)
    height, width = sample.shape[:2] if pictures else (0, 0)
    return Prediction(
        image=image,
        height=height,
        width=width,
        found=shown,
        best=max((found.score for found in every), default=0.0),
        drawn=drawn if pictures else None,
        truth=truth,
        outputs={} if task.labelled else _numbers(answered),
        bounded=task.bounded,
        verdict="" if threshold is None else task.judged(every, threshold),
    )


@lru_cache(maxsize=1)
def opened_file(file: Path) -> OpenedFile:
    """Load a file that may come from anywhere; the last one stays loaded.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    return open_file(file)


def _takes_pictures(given: Input) -> bool:
    return given.kind.file == "image"


def _numbers(answered: Answered) -> dict[str, Numbers]:
    return {
        name: Numbers(
            shape=tuple(value.shape),
            low=float(value.min(initial=float("inf"))),
            mean=float(value.mean()) if value.size else 0.0,
            high=float(value.max(initial=-float("inf"))),
            values=tuple(map(float, value.ravel()[:MOST_VALUES])),
        )
        for name, value in answered.outputs.items()
        if value.size
    }


def _draw(
    task: Task, pixels: npt.NDArray[np.uint8], shown: Sequence[Answer], truth: Sequence[Truth], path: Path
) -> None:
    import numpy as np
    from PIL import Image

    from tflbuild.modalities.image.dashes import dashed
    from tflbuild.modalities.image.files import draw

    shown, truth = _joined(shown), _joined(truth)
    texts = [_text(found) for found in shown]
    rights = [("" if one.box else "truth: ") + plain(one.label, most=LONGEST_LABEL) for one in truth]
    try:
        own = task.draw(pixels, shown)
        picture = draw(pixels, _boxes(shown), texts) if own is None else own
        if truth and np.ndim(picture) == 3:
            picture = dashed(picture, _boxes(truth), rights)
        Image.fromarray(picture).save(path)
    except OSError as error:
        raise StoreError(f"{plain(path)} cannot be written: {error.strerror or error}") from error


def _text(found: Answer) -> str:
    said = plain(found.label, most=LONGEST_LABEL)
    return said if found.value is not None else f"{said} {found.score:.2f}"


def _joined(some: Sequence[Said]) -> Sequence[Said]:
    """Put the numbers that are said of a whole picture into one answer, which names them all."""
    numbers = [
        f"{plain(one.label, most=LONGEST_LABEL)} {one.value:.4g}" for one in some if one.value is not None
    ]
    return [replace(some[0], label=", ".join(numbers[:MOST_NUMBERS]))] if numbers else some


def _boxes(some: Sequence[Answer] | Sequence[Truth]) -> npt.NDArray[np.float32]:
    """Give boxes (objects, 4); what is said of the whole picture has the whole picture."""
    import numpy as np

    return np.array([one.box or (0.0, 0.0, 1.0, 1.0) for one in some], np.float32).reshape(-1, 4)
