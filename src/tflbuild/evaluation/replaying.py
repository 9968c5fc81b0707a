"""Replay stored samples on a runtime, and say how far its outputs are from those that are expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.runtime import Runtime
from tflbuild.core.samples import MOST_BYTES, NUMBERS, read_index
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.distance import Distance, distance
from tflbuild.tasks.detection.task import CLASSES

Array = npt.NDArray[Any]

SURE = ("classification",)
"""Tasks whose largest output number names the first class."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """The difference that a replay may show, where the user says otherwise than the samples; None for as these say.

    Attributes:
        steps: of outputs that are quantized.
        relative: of others, as a share of the largest value.
    """

    steps: float | None = None
    relative: float | None = None

    def of(self, end: Mapping[str, Any]) -> dict[str, Any]:
        """Give the tolerance of an output: in values, in steps where it is quantized, and where it is from."""
        if "tolerance_steps" in end:
            if self.steps is None:
                return {name: end[name] for name in ("tolerance", "tolerance_steps", "basis")}
            scale = float(end.get("scale", 0.0))
            return {"tolerance": self.steps * scale, "tolerance_steps": self.steps, "basis": "--steps"}
        if self.relative is None:
            return {name: end[name] for name in ("tolerance", "basis")}
        return {"tolerance": self.relative * end["size"], "basis": "--relative"}


def replay(
    runtime: Runtime,
    model: Artifact,
    folder: Path,
    allowed: Allowed,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run a file on its stored samples.

    Args:
        runtime: what executes it.
        model: the file.
        folder: of its samples.
        allowed: what the user allows.
        progress: is told how many samples are done.

    Returns:
        `kernels`; `samples`, each with `name`, `key` and `outputs`; and `outputs` over all of them. An output of a
        sample says `equal` (all bytes), `largest` (difference of a value, null where there is none to tell), `steps`
        where it is quantized, `first` (whether the first class is the same, null where there is none), and `within`.

    Raises:
        RecipeError: the samples are not what their index says, or the file has other inputs or outputs.
        PassError: the runtime cannot execute the file.
    """
    index = read_index(folder)
    execution = runtime.open(model)
    inputs = _names(index["inputs"], execution.signature.inputs, "input", model)
    outputs = _names(index["outputs"], execution.signature.outputs, "output", model)
    tolerances = [allowed.of(end) for end in index["outputs"]]
    rows: list[dict[str, Any]] = []
    for number, sample in enumerate(index["samples"], start=1):
        given = {
            name: _tensor(folder, stored, end)
            for name, stored, end in zip(inputs, sample["inputs"], index["inputs"], strict=True)
        }
        made = execution.run(given)
        found = []
        ends = zip(outputs, sample["outputs"], index["outputs"], tolerances, strict=True)
        for name, stored, end, tolerance in ends:
            expected = _tensor(folder, stored, end)
            found.append(
                _compared(np.asarray(made[name]), expected, stored["numbers"], end, tolerance, index)
            )
        rows.append({"name": sample["name"], "key": sample["key"], "outputs": found})
        progress(number, len(index["samples"]))
    whole = [
        _over(end["name"], [row["outputs"][place] for row in rows], tolerance)
        for place, (end, tolerance) in enumerate(zip(index["outputs"], tolerances, strict=True))
    ]
    return {"kernels": execution.kernels, "samples": rows, "outputs": whole}


def _names(
    ends: Sequence[Mapping[str, Any]], specs: Mapping[str, TensorSpec], what: str, model: Artifact
) -> list[str]:
    """Give the names that a loaded file has for its ends: those of the samples, or others in the same order.

    Raises:
        RecipeError: there are more or less of them.
    """
    wanted = [end["name"] for end in ends]
    if set(wanted) == set(specs) or not specs:
        return wanted
    if len(wanted) == len(specs):
        return list(specs)
    raise RecipeError(
        f"{plain(model.path)} has the {what}s {plain(', '.join(specs))}, and the samples are of "
        f"{plain(', '.join(wanted))}: they are of another file."
    )


def _tensor(folder: Path, stored: Mapping[str, Any], end: Mapping[str, Any]) -> Array:
    """Read a stored tensor.

    Raises:
        RecipeError: it is missing, or is not what the index says.
    """
    path = folder / stored["file"]
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read as a sample: {error.strerror or error}.") from error
    if digest.of_bytes(content) != stored["sha256"]:
        raise RecipeError(
            f"{plain(path)} was changed: its SHA-256 is not the one that the index of the samples names."
        )
    if len(content) != math.prod(end["shape"]) * NUMBERS[end["dtype"]]:
        raise RecipeError(
            f"{plain(path)} has {len(content)} bytes, which are no {end['dtype']} of shape {tuple(end['shape'])}."
        )
    dtype = np.dtype(end["dtype"])
    return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(end["shape"])


def _compared(
    made: Array,
    expected: Array,
    numbers: int,
    end: Mapping[str, Any],
    tolerance: Mapping[str, Any],
    index: Mapping[str, Any],
) -> dict[str, Any]:
    """Compare one output of one sample."""
    quantized = "tolerance_steps" in tolerance
    if made.dtype != expected.dtype or made.size != expected.size:
        said = f"gives {_form(made)}, expected is {_form(expected)}"
        unlike: dict[str, Any] = {"equal": False, "largest": None} | ({"steps": None} if quantized else {})
        return {**unlike, "first": None, "within": False, "text": said}
    spec = TensorSpec(tuple(end["shape"]), end["dtype"], end.get("scale", 0.0), int(end.get("zero_point", 0)))
    found = distance(made, expected, spec, numbers)
    first = _same_first(made, expected, numbers, end, index)
    return {**_said(found), "first": first, "within": _within(found, tolerance)}


def _form(tensor: Array) -> str:
    return TensorSpec(tensor.shape, str(tensor.dtype)).text


def _said(found: Distance) -> dict[str, Any]:
    said = found.to_json()
    return {name: said[name] for name in ("equal", "largest", "steps") if name in said}


def _within(found: Distance, tolerance: Mapping[str, Any]) -> bool:
    if found.equal:
        return True
    if found.steps is not None and "tolerance_steps" in tolerance:
        return found.steps <= float(tolerance["tolerance_steps"])
    return found.largest <= float(tolerance["tolerance"])


def _same_first(
    made: Array, expected: Array, numbers: int, end: Mapping[str, Any], index: Mapping[str, Any]
) -> bool | None:
    """Say whether the surest class is the same; None for an output that names none."""
    if not numbers:
        return None
    if end["role"] == CLASSES:
        return bool(made.reshape(-1)[0] == expected.reshape(-1)[0])
    scores = index["task"] in SURE and (end["role"] == "scores" or len(index["outputs"]) == 1) and numbers > 1
    return bool(made.reshape(-1).argmax() == expected.reshape(-1).argmax()) if scores else None


def _over(name: str, rows: Sequence[Mapping[str, Any]], tolerance: Mapping[str, Any]) -> dict[str, Any]:
    """Sum one output up over all samples."""
    told = [row["first"] for row in rows if row["first"] is not None]
    return {
        "name": name,
        "equal": sum(row["equal"] for row in rows),
        "largest": _largest([row["largest"] for row in rows]),
        **({"steps": _largest([row["steps"] for row in rows])} if "tolerance_steps" in tolerance else {}),
        "first_same": sum(told) if told else None,
        **tolerance,
        "within": all(row["within"] for row in rows),
    }


def _largest(values: Sequence[float | None]) -> float | None:
    """Give the largest difference; None where one of them cannot be told."""
    return None if None in values else max((value for value in values if value is not None), default=0.0)
