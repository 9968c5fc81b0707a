"""Check the options and shapes of `TFLite_Detection_PostProcess`: LiteRT reads its flexbuffer unchecked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flatbuffers import flexbuffers

from tflbuild.core.plain_text import plain

Range = tuple[float, float]

COUNT: Range = (1, 1 << 20)
SCALE: Range = (1e-6, 1e6)
SHARE: Range = (-1e30, 1e30)

OPTIONS: Mapping[str, Range] = {
    "max_detections": (1, 100_000),
    "max_classes_per_detection": COUNT,
    "detections_per_class": COUNT,
    "num_classes": COUNT,
    "use_regular_nms": (0, 1),
    "nms_score_threshold": SHARE,
    "nms_iou_threshold": (0, 1),
    **dict.fromkeys(("y_scale", "x_scale", "h_scale", "w_scale"), SCALE),
}
"""Options by name, with what they may be; the others of these are not read by the operator."""

NEEDED = (
    "max_detections",
    "max_classes_per_detection",
    "num_classes",
    "nms_score_threshold",
    "nms_iou_threshold",
)

MOST_BYTES = 1 << 16


def check_detection(packed: bytes, inputs: Sequence[Any], outputs: Sequence[Any]) -> str:
    """Check the operator's options and the shapes that it is called with; gives what is wrong, to complete "it "."""
    said = "has a TFLite_Detection_PostProcess "
    if len(inputs) != 3 or None in inputs or len(outputs) not in (4, 5):
        return f"{said}that reads {len(inputs)} tensors and makes {len(outputs)}"
    found = options_of(packed)
    if found is None:
        return f"{said}whose options cannot be read"
    for name in NEEDED:
        if name not in found:
            return f"{said}without {name}"
    for name, value in found.items():
        least, most = OPTIONS[name]
        if not least <= value <= most:
            return f"{said}with {plain(name, 40)}={plain(value, 40)}"
    boxes, scores, anchors = (one.shape for one in inputs)
    fits = len(boxes) == 3 and len(scores) == 3 and len(anchors) == 2 and boxes[2] >= 4 and anchors[1] == 4
    if not fits or not boxes[1] == scores[1] == anchors[0] or not 0 <= scores[2] - found["num_classes"] <= 1:
        return f"{said}of shapes {list(boxes)}, {list(scores)} and {list(anchors)} for {found['num_classes']} classes"
    return ""


def options_of(packed: bytes) -> dict[str, int | float] | None:
    """Read the operator's flexbuffer; None where it is none, or holds something other than numbers by names."""
    if not 0 < len(packed) <= MOST_BYTES:
        return None
    try:
        root = flexbuffers.GetRoot(packed)
        if not root.IsMap:
            return None
        entries = root.AsMap
        names = [key.decode() if isinstance(key, bytes) else str(key) for key in entries.Keys.Value]
        values = [value.Value if value.IsNumeric or value.IsBool else None for value in entries.Values]
    except Exception:  # noqa: BLE001  # whatever the library makes of wrong bytes
        return None
    if len(names) != len(values) or not all(isinstance(value, int | float) for value in values):
        return None
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if name in OPTIONS and value is not None
    }
