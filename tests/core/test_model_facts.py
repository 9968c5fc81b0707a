"""Facts from files are checked whole before any of them is used."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tflbuild.core.artifact import ModelFacts
from tflbuild.core.model_facts import ANCHORS, POSTPROCESS, PREPROCESS
from tflbuild.core.options import to_json
from tflbuild.vision.detector import AnchorOptions, Postprocess
from tflbuild.vision.preprocess import Preprocess

DETECTOR = {
    "feature_maps": [[3, 4]],
    "anchors": to_json(AnchorOptions()),
    "postprocess": to_json(Postprocess()),
}
FACTS = {
    "task": "detection",
    "height": 96,
    "width": 128,
    "labels": ["cat", "dog"],
    "preprocess": Preprocess().to_json(),
    "detector": DETECTOR,
}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"task": "x"}, "'task' is 'x'"),
    ({"task": ["detection"]}, "'task' is"),
    ({"height": -1}, "'height' is -1"),
    ({"height": 10**9}, "'height' is"),
    ({"width": "96"}, "'width' is '96'"),
    ({"width": True}, "'width' is True"),
    ({"labels": "cat"}, "'labels' is 'cat'"),
    ({"labels": [1]}, "'labels' is"),
    ({"labels": []}, "'labels' is"),
    ({"preprocess": []}, "'preprocess' is"),
    ({"preprocess": {"scale": 0}}, "'preprocess.scale' is 0"),
    ({"preprocess": {"scale": float("nan")}}, "'preprocess.scale' is nan"),
    ({"preprocess": {"offset": 10**400}}, "'preprocess.offset' is"),
    ({"preprocess": {"resize": "/etc"}}, "'preprocess.resize' is"),
    ({"preprocess": {"\x1b[2J": 1}}, "is unknown to this version"),
    ({"more": 1}, "'more' is unknown to this version"),
    ({"detector": {"anchors": {}}}, "'detector.feature_maps' is missing"),
    ({"detector": {**DETECTOR, "feature_maps": [[0, 3]]}}, "'detector.feature_maps' is"),
    ({"detector": {**DETECTOR, "feature_maps": [[60000, 60000]]}}, "'detector.feature_maps' is"),
    ({"detector": {**DETECTOR, "anchors": {"aspect_ratios": [0]}}}, "'detector.anchors.aspect_ratios' is"),
    ({"detector": {**DETECTOR, "postprocess": {"nms": 1}}}, "'detector.postprocess.nms' is 1"),
    ({"task": "classification"}, "with the facts of a detector"),
]


def test_facts_of_ours_are_read_as_they_were_written() -> None:
    assert ModelFacts.from_json(FACTS).to_json() == FACTS


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_fact_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        ModelFacts.from_json({**FACTS, **change})
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_what_is_no_mapping_of_facts_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not a mapping|is missing"):
        ModelFacts.from_json(value)


@pytest.mark.parametrize(
    ("options", "checks"), [(Preprocess, PREPROCESS), (AnchorOptions, ANCHORS), (Postprocess, POSTPROCESS)]
)
def test_every_option_has_a_check(options: type[Any], checks: dict[str, Any]) -> None:
    defaults = to_json(options())
    assert sorted(checks) == sorted(field.name for field in dataclasses.fields(options))
    assert all(check(defaults[name]) for name, check in checks.items())
