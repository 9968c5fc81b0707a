"""Models small enough for tests, written without TensorFlow."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

PIXELS = (1, 8, 8, 3)
CLASSES = 2
DETECTIONS = 10


def dense_classifier() -> bytes:
    """Give a float32 flatbuffer: dense layer and softmax over an 8x8 image."""
    values = int(np.prod(PIXELS))
    weights = np.random.default_rng(0).normal(size=(CLASSES, values)).astype(np.float32)
    tensors: Tensors = {
        "image": PIXELS,
        "weights": weights,
        "bias": np.zeros(CLASSES, np.float32),
        "logits": (1, CLASSES),
        "scores": (1, CLASSES),
    }
    steps = [_dense("image", "weights", "bias", "logits"), _softmax("logits", "scores")]
    return assemble(tensors, steps, ["image"], ["scores"])


def brightness_detector() -> bytes:
    """Give a float32 flatbuffer that ends in `TFLite_Detection_PostProcess`.

    It finds one object in the upper left quarter of an 8x8 image: of class 0 with probability sigmoid(8 m),
    of class 1 with sigmoid(-8 m), where m is the mean of the input.
    """
    values, anchors = int(np.prod(PIXELS)), 4
    to_scores = np.zeros((anchors * CLASSES, values), np.float32)
    to_scores[0], to_scores[1] = 8 / values, -8 / values
    bias = np.full(anchors * CLASSES, -8, np.float32)
    bias[:CLASSES] = 0
    centres = [(0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)]
    tensors: Tensors = {
        "image": PIXELS,
        "to_boxes": np.zeros((anchors * 4, values), np.float32),
        "to_scores": to_scores,
        "no_bias": np.zeros(anchors * 4, np.float32),
        "bias": bias,
        "anchors": np.array([[y, x, 0.5, 0.5] for y, x in centres], np.float32),
        "boxes_shape": np.array([1, anchors, 4], np.int32),
        "scores_shape": np.array([1, anchors, CLASSES], np.int32),
        "flat_boxes": (1, anchors * 4),
        "flat_logits": (1, anchors * CLASSES),
        "flat_scores": (1, anchors * CLASSES),
        "box_encodings": (1, anchors, 4),
        "class_scores": (1, anchors, CLASSES),
        **output_shapes(DETECTIONS),
    }
    steps = [
        _dense("image", "to_boxes", "no_bias", "flat_boxes"),
        _dense("image", "to_scores", "bias", "flat_logits"),
        Step(schema.BuiltinOperator.LOGISTIC, ["flat_logits"], ["flat_scores"]),
        Step(schema.BuiltinOperator.RESHAPE, ["flat_boxes", "boxes_shape"], ["box_encodings"]),
        Step(schema.BuiltinOperator.RESHAPE, ["flat_scores", "scores_shape"], ["class_scores"]),
        suppression(
            ["box_encodings", "class_scores", "anchors"],
            SuppressionOptions(
                classes=CLASSES,
                box_scales=(10.0, 10.0, 5.0, 5.0),
                max_detections=DETECTIONS,
                class_wise=True,
                score_threshold=0.01,
                iou_threshold=0.6,
            ),
        ),
    ]
    return assemble(tensors, steps, ["image"], list(OUTPUTS))


def _dense(image: str, weights: str, bias: str, output: str) -> Step:
    kind, options = schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    return Step(schema.BuiltinOperator.FULLY_CONNECTED, [image, weights, bias], [output], kind, options)


def _softmax(logits: str, scores: str) -> Step:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    return Step(schema.BuiltinOperator.SOFTMAX, [logits], [scores], kind, options)
