"""Run a float `.tflite` without a detector's suppression, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite import flatbuffer

SUPPRESSION = "TFLite_Detection_PostProcess"
RAW = ("box_encodings", "class_scores")
"""The first inputs of suppression, in its order."""

Floats = npt.NDArray[np.float32]


def run(content: bytes, batch: Mapping[str, Floats]) -> dict[str, Floats]:
    """Run a file on samples.

    Args:
        content: a float file; one that ends in suppression is cut before it.
        batch: by input, (samples, ...) float32.

    Returns:
        Each output by name, or `box_encodings` and `class_scores` of a detector, all samples in one array.
    """
    model = flatbuffer.unpack(content)
    inputs, outputs = flatbuffer.ends_of(model)
    content, names = _cut(content, model, outputs)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    ends = {details["index"]: details for details in interpreter.get_output_details()}
    rows: dict[str, list[Floats]] = {name: [] for name in names}
    for place in range(len(next(iter(batch.values())))):
        for name, values in batch.items():
            interpreter.set_tensor(inputs[name], values[place][None])
        interpreter.invoke()
        for name, index in names.items():
            rows[name].append(interpreter.get_tensor(ends[index]["index"])[0])
    return {name: np.stack(values) for name, values in rows.items()}


def _cut(content: bytes, model: Any, outputs: Mapping[str, int]) -> tuple[bytes, Mapping[str, int]]:
    """Let a file end before its suppression; gives the tensors of its outputs by name, too."""
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if flatbuffer.name_of(model.operatorCodes[last.opcodeIndex]) != SUPPRESSION:
        return content, outputs
    graph.outputs = np.array(last.inputs[: len(RAW)], np.int32)
    graph.operators = graph.operators[:-1]
    model.signatureDefs = []
    return flatbuffer.pack(model), dict(zip(RAW, map(int, graph.outputs), strict=True))
