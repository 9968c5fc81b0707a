"""Run a delivered file on images: the file alone says how an image becomes its input and what comes out.

Neither the file nor an image is read in this process: `tflbuild.show.inference` does that in one apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core import json_text
from tflbuild.core.answer import Answer
from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.form import is_inside
from tflbuild.core.image_files import IMAGE_SUFFIXES
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.engine.workers.apart import Apart, Suspect
from tflbuild.show.inference import LEAST_SCORE, Prediction

__all__ = ["Answer", "LeftOut", "Prediction", "lines", "predict", "predictions"]


@dataclass(frozen=True)
class LeftOut:
    """An image of a folder that cannot be read, and why."""

    image: Path
    reason: str


def predict(
    path: Path, images: Sequence[Path], out_folder: Path, least_score: float = LEAST_SCORE
) -> list[Prediction]:
    """Run a model on images and draw what it finds; see `predictions`."""
    made = predictions(path, images, out_folder, least_score)
    return [one for one in made if isinstance(one, Prediction)]


def predictions(
    path: Path, images: Sequence[Path], out_folder: Path, least_score: float = LEAST_SCORE
) -> Iterator[Prediction | LeftOut]:
    """Run a model on one image after another and draw what it finds.

    Args:
        path: a run's folder, or a `.tflite` made by tflbuild.
        images: image files; of a folder all images in it, by name.
        out_folder: where the drawn images go, each as `NAME.png`.
        least_score: of a detection that is shown.

    Yields:
        What it says of each image; an image of a folder that cannot be read is left out.

    Raises:
        RecipeError: the model or an image that was named is missing or cannot be used.
    """
    file = model_file(path)
    named = _listed(images)  # all of them first: a wrong name ends it before any work
    with Apart(loader=(plugins.LOADER, plugins.default_folder())) as apart:
        apart.call("tflbuild.show.inference:open_model", file, suspect=lambda: _model(file))
        try:
            out_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{plain(out_folder)} cannot be written: {error.strerror}") from error
        drawn = _names([image for image, _ in named], out_folder)
        for (image, of_folder), out in zip(named, drawn, strict=True):
            yield _predict_one(apart, file, image, out, least_score, of_folder)


def lines(prediction: Prediction | LeftOut) -> list[str]:
    """Say a prediction in lines for a terminal; boxes are in pixels of the image."""
    if isinstance(prediction, LeftOut):
        return [f"left out: {prediction.reason}"]
    said = [
        f"{plain(prediction.image)}: {prediction.width}x{prediction.height}, drawn in {plain(prediction.drawn)}"
    ]
    if not prediction.found:
        return [*said, f"  nothing found (best score {prediction.best:.2f})"]
    labels = [plain(found.label) for found in prediction.found]
    wide = max(map(len, labels))
    for found, label in zip(prediction.found, labels, strict=True):
        text = f"  {label:<{wide}}  {found.score:.2f}"
        if found.box is not None:
            ymin, xmin, ymax, xmax = found.box
            left, right = round(xmin * prediction.width), round(xmax * prediction.width)
            top, bottom = round(ymin * prediction.height), round(ymax * prediction.height)
            text += f"  x {left}-{right}, y {top}-{bottom}"
        said.append(text)
    return said


def _predict_one(
    apart: Apart, file: Path, image: Path, drawn: Path, least_score: float, of_folder: bool
) -> Prediction | LeftOut:
    read = False

    def progress(done: float, total: float, note: str) -> None:
        nonlocal read
        read = True

    def suspect() -> Suspect:
        return _model(file) if read else Suspect(image, "the decoder", "it is damaged")

    arguments = (file, image, drawn, least_score)
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


def model_file(path: Path) -> Path:
    """Find the file of a run that this machine can execute, or take the file itself."""
    try:
        if path.is_dir():
            return _file_of_run(path)
        if path.exists():
            check_regular(path)
            return path
    except (OSError, ValueError) as error:
        raise RecipeError(f"{plain(path)} cannot be read: {_reason(error)}.") from error
    raise RecipeError(f"{plain(path)} does not exist; expected a run's folder or a .tflite file.")


def _file_of_run(path: Path) -> Path:
    try:
        report = json_text.read_mapping(path / "report.json")
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{plain(path)} is no run's folder: it has no report.json that can be read; expected e.g. "
            f"outputs/RECIPE/latest or a .tflite file."
        ) from error
    targets = _targets(report, path)
    runnable = [target for target in targets if "not_executed" not in target]
    if targets and not runnable:
        names = ", ".join(plain(target.get("name", "?")) for target in targets)
        raise RecipeError(
            f"{plain(path)}: its file is compiled for {names}, which this machine cannot execute."
        )
    if not runnable or not (path / runnable[0]["path"]).is_file():
        status = plain(report.get("status", "no status"))
        raise RecipeError(f"{plain(path)}: this run delivered no model ({status}).")
    return path / str(runnable[0]["path"])


def _targets(report: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """Give the targets of a report, each with a path inside the run's folder."""
    targets = report.get("targets") or []
    if not isinstance(targets, list) or not all(isinstance(target, Mapping) for target in targets):
        raise RecipeError(f"{plain(path / 'report.json')}: its targets are no list of mappings.")
    for target in targets:
        given = target.get("path")
        if not is_inside(given):
            raise RecipeError(
                f"{plain(path / 'report.json')}: targets.path: {plain(repr(given))} is no file of that run."
            )
    return targets


def _listed(images: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Give the images with whether each came out of a folder.

    Raises:
        RecipeError: one is missing or no file, or a folder holds none.
    """
    found: list[tuple[Path, bool]] = []
    for image in images:
        try:
            if image.is_dir():
                found += [(one, True) for one in _images_in(image)]
                continue
            check_regular(image)
        except FileNotFoundError as error:
            raise RecipeError(f"{plain(image)} does not exist; expected an image file.") from error
        except (OSError, ValueError) as error:
            raise RecipeError(f"{plain(image)} cannot be read: {_reason(error)}.") from error
        found.append((image, False))
    return found


def _images_in(folder: Path) -> list[Path]:
    names = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    images = [path for path in names if path.name[0] != "." and not path.is_dir()]
    if not images:
        raise RecipeError(f"{plain(folder)} holds no image; expected {', '.join(sorted(IMAGE_SUFFIXES))}.")
    return images


def _reason(error: Exception) -> str:
    return plain(error.strerror) if isinstance(error, OSError) and error.strerror else described(error)


def _names(images: Sequence[Path], folder: Path) -> list[Path]:
    """Name the drawn images; a name that is taken gets a number."""
    taken: set[str] = set()
    names = []
    for image in images:
        name, count = image.stem, 1
        while name in taken:
            count += 1
            name = f"{image.stem}-{count}"
        taken.add(name)
        names.append(folder / f"{name}.png")
    return names
