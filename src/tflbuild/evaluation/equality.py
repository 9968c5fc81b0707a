"""Whether two runtimes compute the same bytes of a file, sample by sample, and one sample with its outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import Runtime
from tflbuild.evaluation.examples import Examples
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import check_inputs
from tflbuild.tasks.detection.task import COUNT

Tensors = Mapping[str, npt.NDArray[Any]]


def equality(
    runtime: Runtime,
    model: Artifact,
    split: Split,
    out: Path,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run both on every sample of a split.

    Args:
        runtime: executes the model; it has a peer.
        model: the file.
        split: the samples.
        out: where the first sample is written, with the runtime's own outputs.
        progress: is told how many samples are done.

    Returns:
        `runtime` and `peer`, what executed the file, `samples`, `equal`, samples whose outputs are all equal, and for
        each of the `outputs` `equal` samples, `values` and how many of them are `differing`, `largest`, the
        largest difference of a number as the tensor holds it, None where even shapes differ, and `first`, the first
        difference, None where there is none.
    """
    peer = runtime.peer()
    assert peer is not None
    meaning = Meaning.of(model)
    ours, theirs = runtime.open(model), peer.open(model)
    check_inputs(ours, meaning, model)
    examples, equal = Examples(split, meaning), 0
    outputs: dict[str, _Output] = {}
    for place in range(len(examples)):
        codes, specs = examples[place].codes, ours.signature.inputs
        inputs = {name: as_input(codes[name][None], meaning.inputs[name].kind, specs[name]) for name in specs}
        made = ours.run(inputs)
        pair = _compared(made, theirs.run(inputs), meaning)
        if not place:
            compared = {name: one.size for name, (one, _) in pair.items()}
            out.write_text(json.dumps(_sample(inputs, made, compared)), encoding="utf-8")
        same = [
            outputs.setdefault(name, _Output()).add(split.samples[place].key, *both)
            for name, both in pair.items()
        ]
        equal += all(same)
        progress(place + 1, len(examples))
    return {
        "runtime": ours.kernels,
        "peer": theirs.kernels,
        "samples": len(examples),
        "equal": equal,
        "outputs": {name: found.said() for name, found in outputs.items()},
    }


class _Output:
    """State of the comparison of one output."""

    def __init__(self) -> None:
        self.equal = self.values = self.differing = 0
        self.largest: float | None = 0.0
        self.first: dict[str, Any] | None = None

    def add(self, key: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> bool:
        """Take one sample; gives whether the bytes are equal."""
        self.values += theirs.size
        if ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes():
            self.equal += 1
            return True
        one, other = (_numbers(value) for value in (ours, theirs))
        if one.size != other.size or ours.dtype != theirs.dtype:
            self.differing += theirs.size
            self.largest = None
            shapes = [f"{value.shape} {value.dtype}" for value in (ours, theirs)]
            self.first = self.first or {"sample": key, "place": 0, "value": shapes[0], "expected": shapes[1]}
            return False
        self._note(key, one, other)
        return False

    def _note(self, key: str, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> None:
        places = np.flatnonzero(one.view(_BITS[one.itemsize]) != other.view(_BITS[other.itemsize]))
        self.differing += len(places)
        with np.errstate(invalid="ignore"):
            apart = np.abs(one[places].astype(np.float64) - other[places].astype(np.float64))
        if self.largest is not None:
            self.largest = float(np.fmax(self.largest, apart.max(initial=0.0)))
        if self.first is None and len(places):
            place = int(places[0])
            found = {"value": one[place].item(), "expected": other[place].item()}
            self.first = {"sample": key, "place": place, **found}

    def said(self) -> dict[str, Any]:
        return {
            "equal": self.equal,
            "values": self.values,
            "differing": self.differing,
            "largest": self.largest,
            "first": self.first,
        }


_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
"""Integers by their size, to compare numbers as their bytes are: NaN equals itself then."""


def _numbers(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(value).reshape(-1)


def _compared(
    ours: Tensors, theirs: Tensors, meaning: Meaning
) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Pair the outputs; of detections only those that both have, behind which is memory that nothing ever writes."""
    count = meaning.head.get("outputs", {}).get(COUNT, COUNT)
    rows = None
    if count in ours and count in theirs and len(ours) > 1:
        rows = int(min(np.ravel(ours[count])[0], np.ravel(theirs[count])[0]))
    return {name: (_cut(ours[name], rows), _cut(theirs[name], rows)) for name in theirs}


def _cut(value: npt.NDArray[Any], rows: int | None) -> npt.NDArray[Any]:
    return value if rows is None or value.ndim < 2 else value[:, :rows]


def _sample(inputs: Tensors, outputs: Tensors, compared: Mapping[str, int]) -> dict[str, Any]:
    return {
        "inputs": [_tensor(name, value) for name, value in inputs.items()],
        "outputs": [
            {**_tensor(name, value), "compared": compared.get(name, value.size)}
            for name, value in outputs.items()
        ],
    }


def _tensor(name: str, value: npt.NDArray[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "dtype": value.dtype.name,
        "shape": list(value.shape),
        "hex": np.ascontiguousarray(value).tobytes().hex(),
    }
