"""Models small enough for tests, written without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

PIXELS = (1, 8, 8, 3)
CLASSES = 2
DETECTIONS = 10

Tensors = Mapping[str, npt.NDArray[Any] | tuple[int, ...]]


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
    return _flatbuffer(tensors, steps, ["scores"])


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
        "detection_boxes": (1, DETECTIONS, 4),
        "detection_classes": (1, DETECTIONS),
        "detection_scores": (1, DETECTIONS),
        "num_detections": (1,),
    }
    outputs = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
    steps = [
        _dense("image", "to_boxes", "no_bias", "flat_boxes"),
        _dense("image", "to_scores", "bias", "flat_logits"),
        _Step(schema.BuiltinOperator.LOGISTIC, ["flat_logits"], ["flat_scores"]),
        _Step(schema.BuiltinOperator.RESHAPE, ["flat_boxes", "boxes_shape"], ["box_encodings"]),
        _Step(schema.BuiltinOperator.RESHAPE, ["flat_scores", "scores_shape"], ["class_scores"]),
        _Step(
            schema.BuiltinOperator.CUSTOM,
            ["box_encodings", "class_scores", "anchors"],
            outputs,
            custom="TFLite_Detection_PostProcess",
            custom_options=_suppression(),
        ),
    ]
    return _flatbuffer(tensors, steps, outputs)


class _Step(NamedTuple):
    """One operator, by the names of its tensors."""

    operator: int
    inputs: list[str]
    outputs: list[str]
    kind: int = schema.BuiltinOptions.NONE
    options: Any = None
    custom: str = ""
    custom_options: bytes = b""


def _dense(image: str, weights: str, bias: str, output: str) -> _Step:
    kind, options = schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    return _Step(schema.BuiltinOperator.FULLY_CONNECTED, [image, weights, bias], [output], kind, options)


def _softmax(logits: str, scores: str) -> _Step:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    return _Step(schema.BuiltinOperator.SOFTMAX, [logits], [scores], kind, options)


def _suppression() -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, count in (
            ("max_detections", DETECTIONS),
            ("max_classes_per_detection", 1),
            ("detections_per_class", DETECTIONS),
            ("num_classes", CLASSES),
        ):
            builder.Int(name, count)
        builder.Bool("use_regular_nms", True)
        for name, value in (
            ("nms_score_threshold", 0.01),
            ("nms_iou_threshold", 0.6),
            ("y_scale", 10.0),
            ("x_scale", 10.0),
            ("h_scale", 5.0),
            ("w_scale", 5.0),
        ):
            builder.Float(name, value)
    return bytes(builder.Finish())


def _flatbuffer(tensors: Tensors, steps: list[_Step], outputs: list[str]) -> bytes:
    """Pack a graph from `image` to `outputs`; tensors are constants, or shapes of float32."""
    place = {name: index for index, name in enumerate(tensors)}
    model = schema.ModelT()
    model.version, model.description = 3, "tiny"
    model.buffers = [_buffer(None)]
    model.operatorCodes = [_code(step) for step in steps]
    graph = schema.SubGraphT()
    graph.tensors = []
    for name, value in tensors.items():
        if isinstance(value, np.ndarray):
            graph.tensors.append(_tensor(name, value, len(model.buffers)))
            model.buffers.append(_buffer(value))
        else:
            graph.tensors.append(_tensor(name, value, 0))
    graph.operators = [_operator(index, step, place) for index, step in enumerate(steps)]
    graph.inputs, graph.outputs = [place["image"]], [place[name] for name in outputs]
    model.subgraphs = [graph]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_named("image", place)]
    signature.outputs = [_named(name, place) for name in outputs]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(step: _Step) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = step.operator
    code.deprecatedBuiltinCode = step.operator
    code.customCode = step.custom or None
    code.version = 1
    return code


def _buffer(values: npt.NDArray[Any] | None) -> Any:
    buffer = schema.BufferT()
    buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _tensor(name: str, value: npt.NDArray[Any] | tuple[int, ...], buffer: int) -> Any:
    shape = value.shape if isinstance(value, np.ndarray) else value
    integer = isinstance(value, np.ndarray) and value.dtype == np.int32
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, np.array(shape, np.int32), buffer
    tensor.type = schema.TensorType.INT32 if integer else schema.TensorType.FLOAT32
    return tensor


def _operator(code: int, step: _Step, place: Mapping[str, int]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs = [place[name] for name in step.inputs]
    operator.outputs = [place[name] for name in step.outputs]
    operator.builtinOptionsType, operator.builtinOptions = step.kind, step.options
    operator.customOptions = np.frombuffer(step.custom_options, np.uint8) if step.custom_options else None
    return operator


def _named(name: str, place: Mapping[str, int]) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, place[name]
    return entry
