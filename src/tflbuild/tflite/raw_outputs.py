"""Run a float `.tflite` without a detector's suppression, image by image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.packed import Packed

SUPPRESSION = "TFLite_Detection_PostProcess"
RAW = ("box_encodings", "class_scores")
"""The first inputs of suppression, in its order."""

Floats = npt.NDArray[np.float32]


def run(packed: Packed, batch: Mapping[str, Floats]) -> dict[str, Floats]:
    """Run a file on samples.

    Args:
        packed: a float file; one that ends in suppression is cut before it.
        batch: by input, (samples, ...) float32.

    Returns:
        Each output by name, or `box_encodings` and `class_scores` of a detector, all samples in one array.
    """
    inputs, outputs = flatbuffer.ends_of(packed.graph.model)
    content, names = _cut(packed, outputs)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    ends = {details["index"]: details for details in interpreter.get_output_details()}
    rows: dict[str, list[Floats]] = {name: [] for name in names}
    for place in range(len(next(iter(batch.values())))):
        interpreter.reset_all_variables()
        for name, values in batch.items():
            interpreter.set_tensor(inputs[name], values[place][None])
        interpreter.invoke()
        for name, index in names.items():
            rows[name].append(interpreter.get_tensor(ends[index]["index"])[0])
    return {name: np.stack(values) for name, values in rows.items()}


def _cut(packed: Packed, outputs: Mapping[str, int]) -> tuple[bytes, Mapping[str, int]]:
    """Let a file end before its suppression; gives the tensors of its outputs by name, too."""
    graph = packed.graph
    last = graph.operators[-1]
    if graph.kind(last) != SUPPRESSION:
        return packed.content, outputs
    raw = [int(index) for index in last.inputs[: len(RAW)]]
    return graph.ending_in(raw, without=[last]).packed(), dict(zip(RAW, raw, strict=True))
