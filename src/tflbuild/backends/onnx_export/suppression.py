"""A detector's last step: boxes are decoded against anchors, and of those that overlap the best are kept.

`TFLite_Detection_PostProcess` has fixed outputs, ONNX's NonMaxSuppression one of open length: it is filled up with
zeros, as the operator's first rows are followed by rows that mean nothing.

References:
    LiteRT, `kernels/detection_postprocess.cc`; ONNX, NonMaxSuppression (opset 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError
from tflbuild.tflite import detection_rules

NAME = "TFLite_Detection_PostProcess"

DETECTIONS_PER_CLASS = 100
"""Values that the operator takes where its options do not say them."""

LOWEST = np.finfo(np.float32).min

Options = Mapping[str, int | float]


def suppress(made: Translation, operator: Any) -> None:
    """Write `TFLite_Detection_PostProcess`: decoding, suppression over all classes or class by class, and filling.

    Raises:
        PassError: its options cannot be read, or ask for what has no form.
    """
    options = detection_rules.options_of(bytes(operator.customOptions))
    if options is None or len(operator.outputs) != 4:
        raise PassError(f"the options or outputs of a {NAME} are such as have no form in ONNX.")
    most, each = int(options["max_detections"]), int(options["max_classes_per_detection"])
    if each > options["num_classes"]:
        raise PassError(f"a {NAME} that gives more classes of a box than there are has no form in ONNX.")
    regular = bool(options.get("use_regular_nms"))
    if not regular:
        made.shapes |= _shapes(operator.outputs, most * each)
        found = _over_all(made, operator, options)
    else:
        made.shapes |= _shapes(operator.outputs, most)
        found = _class_by_class(made, operator, options)
    for index, name in zip(operator.outputs, found, strict=True):
        made.give(index, name)


def _shapes(outputs: Sequence[int], rows: int) -> dict[int, tuple[int, ...]]:
    """Give the shapes of the outputs, which many files leave out."""
    boxes, classes, scores, count = map(int, outputs)
    return {boxes: (1, rows, 4), classes: (1, rows), scores: (1, rows), count: (1,)}


def _over_all(made: Translation, operator: Any, options: Options) -> list[str]:
    """Suppress boxes by the score of their best class; each kept box has its best classes.

    Returns:
        boxes (1, rows, 4), classes (1, rows), scores (1, rows), count (1,), all float32.
    """
    most, each = int(options["max_detections"]), int(options["max_classes_per_detection"])
    boxes, scores = _decoded(made, operator, options), _scores(made, operator, options)
    count = made.writer.constant(np.array([each], np.int64), "classes_each")
    values, labels = made.writer.add_many(
        "TopK", [scores, count], ["best_scores", "best_classes"], axis=2
    )  # (1, anchors, each)
    best = _cut(made, values, 2, 0, 1)
    best = made.writer.add("Transpose", [best], "best", perm=(0, 2, 1))
    picked = _picked(made, boxes, best, most, options)
    places = made.writer.add("Gather", [picked, _whole(made, 2)], "places", axis=1)
    rows = [made.writer.add("Gather", [name, places], "kept", axis=1) for name in (boxes, labels, values)]
    if each > 1:
        four = made.writer.add("Unsqueeze", [rows[0], _axes(made, 2)], "boxes_each")
        sides = made.writer.constant(np.array([1, 1, each, 1], np.int64), "sides")
        rows[0] = made.writer.add("Expand", [four, sides], "boxes_each")
    labels_kept = made.writer.add("Cast", [rows[1]], "classes", to=1)
    shapes = ((1, -1, 4), (1, -1), (1, -1))
    flat = [
        _reshaped(made, name, shape)
        for name, shape in zip((rows[0], labels_kept, rows[2]), shapes, strict=True)
    ]
    filled = [
        _filled(made, name, (1, most * each, *shape[2:])) for name, shape in zip(flat, shapes, strict=True)
    ]
    return [*filled, made.writer.add("Cast", [_length(made, picked)], "count", to=1)]


def _class_by_class(made: Translation, operator: Any, options: Options) -> list[str]:
    """Suppress the boxes of each class by themselves, and keep the best of all classes; returns as `_over_all`."""
    most = int(options["max_detections"])
    boxes, scores = _decoded(made, operator, options), _scores(made, operator, options)
    turned = made.writer.add("Transpose", [scores], "scores_by_class", perm=(0, 2, 1))
    each = int(options.get("detections_per_class", DETECTIONS_PER_CLASS))
    picked = _picked(made, boxes, turned, each, options)
    found = made.writer.add("GatherND", [turned, picked], "found_scores")
    labels, places = (
        made.writer.add("Gather", [picked, _whole(made, column)], "column", axis=1) for column in (1, 2)
    )
    none = made.writer.constant(np.full(most, LOWEST, np.float32), "no_scores")
    zeros = made.writer.constant(np.zeros(most, np.int64), "nothing")
    wanted = made.writer.constant(np.array([most], np.int64), "most")
    kept, order = made.writer.add_many(
        "TopK",
        [made.writer.add("Concat", [found, none], "all_scores", axis=0), wanted],
        ["kept", "order"],
        axis=0,
    )
    labels, places = (
        made.writer.add(
            "Gather", [made.writer.add("Concat", [name, zeros], "with_none", axis=0), order], "kept", axis=0
        )
        for name in (labels, places)
    )
    count = made.writer.add("Min", [_length(made, picked), wanted], "count")
    numbers = made.writer.constant(np.arange(most, dtype=np.int64), "numbers")
    real = made.writer.add("Less", [numbers, count], "real")
    zero = made.writer.constant(np.float32(0), "zero")
    columns = made.writer.add("Unsqueeze", [real, _axes(made, 1)], "real_rows")
    rows = made.writer.add("Gather", [_reshaped(made, boxes, (-1, 4)), places], "kept_boxes", axis=0)
    classes = made.writer.add("Cast", [labels], "classes", to=1)
    found_all = [
        made.writer.add("Where", [mask, name, zero], "detections")
        for mask, name in ((columns, rows), (real, classes), (real, kept))
    ]
    finished = [made.writer.add("Unsqueeze", [name, _axes(made, 0)], "detections") for name in found_all]
    return [*finished, made.writer.add("Cast", [count], "count", to=1)]


def _decoded(made: Translation, operator: Any, options: Options) -> str:
    """Write the boxes: (1, anchors, 4) ymin, xmin, ymax, xmax."""
    writer = made.writer
    coded = [_cut(made, made.read(operator.inputs[0]), 2, side, side + 1) for side in range(4)]
    anchors = [_cut(made, made.read(operator.inputs[2]), 1, side, side + 1) for side in range(4)]
    scales = [
        writer.constant(np.float32(options[name]), name)
        for name in ("y_scale", "x_scale", "h_scale", "w_scale")
    ]
    parts = [writer.add("Div", [code, scale], "code") for code, scale in zip(coded, scales, strict=True)]
    half = writer.constant(np.float32(0.5), "half")
    low, high = [], []
    for place in (0, 1):
        centre, size = anchors[place], anchors[place + 2]
        middle = writer.add("Add", [writer.add("Mul", [parts[place], size], "moved"), centre], "middle")
        grown = writer.add("Mul", [half, writer.add("Exp", [parts[place + 2]], "grown")], "grown")
        reach = writer.add("Mul", [grown, size], "reach")
        low.append(writer.add("Sub", [middle, reach], "low"))
        high.append(writer.add("Add", [middle, reach], "high"))
    return writer.add("Concat", [*low, *high], "boxes", axis=2)


def _scores(made: Translation, operator: Any, options: Options) -> str:
    """Give the scores of classes without the background: (1, anchors, classes)."""
    name, columns = made.read(operator.inputs[1]), made.shape(operator.inputs[1])[2]
    background = columns - int(options["num_classes"])
    return _cut(made, name, 2, background, columns) if background else name


def _picked(made: Translation, boxes: str, scores: str, most: int, options: Options) -> str:
    """Write the suppression of scores (1, classes, anchors): rows of batch, class and box, (found, 3) int64."""
    threshold = np.nextafter(np.float32(options["nms_score_threshold"]), np.float32(-np.inf))
    limits = [  # ONNX leaves out what is no higher than the threshold, the operator what is lower
        made.writer.constant(np.array([most], np.int64), "most"),
        made.writer.constant(np.array([options["nms_iou_threshold"]], np.float32), "overlap"),
        made.writer.constant(np.array([threshold], np.float32), "threshold"),
    ]
    return made.writer.add("NonMaxSuppression", [boxes, scores, *limits], "picked")


def _filled(made: Translation, name: str, shape: tuple[int, ...]) -> str:
    """Bring rows along axis 1 to their fixed number, with zeros."""
    zeros = made.writer.constant(np.zeros(shape, np.float32), "nothing")
    joined = made.writer.add("Concat", [name, zeros], "filled", axis=1)
    return _cut(made, joined, 1, 0, shape[1])


def _cut(made: Translation, name: str, axis: int, start: int, stop: int) -> str:
    places = [made.writer.constant(np.array([value], np.int64), "cut") for value in (start, stop, axis)]
    return made.writer.add("Slice", [name, *places], "part")


def _length(made: Translation, name: str) -> str:
    """Give the number of rows, (1,) int64."""
    return _cut(made, made.writer.add("Shape", [name], "shape"), 0, 0, 1)


def _reshaped(made: Translation, name: str, shape: tuple[int, ...]) -> str:
    return made.writer.add("Reshape", [name, made.writer.constant(np.array(shape, np.int64))], "rows")


def _whole(made: Translation, number: int) -> str:
    return made.writer.constant(np.array(number, np.int64), "column")


def _axes(made: Translation, axis: int) -> str:
    return made.writer.constant(np.array([axis], np.int64), "axes")
