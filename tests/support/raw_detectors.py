"""A small detector of somebody else whose outputs are not suppressed, and pictures for it; no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.tflite.assemble import Step
from tflbuild.tflite.assembly import Assembly

SIDE, STRIDE = 32, 8
CELLS = (SIDE // STRIDE) ** 2
HEAD: dict[str, Any] = {"type": "yolo", "style": "v8", "strides": [STRIDE]}


def yolov8(scale: float = 1.0, spread: float = 1.0) -> bytes:
    """Give a detector (1, 32, 32, 3) to (1, 4 + 2, 16): boxes in pixels, and two scores.

    Args:
        scale: of the scores, which are no probabilities with another than 1.
        spread: of the layer's weights.
    """
    rng = np.random.default_rng(4)
    made = Assembly({"image": (1, SIDE, SIDE, 3)})
    weights = made.constant(
        rng.normal(size=(6, STRIDE, STRIDE, 3)).astype(np.float32) * np.float32(0.1 * spread)
    )
    bias = made.constant(np.array([0, 0, -0.5, -0.5, 0.3, -0.3], np.float32))
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, STRIDE, STRIDE
    options.dilationHFactor = options.dilationWFactor = 1
    layer = Step(
        schema.BuiltinOperator.CONV_2D,
        ["image", weights, bias],
        ["cells"],
        schema.BuiltinOptions.Conv2DOptions,
        options,
    )
    made.add(layer, {"cells": (1, SIDE // STRIDE, SIDE // STRIDE, 6)})
    rows = made.unary("LOGISTIC", made.reshape("cells", (1, CELLS, 6)))
    boxes = made.transpose(made.binary("MUL", made.part(rows, 0, 4), float(SIDE)), (0, 2, 1))
    scores = made.part(rows, 4, 2)
    scores = made.transpose(made.binary("MUL", scores, scale) if scale != 1 else scores, (0, 2, 1))
    return made.content([made.join([boxes, scores], 1)])


@dataclass(frozen=True, kw_only=True)
class Pictures(Dataset):
    """Noise with one box in each picture."""

    task = "detection"
    modality = "image"

    def read(self, sample: Sample) -> Example:
        rng = np.random.default_rng(int(sample.key))
        picture = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        return Example(picture, np.array([[0.25, 0.25, 0.75, 0.75]], np.float32), np.array([0], np.int32))


def pictures(*classes: str, count: int = 24) -> Index:
    samples = tuple(Sample(key=str(k), digest=str(k), labels=(0,)) for k in range(count))
    return Index(classes=classes, splits={"train": samples, "val": samples[:6], "test": samples[:6]})
