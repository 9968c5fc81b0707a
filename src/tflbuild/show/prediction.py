"""Run a delivered file on images: the file alone says how an image becomes its input and what comes out.

Neither the file nor an image is read in this process: `tflbuild.show.inference` does that in one apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild import plugins
from tflbuild.core.answer import Answer, Truth
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.plain_text import plain
from tflbuild.engine.workers.apart import Apart, Suspect
from tflbuild.show.delivered import model_file, run_of
from tflbuild.show.ground_truth import Known
from tflbuild.show.inference import Numbers, Prediction
from tflbuild.show.photos import listed, names_of
from tflbuild.show.prediction_form import SCHEMA

__all__ = ["Answer", "LeftOut", "Note", "Prediction", "Truth", "lines", "predict", "predictions", "to_json"]


@dataclass(frozen=True)
class LeftOut:
    """An image of a folder that cannot be read, and why."""

    image: Path
    reason: str


class Note(NamedTuple):
    """A sentence on the ground truth: what of it was left out or taken for granted."""

    text: str


Made = Prediction | LeftOut | Note


def predict(
    path: Path, images: Sequence[Path], out_folder: Path | None = None, least_score: float | None = None
) -> list[Prediction]:
    """Run a model on images and draw what it finds; see `predictions`."""
    made = predictions(path, images, out_folder, least_score)
    return [one for one in made if isinstance(one, Prediction)]


def predictions(
    path: Path, images: Sequence[Path], out_folder: Path | None = None, least_score: float | None = None
) -> Iterator[Made]:
    """Run a model on one image after another and draw what it finds, and the ground truth where there is some.

    Args:
        path: a run's folder, or a `.tflite` made by tflbuild.
        images: image files; of a folder all images below it, by name.
        out_folder: where the drawn images go, each as `NAME.png`; None for `folder_for(path)`.
        least_score: of what is shown; None for the usual one.

    Yields:
        What it says of each image; an image of a folder that cannot be read is left out.

    Raises:
        RecipeError: the model or an image that was named is missing or cannot be used.
        StoreError: the folder or an image in it cannot be written.
    """
    file, out_folder = model_file(path), out_folder or folder_for(path)
    named = listed(images, out_folder)  # all of them first: a wrong name ends it before any work
    with Apart(loader=(plugins.LOADER, plugins.default_folder())) as apart:
        labels = apart.call("tflbuild.show.inference:open_model", file, suspect=lambda: _model(file))
        if least_score is not None:
            apart.call(
                "tflbuild.show.inference:check_threshold", file, least_score, suspect=lambda: _model(file)
            )
        try:
            out_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{plain(out_folder)} cannot be written: {error.strerror}; --out FOLDER says another place."
            ) from error
        known, notes = _truth_of_run(path, [image for image, _ in named])
        yield from map(Note, notes)
        drawn = names_of([image for image, _ in named], out_folder)
        for (image, of_folder), out in zip(named, drawn, strict=True):
            right = known.get(image) or _truth_beside(apart, image, labels)
            yield from (Note(f"{plain(image)}: {note}") for note in right.notes)
            yield _predict_one(apart, file, image, out, least_score, right.truth, of_folder)


def folder_for(path: Path) -> Path:
    """Give the folder that predictions go to: in the run's, or beside a file that belongs to no run."""
    run = run_of(path)
    if run is None:
        return path.with_name(f"{path.stem}-predictions")
    here = Path.cwd()
    return (run.relative_to(here) if run.is_relative_to(here) else run) / "predictions"


def _truth_of_run(path: Path, images: Sequence[Path]) -> tuple[Mapping[Path, Known], Sequence[str]]:
    run = run_of(path)
    if run is None:
        return {}, ()
    from tflbuild.show import run_truth

    return run_truth.of_run(run, images)


def _truth_beside(apart: Apart, image: Path, labels: Sequence[str]) -> Known:
    """Look beside an image; a file that breaks its reader is a note."""

    def suspect() -> Suspect:
        return Suspect(image, "the reader of its annotation", "the annotation beside it is damaged")

    try:
        found: Known = apart.call("tflbuild.show.ground_truth:of_photo", image, labels, suspect=suspect)
    except RecipeError as error:
        return Known(notes=(f"no ground truth: {error}",))
    return found


def lines(made: Made) -> list[str]:
    """Say a prediction in lines for a terminal; boxes are in pixels of the image."""
    if isinstance(made, LeftOut):
        return [f"skipped: {made.reason}"]
    if isinstance(made, Note):
        return [f"note: {made.text}"]
    other = "an array" if made.image.suffix == ".npy" else "a recording"
    drawn = f"{made.width}x{made.height}, drawn in {plain(made.drawn)}" if made.drawn else other
    said = [f"{plain(made.image)}: {drawn}"]
    if made.outputs:
        return [*said, *(_numbers(name, numbers) for name, numbers in made.outputs.items())]
    if made.verdict:
        said[0] += f", {plain(made.verdict)}"
    rows = [(plain(one.label), _said(one, made), _place(one, made)) for one in made.found]
    truths = [(plain(one.label), f"truth{_number(one)}", _place(one, made)) for one in made.truth or ()]
    wide = max((len(label) for label, _, _ in (*rows, *truths)), default=0)
    if not rows:
        said.append(f"  nothing found (best score {made.best:.2f})")
    for label, score, where in (*rows, *truths):
        said.append(f"  {label:<{wide}}  {score}{where}")
    if made.truth == ():
        said.append("  truth: no object")
    return said


def _said(one: Answer, made: Prediction) -> str:
    if one.value is not None:
        return f"{one.value:.6g}"
    return f"{one.score:.2f}" if made.bounded else f"{one.score:.4g}"


def _number(one: Truth) -> str:
    return "" if one.value is None else f" {one.value:.6g}"


def _place(one: Answer | Truth, made: Prediction) -> str:
    if one.point is None:
        return _corners(one.box, made)
    y, x = one.point
    return f"  x {x * made.width:.1f}, y {y * made.height:.1f}"


def _corners(box: tuple[float, float, float, float] | None, made: Prediction) -> str:
    if box is None:
        return ""
    ymin, xmin, ymax, xmax = box
    left, right = round(xmin * made.width), round(xmax * made.width)
    top, bottom = round(ymin * made.height), round(ymax * made.height)
    return f"  x {left}-{right}, y {top}-{bottom}"


def _numbers(name: str, numbers: Numbers) -> str:
    first = ", ".join(f"{value:.4g}" for value in numbers.values[:4])
    more = ", ..." if len(numbers.values) > 4 else ""
    return (
        f"  {plain(name)} {numbers.shape}: {numbers.low:.4g} to {numbers.high:.4g}, mean {numbers.mean:.4g}; "
        f"{first}{more}"
    )


def to_json(model: Path, made: Sequence[Made], threshold: float | None) -> dict[str, Any]:
    """Give predictions as `predict --json` prints them; boxes are [ymin, xmin, ymax, xmax] in 0..1 of the image.

    Args:
        model: as the user named it.
        made: what `predictions` gave.
        threshold: as the user gave it.
    """
    return {
        "schema": SCHEMA,
        "model": str(model),
        "threshold": threshold,
        "predictions": [_json(one) for one in made if isinstance(one, Prediction)],
        "left_out": [
            {"image": str(one.image), "reason": one.reason} for one in made if isinstance(one, LeftOut)
        ],
        "notes": [one.text for one in made if isinstance(one, Note)],
    }


def _json(made: Prediction) -> dict[str, Any]:
    return {
        "image": str(made.image),
        "width": made.width,
        "height": made.height,
        "drawn": str(made.drawn) if made.drawn else None,
        "best": made.best,
        "verdict": made.verdict or None,
        "found": [_row(one) for one in made.found],
        "truth": None if made.truth is None else [_row(one) for one in made.truth],
        "outputs": {name: numbers._asdict() for name, numbers in made.outputs.items()},
    }


def _row(one: Answer | Truth) -> dict[str, Any]:
    """Give an answer as JSON holds it; what most have none of is left out where it has none."""
    return {key: item for key, item in asdict(one).items() if item is not None or key == "box"}


def _predict_one(
    apart: Apart,
    file: Path,
    image: Path,
    drawn: Path,
    least_score: float | None,
    truth: tuple[Truth, ...] | None,
    of_folder: bool,
) -> Prediction | LeftOut:
    read = False

    def progress(done: float, total: float, note: str) -> None:
        nonlocal read
        read = True

    def suspect() -> Suspect:
        return _model(file) if read else Suspect(image, "the decoder", "it is damaged")

    arguments = (file, image, drawn, least_score, truth)
    try:
        made: Prediction = apart.call(
            "tflbuild.show.inference:predict_image", *arguments, suspect=suspect, progress=progress
        )
    except RecipeError as error:
        if of_folder and not read:
            return LeftOut(image, str(error))
        raise
    return made


def _model(file: Path) -> Suspect:
    return Suspect(file, "the runtime", "it is damaged or made for another runtime")
