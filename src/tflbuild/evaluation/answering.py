"""A delivered file's answer about one raw sample: what it says of itself decides how samples go in and what comes out.

The one place for it: `tflbuild.runtime.Predictor`, `predict` and `preprocess` all go through here. It needs NumPy and
LiteRT, and Pillow for pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.core.answer import Answer
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError, TflbuildError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.modality import Encoded
from tflbuild.core.place import with_place
from tflbuild.core.plain_text import plain
from tflbuild.core.runtime import Execution, Runtime, usual_runtime
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import Decoding, has_pieces, of_row, readable, runs_of_pieces

Array = npt.NDArray[Any]


class OpenedFile(NamedTuple):
    """A file that is loaded, with what it says of itself."""

    execution: Execution
    meaning: Meaning


class Answered(NamedTuple):
    """The answer of a file about one sample.

    Attributes:
        found: objects or classes, the surest first; () where its outputs have no meaning to people.
        outputs: by name, float32 without the batch axis, dequantized; of several pieces, for the middle one.
    """

    found: tuple[Answer, ...]
    outputs: Mapping[str, npt.NDArray[np.float32]]


def open_file(file: Path, runtime: Runtime | None = None) -> OpenedFile:
    """Load a file that may come from anywhere.

    Args:
        file: a `.tflite` that tflbuild delivered.
        runtime: executes it; None for the usual one.

    Raises:
        RecipeError: it cannot be loaded, or is not what it says of itself.
    """
    meaning = meaning_of(file)
    with blaming(file, "it cannot be loaded"):
        model = TFLiteModel(path=file, digest="", fingerprint="", meta={"facts": meaning.to_json()})
        execution = (runtime or usual_runtime(model.kind)()).open(model)
        _check_inputs(execution, meaning, file)
    return OpenedFile(execution, meaning)


def meaning_of(file: Path) -> Meaning:
    """Read what a file says of itself.

    Raises:
        RecipeError: it is no `.tflite`, or tflbuild did not make it.
    """
    from tflbuild.tflite import flatbuffer

    flatbuffer.check(file)
    facts = flatbuffer.read_facts(file)
    if not facts:
        raise RecipeError(
            f"{plain(file)} does not say how it was preprocessed or what its labels are: tflbuild did not make it. "
            f"Build it once: tflbuild recipe=int8 model.path={plain(file)} data.root=FOLDER."
        )
    return Meaning.from_json(facts)


def encoded(opened: OpenedFile, sample: Any, file: Path) -> dict[str, Encoded]:
    """Turn a raw sample into codes, by input.

    Args:
        opened: the file.
        sample: for the one input; or a mapping of the inputs' names to one each.
        file: its path, for messages.

    Raises:
        RecipeError: the sample does not fit.
    """
    samples = by_input(opened.meaning, sample, file)
    what = "an image" if getattr(sample, "ndim", 0) == 3 else "a sample"
    with blaming(file, f"{what} does not fit what it says of its input"):
        return {
            name: given.kind.encode(samples[name], given.shape)
            for name, given in opened.meaning.inputs.items()
        }


def tensors(opened: OpenedFile, codes: Mapping[str, Encoded]) -> dict[str, Array]:
    """Give the tensors that a file takes for codes, by input, (1, ...) in the tensor's dtype."""
    specs = opened.execution.signature.inputs
    return {
        name: as_input(codes[name].codes[None], given.kind, specs[name])
        for name, given in opened.meaning.inputs.items()
    }


def answer(opened: OpenedFile, sample: Any, file: Path) -> Answered:
    """Give everything that a file says of a raw sample.

    Args:
        opened: the file.
        sample: see `encoded`.
        file: its path, for messages.

    Raises:
        RecipeError: the sample does not fit, or the file is not what it says of itself.
    """
    execution, meaning = opened
    if has_pieces(meaning):
        return _of_pieces(opened, sample, file)
    codes = encoded(opened, sample, file)
    with blaming(file, "what it gives is not what it says of itself"):
        outputs = readable(execution.run(tensors(opened, codes)), execution)
        first = {name: of_row(value, 0, 1) for name, value in outputs.items()}
        geometry = {name: one.geometry for name, one in codes.items()}
        rows = Decoding(meaning, whole=True)(
            first, {name: one.codes for name, one in codes.items()}, geometry
        )
        return Answered(tuple(meaning.kind.found(rows, meaning)), first)


def _of_pieces(opened: OpenedFile, sample: Any, file: Path) -> Answered:
    """Give what a file says of a sample of several pieces by all of them; its outputs are those for the middle one."""
    execution, meaning = opened
    samples = by_input(meaning, sample, file)
    with blaming(file, "a sample does not fit what it says of its input"):
        codes = {
            name: given.kind.pieces(samples[name], given.shape) for name, given in meaning.inputs.items()
        }
    with blaming(file, "what it gives is not what it says of itself"):
        middle: dict[str, npt.NDArray[np.float32]] = {}
        place = len(next(iter(codes.values()))) // 2

        def noted() -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
            for number, (outputs, given) in enumerate(runs_of_pieces(execution, 1, codes, meaning)):
                if number == place:
                    middle.update(outputs)
                yield outputs, given

        rows = Decoding(meaning, whole=True).joined(noted())
        return Answered(tuple(meaning.kind.found(rows, meaning)), middle)


def by_input(meaning: Meaning, sample: Any, file: Path) -> Mapping[str, Any]:
    """Give the sample of each input.

    Raises:
        RecipeError: the model has several, and this is one sample; or the names are others.
    """
    wanted = ", ".join(f"'{plain(name)}'" for name in meaning.inputs)
    if not isinstance(sample, Mapping):
        name, _ = only_input(meaning, file)
        return {name: sample}
    if sample.keys() != meaning.inputs.keys():
        given = ", ".join(f"'{plain(name)}'" for name in sample)
        raise RecipeError(f"{plain(file)} takes a sample for each of {wanted}; given: {given or 'none'}.")
    return sample


def only_input(meaning: Meaning, file: Path) -> tuple[str, Input]:
    """Give the one input, by its name.

    Raises:
        RecipeError: there are several.
    """
    if len(meaning.inputs) > 1:
        names = plain(", ".join(meaning.inputs))
        raise RecipeError(f"{plain(file)} has {len(meaning.inputs)} inputs ({names}), and an image is one.")
    return next(iter(meaning.inputs.items()))


@contextmanager
def blaming(file: Path, what: str) -> Iterator[None]:
    """Blame a file of somebody else for whatever it makes our code raise, or a plugin's, whose line is named."""
    try:
        yield
    except TflbuildError:
        raise
    except Exception as error:
        raise RecipeError(with_place(f"{plain(file)}: {what}: {described(error)}", error)) from error


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
