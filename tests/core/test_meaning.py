"""Facts from files are checked whole before any of them is used."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tflbuild.core.model_facts import ANCHORS, POSTPROCESS, PREPROCESS, check_facts

from tflbuild.core.meaning import Meaning
from tflbuild.core.options import to_json
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess

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
    "preprocess": ImageModality().to_json(),
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
    assert Meaning.from_json(FACTS).to_json() == FACTS


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_fact_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        Meaning.from_json({**FACTS, **change})
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_what_is_no_mapping_of_facts_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not a mapping|is missing"):
        Meaning.from_json(value)


@pytest.mark.parametrize(
    ("options", "checks"), [(ImageModality, PREPROCESS), (AnchorOptions, ANCHORS), (Postprocess, POSTPROCESS)]
)
def test_every_option_has_a_check(options: type[Any], checks: dict[str, Any]) -> None:
    defaults = to_json(options())
    assert sorted(checks) == sorted(field.name for field in dataclasses.fields(options))
    assert all(check(defaults[name]) for name, check in checks.items())


FITS: list[tuple[str, list[Any], list[Any]]] = [
    # (a fact by its path, values that just fit, values that just do not)
    ("task", ["detection"], ["Detection", None, 7]),
    *((side, [1, 65536], [0, 65537, 96.0, True, None]) for side in ("height", "width")),
    (
        "labels",
        [["a"], ("a", "b"), [""], ["x" * 4096], ["x"] * 131_072],
        [[], "a", ["x" * 4097], ["x"] * 131_073, [None], ["a", 1]],
    ),
    ("preprocess", [{}], [None, [], "x"]),
    ("preprocess.resize", ["bilinear", "nearest", "bicubic", "box"], ["area", None, ["box"]]),
    ("preprocess.antialias", [True, False], [0, 1, None]),
    ("preprocess.aspect", ["stretch", "letterbox"], ["crop", None]),
    ("preprocess.channels", ["rgb", "bgr"], ["grb", None]),
    ("preprocess.scale", [1e-9, 1, 9.9e29], [0, 0.0, -1, 1e30, True, "1", None, float("inf")]),
    ("preprocess.offset", [0, -1.5, 9.9e29], [1e30, -1e30, float("nan"), False, None, 10**400]),
    ("detector", [{}], [None, [], 7]),
    (
        "detector.feature_maps",
        [[[1, 1]], ((65536, 256),), [[1, 1]] * 64, [[4096, 4095], [1, 4096]]],
        [
            [],
            [[1, 1]] * 65,
            [[1]],
            [[1, 2, 3]],
            [[0, 1]],
            [[1, 1], [0, 1]],
            [[1, 65537]],
            [[1.0, 1]],
            [7],
            7,
            [[65536, 256], [1, 1]],
        ],
    ),
    ("detector.anchors", [{"aspect_ratios": [1]}], [{}, None, []]),
    *(
        (f"detector.anchors.{name}", [1e-9, 1, 0.5], [0, 1.01, True, None])
        for name in ("min_scale", "max_scale")
    ),
    (
        "detector.anchors.aspect_ratios",
        [[0.5], (1, 2), [1] * 64],
        [[], [0], [1, 0], [1] * 65, 1, ["1"], None],
    ),
    *((f"detector.anchors.{name}", [True, False], [0, None]) for name in ("extra_square", "reduced_finest")),
    ("detector.postprocess", [{}], [None, []]),
    ("detector.postprocess.max_detections", [1, 1000], [0, 1001, 1.0, True]),
    ("detector.postprocess.nms", ["class_wise", "class_agnostic"], ["soft", None]),
    ("detector.postprocess.score_threshold", [0, 1, 0.5], [-0.01, 1.01, True, None]),
    ("detector.postprocess.iou_threshold", [1e-9, 1], [0, 1.01, True, None]),
]


def with_fact(path: str, value: Any) -> dict[str, Any]:
    """Give right facts with another value at a path."""

    def put(holder: dict[str, Any], keys: list[str]) -> dict[str, Any]:
        first, *rest = keys
        return {**holder, first: put(holder[first], rest) if rest else value}

    return put(FACTS, path.split("."))


@pytest.mark.parametrize(("path", "right", "wrong"), FITS, ids=[row[0] for row in FITS])
def test_a_fact_fits_within_its_bounds_and_no_further(path: str, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert check_facts(with_fact(path, value)) == with_fact(path, value)
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^'{path}(\.\w+)?' is ") as caught:
            check_facts(with_fact(path, value))
        assert len(str(caught.value)) < 120


def test_every_fact_has_a_row() -> None:
    known = {
        *FACTS,
        *(f"preprocess.{name}" for name in PREPROCESS),
        *(f"detector.{name}" for name in DETECTOR),
    }
    known |= {f"detector.anchors.{name}" for name in ANCHORS}
    known |= {f"detector.postprocess.{name}" for name in POSTPROCESS}
    assert {path for path, _, _ in FITS} == known


@pytest.mark.parametrize("name", ["task", "height", "width", "labels", "preprocess"])
def test_a_fact_that_is_needed_is_asked_for(name: str) -> None:
    facts = {key: value for key, value in FACTS.items() if key != name}
    with pytest.raises(ValueError, match=f"^'{name}' is missing$"):
        check_facts(facts)


@pytest.mark.parametrize("name", ["feature_maps", "anchors", "postprocess"])
def test_a_detector_is_whole(name: str) -> None:
    detector = {key: value for key, value in DETECTOR.items() if key != name}
    with pytest.raises(ValueError, match=rf"^'detector\.{name}' is missing$"):
        check_facts({**FACTS, "detector": detector})


def test_a_classifier_has_no_detector_and_a_detector_may_be_unknown() -> None:
    plain = {key: value for key, value in FACTS.items() if key != "detector"}
    assert check_facts(plain) == plain
    check_facts({**FACTS, "task": "classification", "detector": {}})
    with pytest.raises(ValueError, match=r"^the task is classification, with the facts of a detector$"):
        check_facts({**FACTS, "task": "classification"})
    with pytest.raises(ValueError, match=r"^they are a list, not a mapping$"):
        check_facts([])
    with pytest.raises(ValueError, match=r"^'preprocess\.x' is unknown to this version of tflbuild$"):
        check_facts(with_fact("preprocess", {"x": 1}))
