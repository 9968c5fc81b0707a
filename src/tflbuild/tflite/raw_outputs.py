"""Run a float `.tflite` without a detector's suppression, image by image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite import flatbuffer

SUPPRESSION = "TFLite_Detection_PostProcess"
RAW = ("box_encodings", "class_scores")
"""The first inputs of suppression, in its order."""

Floats = npt.NDArray[np.float32]


def run(content: bytes, batch: Iterable[Floats]) -> dict[str, Floats]:
    """Run a file on images.

    Args:
        content: a float file with one input; one that ends in suppression is cut before it.
        batch: (images, height, width, 3) float32.

    Returns:
        `scores` of a classifier, or `box_encodings` and `class_scores` of a detector, all images in one array.
    """
    content, names = _cut(content)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (given,), ends = interpreter.get_input_details(), interpreter.get_output_details()
    rows: list[list[Floats]] = []
    for image in batch:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        rows.append([interpreter.get_tensor(end["index"])[0] for end in ends])
    return {name: np.stack([row[position] for row in rows]) for position, name in enumerate(names)}


def _cut(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Let a file end before its suppression."""
    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if flatbuffer.name_of(model.operatorCodes[last.opcodeIndex]) != SUPPRESSION:
        return content, ("scores",)
    graph.outputs = np.array(last.inputs[: len(RAW)], np.int32)
    graph.operators = graph.operators[:-1]
    model.signatureDefs = []
    return flatbuffer.pack(model), RAW
