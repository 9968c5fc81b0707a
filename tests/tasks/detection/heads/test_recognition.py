"""Heads by names and shapes of outputs: recognised with evidence, doubted, or said."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.tasks.detection.heads.head import Given
from tflbuild.tasks.detection.heads.recognition import recognised

CELLS = 80 * 80 + 40 * 40 + 20 * 20  # of a picture of 640 x 640, strides 8, 16 and 32


def given(outputs: dict[str, tuple[int, ...]], side: int = 640, parts: Any = None) -> Given:
    return Given(outputs, side, side, parts or {})


RECOGNISED: list[tuple[str, Given, str, int, dict[str, Any]]] = [
    ("v8", given({"o": (1, 84, CELLS)}), "yolo", 80, {"style": "v8", "layout": "columns"}),
    ("v8 turned", given({"o": (1, CELLS, 84)}, parts={"o": (2, (4, 80))}), "yolo", 80, {"style": "v8"}),
    ("v5", given({"o": (1, 3 * CELLS, 85)}), "yolo", 80, {"style": "v5", "layout": "rows"}),
    ("v5 of 320", given({"o": (1, 6300, 8)}, 320), "yolo", 3, {"style": "v5", "strides": [8, 16, 32]}),
    (
        "nanodet",
        given({"o": (1, 3598, 112)}, 416),
        "yolo",
        80,
        {"style": "nanodet", "strides": [8, 16, 32, 64]},
    ),
    (
        "FastestDet",
        given({"758": (1, 22, 22, 85)}, 352, {"758": (3, (1, 4, 80))}),
        "yolo",
        80,
        {"style": "fastestdet", "strides": [16]},
    ),
    (
        "ST's SSD",
        given(
            {"classes_softmax": (1, 6825, 2), "bboxes_concat": (1, 6825, 4), "anchors_concat": (1, 6825, 4)},
            256,
        ),
        "ssd",
        1,
        {"coder": "corners", "order": "xy", "background": "first", "anchors_output": "anchors_concat"},
    ),
    (
        "CenterNet",
        given({"hm": (1, 128, 128, 80), "wh": (1, 128, 128, 2), "reg": (1, 128, 128, 2)}, 512),
        "centernet",
        80,
        {"heatmap": "hm", "sizes": "wh", "offsets": "reg"},
    ),
    (
        "suppressed",
        given({"boxes": (1, 100, 4), "class_ids": (1, 100), "scores": (1, 100), "num": (1,)}),
        "postprocessed",
        0,
        {"detection_classes": "class_ids", "num_detections": "num"},
    ),
]


@pytest.mark.parametrize(
    ("given", "name", "classes", "options"), [r[1:] for r in RECOGNISED], ids=[r[0] for r in RECOGNISED]
)
def test_a_head_is_recognised_with_evidence(
    given: Given, name: str, classes: int, options: dict[str, Any]
) -> None:
    found = recognised(given, {})
    assert found.name == name, found.reason
    assert found.found is not None
    assert found.found.classes == classes
    assert {key: found.found.options[key] for key in options} == options
    assert found.found.evidence
    again = recognised(given, {"type": name, **found.found.options})  # what was found may be said
    assert again.found is not None
    assert (again.found.options, again.found.classes) == (found.found.options, classes)


def test_levels_of_efficientdet_are_told_by_their_sides() -> None:
    maps = [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]
    outputs: dict[str, tuple[int, ...]] = {f"class_{k}": (1, *one, 810) for k, one in enumerate(maps)}
    outputs |= {f"box_{k}": (1, *one, 36) for k, one in enumerate(maps)}
    found = recognised(given(outputs, 512), {})
    assert (found.name, found.found and found.found.classes) == ("efficientdet", 90)


DOUBTED: list[tuple[str, Given, str]] = [
    (
        "rows without a sign",
        given({"o": (1, CELLS, 84)}),
        "fit v8 .80 classes., and v5 and yolox .79 classes.*say which",
    ),
    (
        "maps without anchors",
        given({f"m{s}": (1, 640 // s, 640 // s, 255) for s in (8, 16, 32)}),
        "say width and height",
    ),
    ("an ssd without anchors", given({"b": (1, 1917, 4), "s": (1, 1917, 91)}, 300), "model.head.anchors="),
    (
        "efficientdet or ssd",
        given({"b": (1, 49104, 4), "s": (1, 49104, 90)}, 512),
        "several heads, efficientdet .*ssd: .*model.head=NAME",
    ),
    (
        "pairs without names",
        given({"a": (1, 128, 128, 80), "b": (1, 128, 128, 2), "c": (1, 128, 128, 2)}, 512),
        "do not tell sizes from offsets",
    ),
]


@pytest.mark.parametrize(("given", "reason"), [row[1:] for row in DOUBTED], ids=[row[0] for row in DOUBTED])
def test_what_may_be_two_things_is_not_guessed(given: Given, reason: str) -> None:
    import re

    found = recognised(given, {})
    assert found.found is None
    assert re.search(reason, found.reason), found.reason


NONE: list[tuple[str, Given]] = [
    ("scores", given({"o": (1, 1000)})),
    ("a segmentation", given({"o": (1, 40, 40, 21)})),
    ("an embedding", given({"o": (1, 77, 512)})),
    ("key points", given({"a": (1, 23, 31, 17), "b": (1, 23, 31, 34)}, 353)),
]


@pytest.mark.parametrize("given", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_other_outputs_are_no_detectors(given: Given) -> None:
    assert recognised(given, {}) == ("", None, "")


def test_what_is_said_decides_where_shapes_do_not() -> None:
    rows = given({"o": (1, CELLS, 84)})
    for style, classes in (("v8", 80), ("yolox", 79), ("v5", 79)):
        found = recognised(rows, {"type": "yolo", "style": style}).found
        assert found is not None
        assert (found.classes, found.options["style"]) == (classes, style)
    maps = given({f"m{s}": (1, 640 // s, 640 // s, 255) for s in (32, 8, 16)})
    anchors = [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]
    found = recognised(maps, {"type": "yolo", "anchors": anchors}).found
    assert found is not None
    assert (found.classes, found.options["outputs"], found.options["strides"]) == (
        80,
        ["m8", "m16", "m32"],
        [8, 16, 32],
    )


CONTRADICTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"type": "yolo", "strides": [4]}, ValueError, "head: 'yolo' with what is said .* 'o' .1, 84, 8400."),
    ({"type": "centernet"}, ValueError, "does not fit the outputs"),
    ({"type": "yolo", "strides": [0]}, ValueError, "head: 'strides' is"),
    ({"type": "yolo", "colour": 1}, ValueError, "head: 'colour' is unknown"),
    ({"type": "yolo", "style": "fastestdet"}, ValueError, "gives .1, rows, columns, numbers."),
    ({"strides": [8]}, ValueError, "head: strides belongs to a head; say which"),
    (
        {"type": "yolov8"},
        RecipeError,
        "there is no head 'yolov8'; there are centernet, efficientdet.*Did you mean",
    ),
]


@pytest.mark.parametrize(("said", "error", "message"), CONTRADICTIONS)
def test_what_contradicts_the_file_is_refused(
    said: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        recognised(given({"o": (1, 84, CELLS)}), said)
