"""The device's own final step of a detector, `TFLite_Detection_PostProcess`, by itself.

A Keras model's raw outputs go through it, so that they are decoded and suppressed by the very code that the
converted file runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers

from tflbuild.tflite.assemble import Step, Tensors, assemble

OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
"""Names of the outputs, in the operator's order."""


@dataclass(frozen=True, kw_only=True)
class SuppressionOptions:
    """Options of the operator.

    Attributes:
        classes: number of classes; there is no background class.
        box_scales: of the box code: y, x, height, width.
        max_detections: entries of the outputs.
        class_wise: whether suppression looks at one class at a time.
        score_threshold: what is less likely is left out.
        iou_threshold: what overlaps more is suppressed.
    """

    classes: int
    box_scales: tuple[float, float, float, float]
    max_detections: int
    class_wise: bool
    score_threshold: float
    iou_threshold: float


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Anchors and suppression options that turn a detector's raw outputs into boxes.

    Attributes:
        anchors: (anchors, 4) float32: ycenter, xcenter, height, width.
        suppression: options of the final operator.
    """

    anchors: npt.NDArray[np.float32]
    suppression: SuppressionOptions


class Suppressor:
    """Run the operator on raw outputs.

    Args:
        anchors: (anchors, 4) float32: ycenter, xcenter, height, width.
        options: of the operator.
    """

    def __init__(self, anchors: npt.NDArray[np.float32], options: SuppressionOptions) -> None:
        shapes = {"box_encodings": (1, len(anchors), 4), "class_scores": (1, len(anchors), options.classes)}
        tensors: Tensors = {**shapes, "anchors": anchors, **output_shapes(options.max_detections)}
        step = suppression(["box_encodings", "class_scores", "anchors"], options)
        self._interpreter = Interpreter(model_content=assemble(tensors, [step], list(shapes), OUTPUTS))
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()

    def run(
        self, box_encodings: npt.NDArray[np.float32], class_scores: npt.NDArray[np.float32]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Decode and suppress one image's outputs.

        Args:
            box_encodings: (anchors, 4) float32.
            class_scores: (anchors, classes) float32 in 0..1.

        Returns:
            `detection_boxes` (n, 4) as ymin, xmin, ymax, xmax, `detection_classes` (n,) and `detection_scores` (n,),
            all float32, in falling order of score.
        """
        found = self._run(box_encodings=box_encodings[None], class_scores=class_scores[None])
        count = int(found["num_detections"][0])
        return {name: found[name][0, :count] for name in OUTPUTS[:3]}


def suppression(inputs: Sequence[str], options: SuppressionOptions) -> Step:
    """Give the operator, from box encodings, class scores and anchors to `OUTPUTS`."""
    return Step(
        schema.BuiltinOperator.CUSTOM,
        list(inputs),
        list(OUTPUTS),
        custom="TFLite_Detection_PostProcess",
        custom_options=packed(attributes_of(options)),
    )


def output_shapes(max_detections: int) -> dict[str, tuple[int, ...]]:
    """Give the shapes of `OUTPUTS`."""
    shapes: list[tuple[int, ...]] = [(1, max_detections, 4), (1, max_detections), (1, max_detections), (1,)]
    return dict(zip(OUTPUTS, shapes, strict=True))


def attributes_of(options: SuppressionOptions) -> dict[str, int | float | bool]:
    """Give the operator's attributes by its own names."""
    scale_y, scale_x, scale_height, scale_width = options.box_scales
    return {
        "max_detections": options.max_detections,
        "max_classes_per_detection": 1,
        "detections_per_class": options.max_detections,
        "num_classes": options.classes,
        "use_regular_nms": options.class_wise,
        "nms_score_threshold": options.score_threshold,
        "nms_iou_threshold": options.iou_threshold,
        "y_scale": scale_y,
        "x_scale": scale_x,
        "h_scale": scale_height,
        "w_scale": scale_width,
    }


def packed(attributes: Mapping[str, int | float | bool]) -> bytes:
    """Write the operator's attributes as the file holds them."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in attributes.items():
            add = {bool: builder.Bool, int: builder.Int, float: builder.Float}[type(value)]
            add(name, value)
    return bytes(builder.Finish())
