"""A head that lay in somebody's file: each field by itself, just inside and just outside of what it may be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import pytest

from tflbuild.core.field_checks import check_fields
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tasks.detection.heads.untrusted import check_named
from tflbuild.tasks.detection.postprocess_checks import POSTPROCESS

HEAD: dict[str, Any] = {
    "name": "yolo",
    "options": {"style": "v8", "outputs": ["o"], "strides": [8, 16, 32], "layout": "columns"},
    "classes": 2,
    "raw": {"o": [1, 6, 84]},  # 64 x 64: 64 + 16 + 4 cells
    "picture": [64, 64],
    "postprocess": asdict(Postprocess()),
    "suppression": "caller",
}


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    head = copy.deepcopy(HEAD)
    change(head)
    return head


def test_what_we_write_is_taken() -> None:
    check_named("head.", HEAD)
    check_named("head.", {**HEAD, "suppression": "file", "outputs": {"detection_boxes": "b"}})
    long = "o" * 1024
    check_named(
        "head.", {**HEAD, "raw": {long: [1, 6, 84]}, "options": {**HEAD["options"], "outputs": [long]}}
    )


@pytest.mark.parametrize("name", list(HEAD))
def test_every_field_is_needed(name: str) -> None:
    with pytest.raises((ValueError, KeyError), match=name):
        check_named("head.", {key: value for key, value in HEAD.items() if key != name})


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a head of another version": (
        lambda h: h.update(name="yolo99"),
        "'head.name' is 'yolo99', which this version",
    ),
    "no name": (lambda h: h.update(name=["yolo"]), "'head.name' is"),
    "a further field": (lambda h: h.update(more=1), "more"),
    "no class": (lambda h: h.update(classes=0), "classes"),
    "other classes": (lambda h: h.update(classes=3), "'head.options' do not fit the outputs in 'head.raw'"),
    "an option of another head": (lambda h: h["options"].update(coder="centre"), "'head.options' cannot be"),
    "a stride of nothing": (lambda h: h["options"].update(strides=[0]), "'head.options' cannot be"),
    "other strides": (lambda h: h["options"].update(strides=[8]), "'head.options' do not fit"),
    "no outputs": (lambda h: h.update(raw={}), "'head.raw' is not a mapping of outputs to their shapes"),
    "many outputs": (
        lambda h: h.update(raw={f"o{k}": [1, 6, 84] for k in range(65)}),
        "'head.raw' is not a mapping",
    ),
    "a side of nothing": (lambda h: h["raw"].update(o=[1, 0, 84]), "'head.raw' is not a mapping"),
    "a huge side": (lambda h: h["raw"].update(o=[1, 6, (1 << 20) + 1]), "'head.raw' is not a mapping"),
    "a long name": (lambda h: h.update(raw={"o" * 1025: [1, 6, 84]}), "'head.raw' is not a mapping"),
    "a picture of one side": (lambda h: h.update(picture=[64]), "picture"),
    "a picture of three": (lambda h: h.update(picture=[64, 64, 3]), "picture"),
    "suppression by nobody": (lambda h: h.update(suppression="none"), "suppression"),
    "outputs by number": (lambda h: h.update(outputs={"a": 1}), "outputs"),
    "suppression of nothing": (
        lambda h: h["postprocess"].update(max_detections=0),
        "postprocess.max_detections",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused_by_its_field(what: str) -> None:
    change, said = WRONG[what]
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        check_named("head.", changed(change))


BOUNDS: dict[str, tuple[list[Any], list[Any]]] = {
    "max_detections": ([1, 1000], [0, 1001, 1.5, True]),
    "nms": (["class_wise", "class_agnostic"], ["", "fast", None]),
    "score_threshold": ([0, 0.01, 1], [-0.01, 1.01, "0.5", float("nan")]),
    "iou_threshold": ([0.01, 1], [0, -0.5, 1.01, None]),
}
"""Of each option of suppression what it may be and may not, as `Postprocess` says it."""


def test_every_option_of_suppression_is_checked() -> None:
    assert set(BOUNDS) == set(POSTPROCESS) == {one.name for one in fields(Postprocess)}


@pytest.mark.parametrize("name", BOUNDS)
def test_an_option_of_suppression_has_its_bounds(name: str) -> None:
    right, wrong = BOUNDS[name]
    for value in right:
        check_fields("", {name: value}, POSTPROCESS)
    for value in wrong:
        with pytest.raises(ValueError, match=name):
            check_fields("", {name: value}, POSTPROCESS)
