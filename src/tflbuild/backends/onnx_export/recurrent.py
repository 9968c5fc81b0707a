"""Recurrent layers, written step by step.

ONNX's LSTM clips the inputs of its activations and not its cell, and has no integers between its steps; a
`.tflite` has a cell clip (10 where Keras wrote it) and, quantized, rounds state, cell and gates in every step. Shapes
are fixed, so that the steps can be written one by one.

References:
    LiteRT, `kernels/unidirectional_sequence_lstm.cc` and `lstm_eval.cc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tflbuild.backends.onnx_export.activations import activated, clipped
from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError

GATES = ("input", "forget", "cell", "output")
WEIGHTS, RECURRENT, PEEPHOLES, BIASES = 1, 5, 9, 12
PROJECTION, PROJECTION_BIAS, STATE, CELL, NORMS = 16, 17, 18, 19, 20
"""Places of the operator's inputs; each of the first and third has one for each gate, but no peephole of the cell."""

BEFORE, BEHIND = 2.0**-12, 2.0**-15
"""Steps of a quantized layer's gates, int16, before and behind their activation."""


class _Layer:
    """One layer while its steps are written.

    Args:
        made: the part of the file that was written so far.
        operator: the layer.
    """

    def __init__(self, made: Translation, operator: Any) -> None:
        self.made, self.options = made, operator.builtinOptions
        self.inputs = [int(index) for index in operator.inputs]
        self.integers = made.dtype(self.inputs[0]) in ("int8", "uint8")
        self.wish = made.graph.name(operator.outputs[0])

    def has(self, place: int) -> bool:
        """Say whether an input is given."""
        return place < len(self.inputs) and self.inputs[place] >= 0

    def weights(self, place: int) -> str:
        """Keep weights, or a bias."""
        return self.made.weights(self.inputs[place], self.made.numbers(self.inputs[place]), 0)

    def before(self, rows: str) -> dict[str, Sequence[str]]:
        """Write what each gate gets of the samples, for all steps at once; gives one (batch, units) for each step."""
        batch, steps = self.sides()
        sizes = self.made.writer.constant(np.full(steps, batch, np.int64), "sizes")
        found: dict[str, Sequence[str]] = {}
        for place, gate in enumerate(GATES):
            if not self.has(WEIGHTS + place):
                continue
            given = [rows, self.weights(WEIGHTS + place), self.weights(BIASES + place)]
            name = self.made.writer.add("Gemm", given, f"{self.wish}_{gate}", transB=1)
            names = [f"{self.wish}_{gate}"] * steps
            found[gate] = self.made.writer.add_many("Split", [name, sizes], names, axis=0)
        return found

    def sides(self) -> tuple[int, int]:
        """Give the batch and the number of steps."""
        first, second, _ = self.made.shape(self.inputs[0])
        return (second, first) if self.options.timeMajor else (first, second)

    def gate(self, gate: str, given: str, state: str, cell: str) -> str:
        """Write a gate of one step: its activation of what it gets of the samples, the state and the cell."""
        place, writer = GATES.index(gate), self.made.writer
        inputs = [state, self.weights(RECURRENT + place), given]
        name = writer.add("Gemm", inputs, f"{self.wish}_{gate}", transB=1)
        peephole = PEEPHOLES + {"input": 0, "forget": 1, "output": 2}.get(gate, -1)
        if gate != "cell" and self.has(peephole):
            seen = writer.add("Mul", [cell, self.weights(peephole)], f"{self.wish}_seen")
            name = writer.add("Add", [name, seen], f"{self.wish}_{gate}")
        name = self.stepped(name, BEFORE)
        if gate == "cell":
            name = activated(self.made, name, self.options.fusedActivationFunction)
        else:
            name = writer.add("Sigmoid", [name], f"{self.wish}_{gate}")
        return self.stepped(name, BEHIND)

    def stepped(self, name: str, step: float) -> str:
        """Round to int16 in steps, where the layer computes in integers."""
        return self.made.rounded(name, np.float32(step), np.int16(0)) if self.integers else name

    def stored(self, name: str, place: int) -> str:
        """Round to the steps of a state, where it has any."""
        index = self.inputs[place]
        if not self.made.quantized(index):
            return name
        return self.made.rounded(name, *self.made.steps(index))

    def step(self, given: dict[str, str], state: str, cell: str) -> tuple[str, str]:
        """Write a step; gives the next state and cell."""
        writer = self.made.writer
        forget = self.gate("forget", given["forget"], state, cell)
        if "input" in given:
            entry = self.gate("input", given["input"], state, cell)
        else:
            one = writer.constant(np.float32(1), "one")
            entry = writer.add("Sub", [one, forget], f"{self.wish}_input")
        kept = writer.add("Mul", [forget, cell], f"{self.wish}_kept")
        new = writer.add("Mul", [entry, self.gate("cell", given["cell"], state, cell)], f"{self.wish}_new")
        cell = self.stored(writer.add("Add", [kept, new], f"{self.wish}_cells"), CELL)
        if self.options.cellClip > 0:
            cell = clipped(self.made, cell, -self.options.cellClip, self.options.cellClip)
        shown = activated(self.made, cell, self.options.fusedActivationFunction)
        shown = self.stepped(shown, BEHIND)
        opened = self.gate("output", given["output"], state, cell)
        state = writer.add("Mul", [opened, shown], f"{self.wish}_state")
        if self.has(PROJECTION):
            more = [self.weights(PROJECTION_BIAS)] if self.has(PROJECTION_BIAS) else []
            state = writer.add(
                "Gemm", [state, self.weights(PROJECTION), *more], f"{self.wish}_state", transB=1
            )
            if self.options.projClip > 0:
                state = clipped(self.made, state, -self.options.projClip, self.options.projClip)
        return self.stored(state, STATE), cell


def lstm(made: Translation, operator: Any) -> None:
    """Write a UNIDIRECTIONAL_SEQUENCE_LSTM that starts each sample from a state of zeros.

    Raises:
        PassError: it normalises its gates, or projects in integers.
    """
    layer = _Layer(made, operator)
    if any(layer.has(place) for place in range(NORMS, len(layer.inputs))):
        raise PassError("an LSTM that normalises its gates has no form in ONNX.")
    if layer.integers and layer.has(PROJECTION):
        raise PassError("a quantized LSTM with a projection has no form in ONNX.")
    (batch, steps), features = layer.sides(), made.shape(layer.inputs[0])[2]
    rows = made.read(layer.inputs[0])
    if not layer.options.timeMajor:
        rows = made.writer.add("Transpose", [rows], f"{layer.wish}_by_step", perm=(1, 0, 2))
    before = layer.before(_reshaped(made, rows, (steps * batch, features)))
    state = made.writer.constant(np.zeros(made.shape(layer.inputs[STATE]), np.float32), "no_state")
    cell = made.writer.constant(np.zeros(made.shape(layer.inputs[CELL]), np.float32), "no_state")
    states = []
    for number in range(steps):
        state, cell = layer.step({gate: names[number] for gate, names in before.items()}, state, cell)
        states.append(state)
    joined = made.writer.add("Concat", states, f"{layer.wish}_states", axis=0)
    joined = _reshaped(made, joined, (steps, batch, made.shape(operator.outputs[0])[2]))
    if not layer.options.timeMajor:
        joined = made.writer.add("Transpose", [joined], f"{layer.wish}_by_sample", perm=(1, 0, 2))
    made.give(operator.outputs[0], joined)


def _reshaped(made: Translation, name: str, shape: tuple[int, ...]) -> str:
    return made.writer.add("Reshape", [name, made.writer.constant(np.array(shape, np.int64))], f"{name}_rows")
