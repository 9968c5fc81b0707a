"""Facts of a model that were read from a file: nothing of them is used before all of it was checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tflbuild.core.json_text import kind_of
from tflbuild.core.plain_text import plain

TASKS = ("classification", "detection")

MOST_SIDE = 1 << 16
MOST_LABELS = 1 << 17
LONGEST_LABEL = 1 << 12
MOST_ANCHORS = 1 << 24

Check = Callable[[Any], bool]


def check_facts(value: Any) -> dict[str, Any]:
    """Check the mapping of a `tflbuild.core.artifact.ModelFacts`, and give it.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of range; the message is a sentence without its
            full stop.
    """
    if not isinstance(value, dict):
        raise ValueError(f"they are a {kind_of(value)}, not a mapping")
    _check_fields("", value, FACTS, needed=("task", "height", "width", "labels", "preprocess"))
    _check_fields("preprocess.", value["preprocess"], PREPROCESS)
    detector = value.get("detector", {})
    if detector:
        _check_fields("detector.", detector, DETECTOR, needed=tuple(DETECTOR))
        _check_fields("detector.anchors.", detector["anchors"], ANCHORS, needed=("aspect_ratios",))
        _check_fields("detector.postprocess.", detector["postprocess"], POSTPROCESS)
    if detector and value["task"] != "detection":
        raise ValueError(f"the task is {value['task']}, with the facts of a detector")
    return value


def _check_fields(
    prefix: str, value: Mapping[str, Any], fields: Mapping[str, Check], needed: tuple[str, ...] = ()
) -> None:
    for name in needed:
        if name not in value:
            raise ValueError(f"'{prefix}{name}' is missing")
    for name, given in value.items():
        if name not in fields:
            raise ValueError(f"'{plain(prefix + str(name), 60)}' is unknown to this version of tflbuild")
        if not fields[name](given):
            raise ValueError(f"'{prefix}{name}' is {plain(repr(given), 60)}")


def _whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _number(above: float = -math.inf, most: float = math.inf, least: float = -math.inf) -> Check:
    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            return False
        return above < value <= most and value >= least

    return fits


def _one_of(*choices: str) -> Check:
    return lambda value: isinstance(value, str) and value in choices


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _labels(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and 0 < len(value) <= MOST_LABELS
        and all(isinstance(label, str) and len(label) <= LONGEST_LABEL for label in value)
    )


def _ratios(value: Any) -> bool:
    fits = _number(above=0)
    return isinstance(value, list | tuple) and 0 < len(value) <= 64 and all(fits(ratio) for ratio in value)


def _feature_maps(value: Any) -> bool:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= 64:
        return False
    side = _whole(1, MOST_SIDE)
    pairs = all(
        isinstance(one, list | tuple) and len(one) == 2 and side(one[0]) and side(one[1]) for one in value
    )
    return pairs and sum(rows * columns for rows, columns in value) <= MOST_ANCHORS


FACTS: Mapping[str, Check] = {
    "task": _one_of(*TASKS),
    "height": _whole(1, MOST_SIDE),
    "width": _whole(1, MOST_SIDE),
    "labels": _labels,
    "preprocess": _mapping,
    "detector": _mapping,
}

PREPROCESS: Mapping[str, Check] = {
    "resize": _one_of("bilinear", "nearest", "bicubic", "box"),
    "antialias": _boolean,
    "aspect": _one_of("stretch", "letterbox"),
    "channels": _one_of("rgb", "bgr"),
    "scale": _number(above=0),
    "offset": _number(),
}
"""Options of `tflbuild.modalities.image.preprocess.Preprocess`."""

DETECTOR: Mapping[str, Check] = {"feature_maps": _feature_maps, "anchors": _mapping, "postprocess": _mapping}

ANCHORS: Mapping[str, Check] = {
    "min_scale": _number(above=0, most=1),
    "max_scale": _number(above=0, most=1),
    "aspect_ratios": _ratios,
    "extra_square": _boolean,
    "reduced_finest": _boolean,
}
"""Options of `tflbuild.tasks.detection.detector.AnchorOptions`."""

POSTPROCESS: Mapping[str, Check] = {
    "max_detections": _whole(1, 1000),
    "nms": _one_of("class_wise", "class_agnostic"),
    "score_threshold": _number(least=0, most=1),
    "iou_threshold": _number(above=0, most=1),
}
"""Options of `tflbuild.tasks.detection.detector.Postprocess`."""
