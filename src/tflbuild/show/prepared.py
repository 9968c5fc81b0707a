"""Prepare one sample for a delivered file, in a process apart: the file and the sample may come from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.analyses.mistakes import candidates
from tflbuild.analyses.mistakes.explained import Explained, explained
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.meaning import Input
from tflbuild.core.modality import Modality, takes_codes
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.engine.workers.request import Progress
from tflbuild.evaluation.answering import blaming, only_input
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.samples import array_of, read_image
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.vector import Vector
from tflbuild.show.inference import opened_file


class Summary(NamedTuple):
    """A tensor in words.

    Attributes:
        spec: of the input.
        words: how the sample was prepared.
        low: the least number.
        mean: of all numbers.
        high: the largest.
    """

    spec: TensorSpec
    words: str
    low: float
    mean: float
    high: float


def write_tensor(file: Path, sample: Path, out: Path, report: Progress) -> Summary:
    """Write the tensor that a file takes for a sample.

    Args:
        file: the model.
        sample: a picture, or an `.npy` of numbers.
        out: the `.npy` that is written.
        report: is told when the sample is read.

    Raises:
        RecipeError: the file or the sample cannot be used.
        StoreError: the tensor cannot be written.
    """
    import numpy as np

    name, given, spec = _input(file)
    kind = given.kind
    value = _value(sample, kind)
    report(1, 1, "read")
    with blaming(sample, f"it does not fit the input '{plain(name)}'"):
        tensor = as_input(kind.encode(value, given.shape).codes[None], kind, spec)
    try:
        with out.open("wb") as target:
            np.save(target, np.ascontiguousarray(tensor), allow_pickle=False)
    except OSError as error:
        raise StoreError(f"{plain(out)} cannot be written: {error.strerror or error}") from error
    numbers = tensor.astype(np.float64)
    low, mean, high = (float(of()) for of in (numbers.min, numbers.mean, numbers.max))
    return Summary(spec._replace(shape=tuple(tensor.shape)), _words(kind, spec), low, mean, high)


def explain_tensor(file: Path, sample: Path, tensor: Path, report: Progress) -> Explained:
    """Say which mistakes explain a tensor that an app made of a sample.

    Raises:
        RecipeError: the file, the sample or the tensor cannot be used.
    """
    _, given, spec = _input(file)
    kind = given.kind
    numbers, value = array_of(tensor, "tensor"), _value(sample, kind)
    report(1, 1, "read")
    try:
        if isinstance(kind, ImageModality):
            mistakes = candidates.of_picture(kind, spec, _orientation(sample))
            return explained(numbers, spec, mistakes, candidates.Pictures(value, kind, spec).made)
        codes = kind.encode(value, given.shape).codes
        return explained(
            numbers, spec, candidates.of_vector(kind, spec), candidates.Vectors(codes, kind, spec).made
        )
    except ValueError as error:
        raise RecipeError(f"{plain(tensor)} {error}.") from error


def _input(file: Path) -> tuple[str, Input, TensorSpec]:
    opened = opened_file(file)
    name, given = only_input(opened.meaning, file)
    if not isinstance(given.kind, (ImageModality, Vector)):
        raise RecipeError(
            f"{plain(file)} takes samples of the modality '{plain(given.modality)}'; only tensors of pictures and of "
            f"arrays of numbers can be made and explained here."
        )
    return name, given, opened.execution.signature.inputs[name]


def _value(sample: Path, kind: Modality) -> Any:
    return read_image(sample) if isinstance(kind, ImageModality) else array_of(sample, "array")


def _orientation(sample: Path) -> int:
    from tflbuild.modalities.image.files import inspect

    return inspect(sample).orientation


def _words(kind: Modality, spec: TensorSpec) -> str:
    """Say how a sample is prepared."""
    if not isinstance(kind, ImageModality):
        return "numbers as they are" + (", quantized" if spec.scale else "")
    fitted = {
        "stretch": "stretched to the input",
        "letterbox": "padded evenly to the input's shape (letterbox)",
        "center_crop": f"cut to its centre ({kind.crop:g} of each side)",
    }[kind.aspect]
    averaged = "" if kind.resize == "nearest" else ", averaging" if kind.antialias else ", without averaging"
    scales, offsets = kind.affine
    values = f"value = pixel x {scales[0]:.7g} {offsets[0]:+.7g}"
    if kind.per_channel:
        pairs = ", ".join(
            f"x {scale:.7g} {offset:+.7g}" for scale, offset in zip(scales, offsets, strict=True)
        )
        values = f"value = pixel {pairs} by channel"
    stored = ""
    if spec.scale:
        raw = "the pixel itself" if spec.dtype == "uint8" else "the pixel less 128"
        stored = f"; stored as {raw if takes_codes(spec, kind) else 'round(value / scale) + zero point'}"
    picture = f"EXIF orientation applied; {fitted}; {kind.resize} kernel{averaged}; channels {kind.channels}"
    return f"{picture}; {values}{stored}"
