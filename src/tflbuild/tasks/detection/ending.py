"""Read the suppression that a detector ends in, and let a file end in that of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from tflbuild.core.meaning import Meaning
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.raw_outputs import SUPPRESSION
from tflbuild.tflite.suppression import packed

FIELDS = {
    "score_threshold": "nms_score_threshold",
    "iou_threshold": "nms_iou_threshold",
    "max_detections": "max_detections",
    "class_wise": "use_regular_nms",
}
"""Names of these options in the operator."""


def ending(meaning: Meaning, graph: Graph | None) -> dict[str, Any]:
    """Give thresholds, kind and most detections of a detector's suppression; {} where nothing says them.

    Args:
        meaning: of the model.
        graph: of its file, where that is a `.tflite`; what it ends in counts for more than what is said of it.
    """
    operator = _last(graph)
    if operator is not None:
        options = _options(operator)
        return {field: options[name] for field, name in FIELDS.items() if name in options}
    if "postprocess" not in meaning.head:
        return {}
    said = Postprocess.of(meaning.head["postprocess"])
    return {
        "score_threshold": said.score_threshold,
        "iou_threshold": said.iou_threshold,
        "max_detections": said.max_detections,
        "class_wise": said.nms == "class_wise",
    }


def end_as(graph: Graph, wanted: Mapping[str, Any]) -> bool:
    """Let a file suppress as another model does; says whether that changes it.

    Args:
        graph: edited in place.
        wanted: what `ending` gave of the other.
    """
    operator = _last(graph)
    if operator is None or not wanted:
        return False
    options = _options(operator)
    changed = {
        FIELDS[field]: value for field, value in wanted.items() if _unlike(options.get(FIELDS[field]), value)
    }
    if not changed:
        return False
    operator.customOptions = np.frombuffer(packed({**options, **changed}), np.uint8)
    for index in (int(one) for one in operator.outputs):
        tensor = graph.tensors[index]
        if len(tensor.shape) > 1:
            tensor.shape = np.array([1, wanted["max_detections"], *list(tensor.shape)[2:]], np.int32)
    return True


def _unlike(one: Any, other: Any) -> bool:
    return one is None or abs(float(one) - float(other)) > 1e-6 * max(1.0, abs(float(other)))


def _last(graph: Graph | None) -> Any:
    """Give the operator that suppresses; None where the file ends otherwise."""
    if graph is None or not graph.operators or graph.kind(graph.operators[-1]) != SUPPRESSION:
        return None
    return graph.operators[-1]


def _options(operator: Any) -> dict[str, Any]:
    found: dict[str, Any] = flexbuffers.Loads(bytes(bytearray(operator.customOptions)))
    return found
