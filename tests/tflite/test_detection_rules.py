"""Options of `TFLite_Detection_PostProcess`: the least and the most that each may be, and shapes that fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from flatbuffers import flexbuffers

from tflbuild.tflite.detection_rules import NEEDED, OPTIONS, check_detection
from tflbuild.tflite.suppression import SuppressionOptions, attributes_of

RIGHT: dict[str, Any] = {
    "max_detections": 10,
    "max_classes_per_detection": 1,
    "detections_per_class": 10,
    "num_classes": 2,
    "use_regular_nms": True,
    "nms_score_threshold": 0.5,
    "nms_iou_threshold": 0.5,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}
SHAPES = ((1, 8, 4), (1, 8, 2), (8, 4))


def packed(options: dict[str, Any]) -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in options.items():
            builder.Key(name)
            builder.Add(value)
    return bytes(builder.Finish())


def said(options: dict[str, Any] | bytes | None = None, shapes: Any = SHAPES, outputs: int = 4) -> str:
    content = options if isinstance(options, bytes) else packed({**RIGHT, **(options or {})})
    inputs = [None if shape is None else SimpleNamespace(shape=shape) for shape in shapes]
    return check_detection(content, inputs, [object()] * outputs)


def test_what_we_write_ourselves_is_right() -> None:
    scales = (10.0, 10.0, 5.0, 5.0)
    options = SuppressionOptions(
        classes=2,
        box_scales=scales,
        max_detections=10,
        class_wise=False,
        score_threshold=0.0,
        iou_threshold=0.6,
    )
    assert said(packed(attributes_of(options))) == ""
    assert set(attributes_of(options)) == set(OPTIONS) == set(RIGHT)


BOUNDS: dict[str, tuple[Any, Any, Any, Any]] = {  # just too small, least, most, just too large
    "max_detections": (0, 1, 100_000, 100_001),
    "max_classes_per_detection": (0, 1, 1_048_576, 1_048_577),
    "detections_per_class": (0, 1, 1_048_576, 1_048_577),
    "nms_score_threshold": (-1e31, -1e29, 1e29, 1e31),
    "nms_iou_threshold": (-0.01, 0.0, 1.0, 1.01),
    **dict.fromkeys(("y_scale", "x_scale", "h_scale", "w_scale"), (1e-7, 2e-6, 1e6, 1.1e6)),
}


def test_every_option_has_its_bounds() -> None:
    assert set(BOUNDS) | {"num_classes", "use_regular_nms"} == set(OPTIONS)


@pytest.mark.parametrize("name", BOUNDS)
def test_an_option_lies_within_its_bounds(name: str) -> None:
    below, least, most, above = BOUNDS[name]
    assert (said({name: least}), said({name: most})) == ("", "")
    for wrong in (below, above, float("nan")):
        assert said({name: wrong}).startswith(f"has a TFLite_Detection_PostProcess with {name}=")


@pytest.mark.parametrize("value", [-5, 0, 2.5, 10**9])
def test_an_option_that_the_operator_does_not_know_may_be_anything(value: float) -> None:
    assert said({"more": value}) == ""


def test_one_that_is_wrong_is_shown() -> None:
    assert said({"max_detections": -3}) == "has a TFLite_Detection_PostProcess with max_detections=-3"
    assert said({"use_regular_nms": 2}) == "has a TFLite_Detection_PostProcess with use_regular_nms=2"
    assert said({"num_classes": 0}) == "has a TFLite_Detection_PostProcess with num_classes=0"
    assert said({"use_regular_nms": False}) == ""
    assert said({"somebody's own": -5}) == ""


@pytest.mark.parametrize("name", RIGHT)
def test_only_what_the_operator_reads_without_a_default_is_needed(name: str) -> None:
    # LiteRT's Init() reads these with AsInt32() and AsFloat() and nothing behind it; the others have a default, or are
    # scales
    needed = {"max_detections", "max_classes_per_detection", "num_classes"} | {
        "nms_score_threshold",
        "nms_iou_threshold",
    }
    found = said(packed({key: value for key, value in RIGHT.items() if key != name}))
    assert found == (f"has a TFLite_Detection_PostProcess without {name}" if name in needed else "")
    assert set(NEEDED) == needed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"x" * 40,
        bytes(70_000),
        bytes(flexbuffers.Dumps([1, 2])),
        bytes(flexbuffers.Dumps(5)),
        packed({**RIGHT, "max_detections": "ten"}),
        packed({**RIGHT, "max_detections": [1]}),
        packed({**RIGHT, "more": "x" * 66_000}),
    ],
)
def test_what_is_no_mapping_of_numbers_is_refused(content: bytes) -> None:
    found = said(content)
    assert found in (
        "has a TFLite_Detection_PostProcess whose options cannot be read",
        "has a TFLite_Detection_PostProcess without max_detections",
    )


@pytest.mark.parametrize(
    ("shapes", "outputs", "right"),
    [
        (SHAPES, 4, True),
        (SHAPES, 5, True),
        (SHAPES, 3, False),
        (SHAPES, 6, False),
        (SHAPES[:2], 4, False),
        ((*SHAPES, (1,)), 4, False),
        (((1, 8, 4), None, (8, 4)), 4, False),
    ],
)
def test_it_reads_three_tensors_and_makes_four(shapes: Any, outputs: int, right: bool) -> None:
    words = f"has a TFLite_Detection_PostProcess that reads {len(shapes)} tensors and makes {outputs}"
    assert said(shapes=shapes, outputs=outputs) == ("" if right else words)


@pytest.mark.parametrize(
    ("boxes", "scores", "anchors", "right"),
    [
        ((1, 8, 4), (1, 8, 2), (8, 4), True),
        ((1, 8, 4), (1, 8, 3), (8, 4), True),  # a class of the background
        ((1, 8, 5), (1, 8, 2), (8, 4), True),  # a box code may be longer, of which four are read
        ((1, 8, 4), (1, 8, 1), (8, 4), False),
        ((1, 8, 4), (1, 8, 4), (8, 4), False),
        ((1, 8, 3), (1, 8, 2), (8, 4), False),
        ((1, 8, 4), (1, 8, 2), (8, 5), False),
        ((1, 8, 4), (1, 8, 2), (8, 3), False),
        ((1, 9, 4), (1, 8, 2), (8, 4), False),
        ((1, 8, 4), (1, 9, 2), (8, 4), False),
        ((1, 8, 4), (1, 8, 2), (9, 4), False),
        ((8, 4), (1, 8, 2), (8, 4), False),
        ((1, 8, 4), (8, 2), (8, 4), False),
        ((1, 8, 4), (1, 8, 2), (1, 8, 4), False),
    ],
)
def test_boxes_scores_and_anchors_are_as_many(boxes: Any, scores: Any, anchors: Any, right: bool) -> None:
    found = said(shapes=(boxes, scores, anchors))
    words = f"of shapes {list(boxes)}, {list(scores)} and {list(anchors)} for 2 classes"
    assert found == ("" if right else f"has a TFLite_Detection_PostProcess {words}")
