"""Predictions of a model of any kind on a split, as arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import Execution, Runtime
from tflbuild.core.signature import TensorSpec
from tflbuild.core.task import GIVEN, Outputs, Rows
from tflbuild.evaluation.arrays import Arrays, store
from tflbuild.evaluation.examples import Encoder, Examples, Prepared, in_order
from tflbuild.evaluation.feeding import as_input, dequantized

FLOAT = TensorSpec((), "float32")
"""The spec of an output that a runtime does not describe."""

Progress = Callable[[float, float], None]


def predict_file(
    runtime: Runtime,
    model: Artifact,
    split: Split,
    out: Path,
    progress: Progress = lambda done, total: None,
) -> str:
    """Write a model's predictions on a split.

    Returns:
        The kernels that executed the model.
    """
    predictions, kernels = predict(runtime, model, split, progress)
    store(predictions, out)
    return kernels


def predict(
    runtime: Runtime,
    model: Artifact,
    split: Split,
    progress: Progress = lambda done, total: None,
) -> tuple[Arrays, str]:
    """Run a model on every sample of a split.

    Args:
        runtime: what executes it.
        model: a model with its meaning.
        split: the samples.
        progress: is told how many samples are done.

    Returns:
        Predictions as `tflbuild.evaluation.arrays` describes, and the kernels that executed the model.

    Raises:
        PassError: the file's inputs are not what its meaning says.
    """
    meaning = Meaning.of(model)
    task, execution = meaning.kind, _opened(runtime, _Model(model))
    check_inputs(execution, meaning, model)
    decode, whole = Decoding(meaning, whole=model.whole), type(runtime).whole_batches
    seen: list[Rows] = []
    said = (
        _of_pieces(execution, runtime.batch, split, decode, whole=whole)
        if has_pieces(meaning)
        else (
            decode(outputs, example.codes, example.geometry)
            for example, outputs in runs(
                execution, runtime.batch, Examples(split, meaning), meaning, whole=whole
            )
        )
    )
    for rows in said:
        seen.append(rows)
        progress(len(seen), len(split))
    return task.collected(seen, meaning, split.classes), execution.kernels


class Decoding:
    """Turn a model's outputs for one sample, or one piece of it, into what it says.

    Args:
        meaning: of the model.
        whole: whether it is a file as it is delivered.
    """

    def __init__(self, meaning: Meaning, *, whole: bool) -> None:
        self.meaning, self._task = meaning, meaning.kind
        self._finish: Callable[[Outputs], Outputs] = self._task.finisher(meaning, whole=whole)
        self._kinds = {name: given.kind for name, given in meaning.inputs.items() if self._task.reads_inputs}

    def __call__(self, outputs: Outputs, codes: Mapping[str, Any], geometry: Mapping[str, Any]) -> Rows:
        """Give what the outputs say.

        Args:
            outputs: by name, without a batch axis.
            codes: what went in, likewise.
            geometry: by input, what `Modality.encode` gave to undo.
        """
        given = {f"{GIVEN}{name}": kind.values(codes[name]) for name, kind in self._kinds.items()}
        return self._task.decode({**self._finish(outputs), **given}, self.meaning, geometry)

    def joined(self, pieces: Iterable[tuple[Outputs, Mapping[str, Any]]]) -> Rows:
        """Give what the outputs of all pieces of a sample say, each with the codes of its piece."""
        nowhere = dict.fromkeys(self.meaning.inputs)
        return self._task.joined([self(outputs, codes, nowhere) for outputs, codes in pieces])


def has_pieces(meaning: Meaning) -> bool:
    """Say whether a sample is several pieces to a model, whose task joins what it says of them."""
    return meaning.kind.joins and any(given.kind.several() for given in meaning.inputs.values())


def _of_pieces(
    execution: Execution, batch: int, split: Split, decode: Decoding, *, whole: bool
) -> Iterator[Rows]:
    """Give what a model says of each sample by all of its pieces."""
    encode = Encoder(decode.meaning).pieces

    def pieces(position: int) -> dict[str, npt.NDArray[Any]]:
        return encode(split[position].value, split.samples[position].key)

    for codes in in_order(pieces, len(split)):
        yield decode.joined(runs_of_pieces(execution, batch, codes, decode.meaning, whole=whole))


def runs_of_pieces(
    execution: Execution, batch: int, codes: Mapping[str, Any], meaning: Meaning, *, whole: bool = False
) -> Iterator[tuple[Outputs, Mapping[str, Any]]]:
    """Run the pieces of a sample, in batches of one size where `whole`.

    Args:
        execution: the loaded model.
        batch: pieces that are run at once, at most.
        codes: by input, (pieces, ...).
        meaning: of the model.
        whole: whether the last batch is filled up.

    Yields:
        The outputs for each piece, and its codes.
    """
    specs, kinds = execution.signature.inputs, {name: given.kind for name, given in meaning.inputs.items()}
    count = len(next(iter(codes.values())))
    for start in range(0, count, batch):
        places = list(range(start, min(start + batch, count)))
        filled = places + [places[-1]] * (batch - len(places) if whole else 0)
        inputs = {name: as_input(codes[name][filled], kinds[name], specs[name]) for name in meaning.inputs}
        outputs = readable(execution.run(inputs), execution)
        for row, place in enumerate(places):
            yield (
                {name: of_row(value, row, len(filled)) for name, value in outputs.items()},
                {name: codes[name][place] for name in meaning.inputs},
            )


def check_inputs(execution: Execution, meaning: Meaning, model: Artifact) -> None:
    """Hold the inputs of a loaded model to its meaning.

    Raises:
        PassError: they are others.
    """
    specs = execution.signature.inputs
    for name, given in meaning.inputs.items():
        if name not in specs:
            raise PassError(f"{model.path} has no input '{name}'; it has {', '.join(specs)}.")
        if specs[name].shape[1:] != given.shape:
            raise PassError(
                f"{model.path}: its input '{name}' takes {specs[name].shape[1:]}, but it was made for {given.shape}."
            )


def runs(
    execution: Execution, batch: int, examples: Examples, meaning: Meaning, *, whole: bool = True
) -> Iterator[tuple[Prepared, Outputs]]:
    """Run batches of one size, the last one filled up where `whole`, so that a graph is traced once."""
    signature, kinds = execution.signature, {name: given.kind for name, given in meaning.inputs.items()}
    waiting: deque[Prepared] = deque()
    every = (
        in_order(examples.__getitem__, len(examples))
        if batch > 1
        else map(examples.__getitem__, range(len(examples)))
    )
    for count, example in enumerate(every, start=1):
        waiting.append(example)
        if len(waiting) < batch and count < len(examples):
            continue
        filled = [*waiting, *[waiting[-1]] * (batch - len(waiting) if whole else 0)]
        inputs = {
            name: as_input(np.stack([one.codes[name] for one in filled]), kinds[name], signature.inputs[name])
            for name in meaning.inputs
        }
        outputs = readable(execution.run(inputs), execution)
        for row in range(len(waiting)):
            yield (
                waiting.popleft(),
                {name: of_row(value, row, len(filled)) for name, value in outputs.items()},
            )


def of_row(value: npt.NDArray[np.float32], row: int, batch: int) -> npt.NDArray[np.float32]:
    """Give an output for one sample; one that has no batch axis, as some files' have none, is that of the only one."""
    return np.asarray(value[row]) if value.ndim and len(value) == batch else value


def readable(
    outputs: Mapping[str, npt.NDArray[Any]], execution: Execution
) -> dict[str, npt.NDArray[np.float32]]:
    """Give a loaded model's outputs as float32, by name."""
    specs = execution.signature.outputs
    return {name: dequantized(value, specs.get(name, FLOAT)) for name, value in outputs.items()}


class _Model:
    """An artifact by its content: handles on one file differ in meaning, and one load serves them."""

    def __init__(self, model: Artifact) -> None:
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Model) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, str, str]:
        return self.model.kind, str(self.model.path), self.model.digest


@lru_cache(maxsize=1)
def _opened(runtime: Runtime, model: _Model) -> Execution:
    """Load a model once for all shards of a split: packing its weights takes as long as some images."""
    return runtime.open(model.model)
