"""Prepare one sample for a delivered file, in a process apart: the file and the sample may come from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tflbuild.analyses.mistakes.contract import Contract, contract_of
from tflbuild.analyses.mistakes.explained import Explained, explained
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.meaning import Input
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.engine.workers.request import Progress
from tflbuild.evaluation.answering import blaming, only_input
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.samples import array_of
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
        sample: a picture, a recording, or an `.npy` of numbers.
        out: the `.npy` that is written.
        report: is told when the sample is read.

    Raises:
        RecipeError: the file or the sample cannot be used.
        StoreError: the tensor cannot be written.
    """
    import numpy as np

    name, given, spec, contract = _input(file)
    kind = given.kind
    value = contract.read(sample)
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
    return Summary(spec._replace(shape=tuple(tensor.shape)), contract.words(spec), low, mean, high)


def explain_tensor(file: Path, sample: Path, tensor: Path, report: Progress) -> Explained:
    """Say which mistakes explain a tensor that an app made of a sample.

    Raises:
        RecipeError: the file, the sample or the tensor cannot be used.
    """
    _, given, spec, contract = _input(file)
    numbers, trials = array_of(tensor, "tensor"), contract.trials(sample, given.shape, spec)
    report(1, 1, "read")
    try:
        return explained(numbers, spec, trials.mistakes, trials.made)
    except ValueError as error:
        raise RecipeError(f"{plain(tensor)} {error}.") from error


def _input(file: Path) -> tuple[str, Input, TensorSpec, Contract]:
    opened = opened_file(file)
    name, given = only_input(opened.meaning, file)
    contract = contract_of(given.kind)
    if contract is None:
        raise RecipeError(
            f"{plain(file)} takes samples of the modality '{plain(given.modality)}'; only tensors of pictures, of "
            f"recordings and of arrays of numbers can be made and explained here."
        )
    return name, given, opened.execution.signature.inputs[name], contract
