"""Meanings of models: what is written is read again; of one that lay in a file, all is checked before it is used."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.form import check
from tflbuild.core.meaning import Input, Meaning, preprocess_in
from tflbuild.core.options import to_json
from tflbuild.core.result_form import FACTS as FORM
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tasks.classification.task import Classification
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess
from tflbuild.tasks.detection.task import ANCHORS, POSTPROCESS, Detection

DETECTOR = {
    "feature_maps": [[3, 4]],
    "anchors": to_json(AnchorOptions()),
    "postprocess": to_json(Postprocess()),
}
IMAGE = {"modality": "image", "shape": [96, 128, 3], "preprocess": ImageModality().to_json()}
FACTS: dict[str, Any] = {
    "task": "detection",
    "labels": ["cat", "dog"],
    "inputs": {"image": IMAGE},
    "head": DETECTOR,
}
OLD: dict[str, Any] = {
    "task": "detection",
    "height": 96,
    "width": 128,
    "labels": ["cat", "dog"],
    "preprocess": ImageModality().to_json(),
    "detector": DETECTOR,
}
"""The same as tflbuild 0.1 wrote it into files and records."""
OUTPUTS = {"detection_boxes": "boxes", "detection_scores": "scores"}


def image(**changed: Any) -> dict[str, Any]:
    """Give a change of the facts: their picture, changed."""
    return {"inputs": {"image": {**IMAGE, **changed}}}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"task": "x"}, "'task' is 'x', which this version of tflbuild lacks"),
    ({"task": "\x1b[2J"}, r"'task' is '\x1b[2J', which this version of tflbuild lacks"),
    ({"task": ["detection"]}, "'task' is"),
    ({"labels": "cat"}, "'labels' is 'cat'"),
    ({"labels": [1]}, "'labels' is"),
    ({"inputs": {}}, "'inputs' is {}"),
    ({"inputs": {"x": 7}}, "'inputs.x' is a number, not a mapping"),
    ({"inputs": {"\x1b[2J": 7}}, r"'inputs.\x1b[2J' is a number, not a mapping"),
    ({"inputs": {"\x1b[2J": {}}}, r"'inputs.\x1b[2J.modality' is missing"),
    (image(modality="smell"), "'inputs.image.modality' is 'smell', which this version of tflbuild lacks"),
    (image(modality="\x1b[2J"), r"'inputs.image.modality' is '\x1b[2J', which this version"),
    (image(shape=[-1, 128, 3]), "'inputs.image.shape' is [-1, 128, 3]"),
    (image(shape=[10**9, 128, 3]), "'inputs.image.shape' is"),
    (image(shape=["96", 128, 3]), "'inputs.image.shape' is ['96'"),
    (image(shape=[True, 128, 3]), "'inputs.image.shape' is [True"),
    (image(more=1), "'inputs.image.more' is unknown to this version"),
    (image(preprocess=[]), "'inputs.image.preprocess' is []"),
    (image(preprocess={"scale": 0}), "'inputs.image.preprocess.scale' is 0"),
    (image(preprocess={"scale": float("nan")}), "'inputs.image.preprocess.scale' is nan"),
    (image(preprocess={"offset": 10**400}), "'inputs.image.preprocess.offset' is"),
    (image(preprocess={"resize": "/etc"}), "'inputs.image.preprocess.resize' is"),
    (image(preprocess={"\x1b[2J": 1}), "is unknown to this version"),
    (
        image(preprocess={"mean": [1.0, 2.0]}),
        "inputs.image.preprocess.mean: [1.0, 2.0] has 2 numbers; channels=rgb wants 3",
    ),
    ({"more": 1}, "'more' is unknown to this version of tflbuild"),
    ({"head": {"anchors": {}}}, "'head.feature_maps' is missing"),
    ({"head": {**DETECTOR, "feature_maps": [[0, 3]]}}, "'head.feature_maps' is"),
    ({"head": {**DETECTOR, "feature_maps": [[60000, 60000]]}}, "'head.feature_maps' is"),
    ({"head": {**DETECTOR, "anchors": {"aspect_ratios": [0]}}}, "'head.anchors.aspect_ratios' is"),
    ({"head": {**DETECTOR, "postprocess": {"nms": 1}}}, "'head.postprocess.nms' is 1"),
    ({"head": {"outputs": {"detection_boxes": ["x"]}}}, "'head.outputs' is {'detection_boxes': ['x']}"),
    ({"task": "classification"}, "'head.feature_maps' is unknown to this version of tflbuild"),
    ({"task": "classification", "head": {"outputs": {"scores": ["x"]}}}, "'head.outputs' is"),
    ({"task": "unlabelled"}, "'head.feature_maps' is unknown to this version of tflbuild"),
]
WRONG_OF_OLD: list[tuple[dict[str, Any], str]] = [
    ({"height": -1}, "'inputs.image.shape' is [-1, 128, 3]"),
    ({"height": 10**9}, "'inputs.image.shape' is"),
    ({"width": "96"}, "'inputs.image.shape' is [96, '96', 3]"),
    ({"width": True}, "'inputs.image.shape' is [96, True, 3]"),
    ({"preprocess": []}, "'inputs.image.preprocess' is []"),
    ({"preprocess": {"scale": 0}}, "'inputs.image.preprocess.scale' is 0"),
    ({"detector": {"anchors": {}}}, "'head.feature_maps' is missing"),
    ({"detector": None}, "'head' is None"),
    ({"task": "x"}, "'task' is 'x'"),
    ({"labels": [1]}, "'labels' is"),
    ({"more": 1}, "'more' is unknown to this version of tflbuild"),
    ({"task": "classification"}, "'head.feature_maps' is unknown"),
]


def test_every_field_is_written_under_its_own_name_and_read_back() -> None:
    assert set(FACTS) == {field.name for field in dataclasses.fields(Meaning)}
    assert set(IMAGE) == {field.name for field in dataclasses.fields(Input)}
    meaning = Meaning(
        task="detection",
        labels=("cat", "dog"),
        inputs={"image": Input(modality="image", shape=(96, 128, 3), preprocess=ImageModality().to_json())},
        head=DETECTOR,
    )
    written = json.loads(json.dumps(meaning.to_json()))
    assert written == FACTS
    model = TFLiteModel(path=Path("x"), digest="d", fingerprint="f", meta={"facts": written})
    assert Meaning.of(model) == meaning == Meaning.from_json(written)
    check(written, FORM)


def test_facts_of_tflbuild_0_1_mean_one_picture_of_three_channels() -> None:
    model = TFLiteModel(path=Path("x"), digest="d", fingerprint="f", meta={"facts": OLD})
    assert Meaning.of(model) == Meaning.from_json(OLD) == Meaning.from_json(FACTS)
    assert Meaning.from_json(OLD).to_json() == FACTS
    check(OLD, FORM)
    classifier = {**OLD, "task": "classification"}
    without = {name: value for name, value in classifier.items() if name != "detector"}
    assert Meaning.from_json(without) == Meaning.from_json({**classifier, "detector": {}})
    assert Meaning.from_json(without).head == {}


def test_a_model_of_one_picture_is_short_to_write() -> None:
    meaning = Meaning.of_image(
        task="detection",
        height=96,
        width=128,
        labels=("cat", "dog"),
        preprocess=ImageModality().to_json(),
        detector=DETECTOR,
    )
    assert meaning.to_json() == FACTS
    plain = Meaning.of_image(task="classification", height=8, width=9, preprocess={"scale": 2.0})
    assert (plain.labels, plain.head, plain.only.shape) == ((), {}, (8, 9, 3))
    assert Meaning.from_json(plain.to_json()) == plain


def test_what_is_written_is_a_copy() -> None:
    meaning = Meaning.from_json(FACTS)
    meaning.to_json()["inputs"]["image"]["preprocess"]["scale"] = 9
    meaning.to_json()["head"]["anchors"] = 9
    assert meaning.to_json() == FACTS


def test_a_meaning_knows_its_task_and_the_modality_of_each_input_with_its_options() -> None:
    meaning = Meaning.from_json({**FACTS, **image(preprocess={"scale": 0.5, "mean": [1, 2, 3]})})
    assert type(meaning.kind) is Detection
    assert meaning.only.kind == ImageModality(scale=0.5, mean=(1, 2, 3))
    several = Meaning.from_json(
        {
            "task": "unlabelled",
            "labels": [],
            "inputs": {"image": IMAGE, "age": {"modality": "vector", "shape": [], "preprocess": {}}},
        }
    )
    assert [given.kind.name for given in several.inputs.values()] == ["image", "vector"]
    with pytest.raises(PassError) as caught:
        several.only  # noqa: B018  # it raises
    assert str(caught.value) == "the model has 2 inputs (image, age), and this takes a model with one."


def test_the_options_of_one_input_are_found_in_its_facts() -> None:
    assert preprocess_in(FACTS) == IMAGE["preprocess"]
    assert preprocess_in({}) == preprocess_in({"inputs": {"a": IMAGE, "b": IMAGE}}) == {}


@pytest.mark.parametrize(
    ("facts", "change", "message"),
    [*((FACTS, *row) for row in WRONG), *((OLD, *row) for row in WRONG_OF_OLD)],
)
def test_a_wrong_fact_is_named(facts: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        Meaning.from_json({**facts, **change})
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_what_is_no_mapping_of_facts_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not a mapping|is missing"):
        Meaning.from_json(value)


@pytest.mark.parametrize(
    ("options", "checks"),
    [(ImageModality, ImageModality.checks), (AnchorOptions, ANCHORS), (Postprocess, POSTPROCESS)],
)
def test_every_option_has_a_check(options: type[Any], checks: dict[str, Any]) -> None:
    made = options()
    written = made.to_json() if isinstance(made, ImageModality) else to_json(made)
    assert sorted(checks) == sorted(field.name for field in dataclasses.fields(options))
    assert all(checks[name](value) for name, value in written.items())


FITS: list[tuple[str, list[Any], list[Any]]] = [
    # (a fact by its path, values that just fit, values that just do not)
    ("task", ["detection"], ["Detection", None, 7, "x" * 1025]),
    (
        "labels",
        [[], ["a"], ("a", "b"), [""], ["x" * 4096], ["x"] * 131_072],
        ["a", ["x" * 4097], ["x"] * 131_073, [None], ["a", 1]],
    ),
    (
        "inputs",
        [{"x": IMAGE}, {str(number): IMAGE for number in range(64)}],
        [{}, [], None, {str(number): IMAGE for number in range(65)}],
    ),
    ("inputs.image", [IMAGE], [None, [], 7]),
    ("inputs.image.modality", ["image"], ["Image", None, 7, "x" * 1025]),
    (
        "inputs.image.shape",
        [[1, 1, 3], (2**24, 1, 1), [], [1] * 8],
        [[0, 1, 3], [2**24 + 1, 1, 3], [96.0, 1, 3], [True, 1, 3], [None], [1] * 9, None, 3],
    ),
    ("inputs.image.preprocess", [{}], [None, [], "x"]),
    (
        "inputs.image.preprocess.resize",
        ["bilinear", "nearest", "bicubic", "box"],
        ["area", None, ["box"]],
    ),
    ("inputs.image.preprocess.antialias", [True, False], [0, 1, None]),
    ("inputs.image.preprocess.aspect", ["stretch", "letterbox", "center_crop"], ["crop", None]),
    ("inputs.image.preprocess.crop", [1, 1.0], [0, 1.01, True, None]),
    ("inputs.image.preprocess.channels", ["rgb", "bgr", "grey"], ["grb", None]),
    (
        "inputs.image.preprocess.scale",
        [1e-9, 1, 9.9e29],
        [0, 0.0, -1, 1e30, True, "1", None, float("inf")],
    ),
    (
        "inputs.image.preprocess.offset",
        [0, -1.5, 9.9e29],
        [1e30, -1e30, float("nan"), False, None, 10**400],
    ),
    (
        "inputs.image.preprocess.mean",
        [[0, -1.5, 9.9e29], (1, 2, 3)],
        [[], [1] * 4, [1e30] * 3, [None] * 3, 1],
    ),
    ("inputs.image.preprocess.std", [[1e-9, 1, 9.9e29]], [[], [0, 1, 1], [1] * 4, [-1] * 3]),
    ("head", [{}, {"outputs": {}}], [None, [], 7]),
    (
        "head.feature_maps",
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
    (
        "head.outputs",
        [{}, OUTPUTS],
        [None, [], {"scores": 1}, {"scores": ["x"]}],
    ),
    ("head.suppression", ["file", "caller"], ["both", None]),
    ("head.anchors", [{"aspect_ratios": [1]}], [{}, None, []]),
    *((f"head.anchors.{name}", [1e-9, 1, 0.5], [0, 1.01, True, None]) for name in ("min_scale", "max_scale")),
    (
        "head.anchors.aspect_ratios",
        [[0.5], (1, 2), [1] * 64],
        [[], [0], [1, 0], [1] * 65, 1, ["1"], None],
    ),
    *((f"head.anchors.{name}", [True, False], [0, None]) for name in ("extra_square", "reduced_finest")),
    ("head.postprocess", [{}], [None, []]),
    ("head.postprocess.max_detections", [1, 1000], [0, 1001, 1.0, True]),
    ("head.postprocess.nms", ["class_wise", "class_agnostic"], ["soft", None]),
    ("head.postprocess.score_threshold", [0, 1, 0.5], [-0.01, 1.01, True, None]),
    ("head.postprocess.iou_threshold", [1e-9, 1], [0, 1.01, True, None]),
]


def with_fact(path: str, value: Any, facts: dict[str, Any] = FACTS) -> dict[str, Any]:
    """Give right facts with another value at a path."""

    def put(holder: dict[str, Any], keys: list[str]) -> dict[str, Any]:
        first, *rest = keys
        return {**holder, first: put(holder[first], rest) if rest else value}

    return put(facts, path.split("."))


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("path", "right", "wrong"), FITS, ids=[row[0] for row in FITS])
def test_a_fact_fits_within_its_bounds_and_no_further(path: str, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        read = Meaning.from_json(with_fact(path, value)).to_json()
        assert as_json(read) == as_json(with_fact(path, value))
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^'{path}(\.\w+)?' is ") as caught:
            Meaning.from_json(with_fact(path, value))
        assert len(str(caught.value)) < 140


def test_every_fact_has_a_row() -> None:
    known = {
        *FACTS,
        "inputs.image",
        *(f"inputs.image.{name}" for name in IMAGE),
        *(f"inputs.image.preprocess.{name}" for name in ImageModality.checks),
        *(f"head.{name}" for name in Detection.head_checks),
    }
    known |= {f"head.anchors.{name}" for name in ANCHORS}
    known |= {f"head.postprocess.{name}" for name in POSTPROCESS}
    assert {path for path, _, _ in FITS} == known


SCORES: list[tuple[str, list[Any], list[Any]]] = [
    ("outputs", [{}, {"scores": "Identity"}], [None, {"scores": ["Identity"]}, "Identity"]),
    ("scores", ["softmax", "sigmoid", "logits"], ["argmax", None, ["softmax"]]),
]


@pytest.mark.parametrize(("name", "right", "wrong"), SCORES, ids=[row[0] for row in SCORES])
def test_a_classifier_says_which_output_its_scores_are_and_how_they_were_made(
    name: str, right: list[Any], wrong: list[Any]
) -> None:
    assert {row[0] for row in SCORES} == set(Classification.head_checks)
    facts = {**FACTS, "task": "classification", "head": {}}
    for value in right:
        assert Meaning.from_json(with_fact(f"head.{name}", value, facts)).head == {name: value}
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^'head\.{name}' is "):
            Meaning.from_json(with_fact(f"head.{name}", value, facts))


@pytest.mark.parametrize("name", ["task", "labels", "inputs"])
def test_a_fact_that_is_needed_is_asked_for(name: str) -> None:
    facts = {key: value for key, value in FACTS.items() if key != name}
    with pytest.raises(ValueError, match=f"^'{name}' is missing$"):
        Meaning.from_json(facts)


@pytest.mark.parametrize("name", ["modality", "shape", "preprocess"])
def test_an_input_is_whole(name: str) -> None:
    given = {key: value for key, value in IMAGE.items() if key != name}
    with pytest.raises(ValueError, match=rf"^'inputs\.image\.{name}' is missing$"):
        Meaning.from_json({**FACTS, "inputs": {"image": given}})


@pytest.mark.parametrize("name", ["height", "width", "preprocess"])
def test_facts_of_tflbuild_0_1_without_a_part_of_their_picture_have_no_input(name: str) -> None:
    facts = {key: value for key, value in OLD.items() if key != name}
    with pytest.raises(ValueError, match=r"^'inputs' is missing$"):
        Meaning.from_json(facts)


@pytest.mark.parametrize("name", ["feature_maps", "anchors", "postprocess"])
def test_a_detector_is_whole(name: str) -> None:
    detector = {key: value for key, value in DETECTOR.items() if key != name}
    for facts in ({**FACTS, "head": detector}, {**OLD, "detector": detector}):
        with pytest.raises(ValueError, match=rf"^'head\.{name}' is missing$"):
            Meaning.from_json(facts)


def test_a_detector_that_suppresses_itself_says_only_its_outputs_and_one_may_be_unknown() -> None:
    assert Meaning.from_json({**FACTS, "head": {"outputs": OUTPUTS}}).head == {"outputs": OUTPUTS}
    unknown = {key: value for key, value in FACTS.items() if key != "head"}
    assert Meaning.from_json(unknown).to_json() == {**FACTS, "head": {}}
    with pytest.raises(ValueError, match=r"^they are a list, not a mapping$"):
        Meaning.from_json([])
    with pytest.raises(ValueError, match=r"^'inputs\.image\.preprocess\.x' is unknown to this version of tf"):
        Meaning.from_json({**FACTS, **image(preprocess={"x": 1})})
