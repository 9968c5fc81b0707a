"""How far a delivered file of another kind is from the model that it was written of, output by output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import Runtime
from tflbuild.core.task import Outputs
from tflbuild.evaluation.examples import Examples
from tflbuild.evaluation.predictions import FLOAT, check_inputs, runs
from tflbuild.tasks.detection.task import COUNT

MORE_THAN_A_STEP = 1.5
"""Steps from which on integers differ by more than one, whatever float32 makes of their values."""


def differences(
    runtime: Runtime,
    model: Artifact,
    base_runtime: Runtime,
    base: Artifact,
    split: Split,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[str, dict[str, Any]]:
    """Run both on every sample of a split.

    Args:
        runtime: executes the model.
        model: the delivered file.
        base_runtime: executes what it was written of.
        base: what it was written of; of the same inputs and outputs.
        split: the samples.
        progress: is told how many samples are done.

    Returns:
        For each output: `samples`; `largest`, the largest absolute difference of a value; `size`, the largest absolute
        value of the base's; `relative`, the former by the latter; and of a quantized one `step`, `steps`, the largest
        difference in steps, and `beyond_a_step`, the share of values that differ by more than one.
    """
    meaning = Meaning.of(base)
    executions = (runtime.open(model), base_runtime.open(base))
    check_inputs(executions[0], meaning, model)
    examples = Examples(split, meaning)
    pairs = zip(*(runs(execution, 1, examples, meaning) for execution in executions), strict=True)
    specs = executions[1].signature.outputs
    found: dict[str, _Output] = {}
    for number, ((_, ours), (_, theirs)) in enumerate(pairs, start=1):
        rows = _counted(ours, theirs, meaning)
        for name, wanted in theirs.items():
            given = found.setdefault(name, _Output(specs.get(name, FLOAT).scale))
            given.add(*(_cut(one, rows) for one in (ours[name], wanted)))
        progress(number, len(split))
    return {name: given.said() for name, given in found.items()}


class _Output:
    """The differences of one output so far; `step` is 0 where it is not quantized."""

    def __init__(self, step: float) -> None:
        self.step, self.largest, self.size = step, 0.0, 0.0
        self.samples = self.values = self.beyond = 0

    def add(self, ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> None:
        self.samples += 1
        if not theirs.size:
            return
        apart = np.where(
            ours == theirs, 0.0, np.abs(ours.astype(np.float64) - theirs)
        )  # infinities alike are
        self.largest = float(np.maximum(self.largest, apart.max()))  # NaN stays NaN
        self.size = float(np.maximum(self.size, np.abs(theirs).max()))
        self.values += theirs.size
        self.beyond += int((apart > MORE_THAN_A_STEP * self.step).sum()) if self.step else 0

    def said(self) -> dict[str, Any]:
        relative = self.largest / self.size if self.size else float(self.largest > 0)
        found = {"samples": self.samples, "largest": self.largest, "size": self.size, "relative": relative}
        if self.step:
            share = self.beyond / max(self.values, 1)
            found |= {"step": self.step, "steps": self.largest / self.step, "beyond_a_step": share}
        return found


def _counted(ours: Outputs, theirs: Outputs, meaning: Meaning) -> int | None:
    """Give how many detections both have; behind them is memory that nothing ever writes. None for other outputs."""
    name = meaning.head.get("outputs", {}).get(COUNT, COUNT)
    if name not in ours or name not in theirs:
        return None
    return int(min(np.ravel(ours[name])[0], np.ravel(theirs[name])[0]))


def _cut(values: npt.NDArray[np.float32], rows: int | None) -> npt.NDArray[np.float32]:
    return values if rows is None or values.size <= 1 or not values.ndim else values[:rows]
