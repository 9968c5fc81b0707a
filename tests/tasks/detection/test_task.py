"""Detection: from outputs to boxes in the picture, answers and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import numpy_suppression
from pictures import meaning_of
from tflbuild.core.answer import Answer
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.core.options import to_json
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.detection.anchors import AnchorOptions, anchors
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tasks.detection.task import Detection

TASK = Detection()
OPTIONS = AnchorOptions(
    min_scale=0.3, max_scale=0.5, aspect_ratios=(1.0,), extra_square=False, reduced_finest=False
)
POSTPROCESS = Postprocess(max_detections=4, score_threshold=0.1, iou_threshold=0.4)
HEAD = {
    "feature_maps": [[2, 3], [1, 1]],
    "anchors": to_json(OPTIONS),
    "postprocess": to_json(POSTPROCESS),
}
NAMES = {"detection_boxes": "a", "detection_classes": "b", "detection_scores": "c", "num_detections": "d"}


def meaning(
    labels: tuple[str, ...] = ("a", "b"), head: dict[str, Any] | None = None, **options: Any
) -> Meaning:
    return meaning_of("detection", labels, head=head or {}, **options)


def rows(*found: tuple[float, int, float]) -> dict[str, Any]:
    """Give what a model says of one picture: the side, the class and the score of each box."""
    boxes = np.array([[0, 0, side, side] for side, _, _ in found], np.float32).reshape(-1, 4)
    return {
        "boxes": boxes,
        "classes": np.array([label for _, label, _ in found], np.float32),
        "scores": np.array([score for _, _, score in found], np.float32),
    }


def outputs(count: float | None) -> dict[str, Any]:
    """Give outputs of three entries, the last of them whatever memory held."""
    made = {
        "detection_boxes": np.array([[0, 0, 0.5, 0.5], [0.25, 0.25, 1, 1], [9, 9, 9, 9]], np.float32),
        "detection_classes": np.array([1, 0, 77], np.float32),
        "detection_scores": np.array([0.9, 0.8, np.nan], np.float32),
    }
    return made if count is None else {**made, "num_detections": np.float32(count)}


def test_only_as_many_entries_are_read_as_were_found() -> None:
    found = TASK.decode(outputs(2), meaning(), {"image": (8, 8)})
    assert found["boxes"].tolist() == [[0, 0, 0.5, 0.5], [0.25, 0.25, 1, 1]]
    assert (found["classes"].tolist(), found["scores"].tolist()) == ([1, 0], pytest.approx([0.9, 0.8]))
    assert TASK.decode(outputs(0), meaning(), {"image": (8, 8)})["boxes"].shape == (0, 4)
    assert len(TASK.decode(outputs(None), meaning(), {"image": (8, 8)})["scores"]) == 3


def test_outputs_of_other_names_are_read_by_what_the_head_says() -> None:
    renamed = {NAMES[name]: value for name, value in outputs(2).items()}
    found = TASK.decode(renamed, meaning(head={"outputs": NAMES}), {"image": (8, 8)})
    assert found["scores"].tolist() == pytest.approx([0.9, 0.8])
    assert found["boxes"].tolist() == [[0, 0, 0.5, 0.5], [0.25, 0.25, 1, 1]]


def test_boxes_are_those_of_the_original_image() -> None:
    # By hand: 4 x 8 in a letterbox of 12 x 6 is 3 x 6, in rows 4 (of 4.5, rounded down) to 7.
    given = {
        "detection_boxes": np.array([[4 / 12, 0, 7 / 12, 1], [5 / 12, 1 / 6, 6 / 12, 3 / 6]], np.float32),
        "detection_classes": np.zeros(2, np.float32),
        "detection_scores": np.array([0.5, 0.25], np.float32),
    }
    found = TASK.decode(given, meaning(shape=(12, 6), aspect="letterbox"), {"image": (4, 8)})
    np.testing.assert_allclose(found["boxes"], [[0, 0, 1, 1], [1 / 3, 1 / 6, 2 / 3, 1 / 2]], atol=1e-6)
    assert found["scores"].tolist() == [0.5, 0.25]


def test_detections_of_all_images_stand_behind_each_other() -> None:
    seen = [rows((0.1, 0, 0.9), (0.2, 1, 0.8), (0.3, 2, 0.7)), rows(), rows((0.4, 2, 0.6))]
    found = TASK.collected(seen, meaning(("b", "zebra", "a")), ("a", "b", "c"))
    assert found["boxes"][:, 2].tolist() == pytest.approx([0.1, 0.3, 0.4])
    assert found["classes"].tolist() == [1, 0, 0]
    assert found["scores"].tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found["offsets"].tolist() == [0, 2, 2, 3]
    assert found["missing"].tolist() == ["c"]
    assert {name: value.dtype for name, value in found.items() if name != "missing"} == {
        "boxes": np.float32,
        "classes": np.int32,
        "scores": np.float32,
        "offsets": np.int64,
    }


def test_detections_on_data_without_classes_keep_the_models_own() -> None:
    found = TASK.collected([rows((0.1, 2, 0.9)), rows()], meaning(("a", "b", "c")), ())
    assert found["classes"].tolist() == [2]
    assert found["offsets"].tolist() == [0, 1, 1]
    assert "missing" not in found


@pytest.mark.parametrize("labels", [("a", "b"), ()])
def test_detections_of_a_class_that_no_label_names_are_left_out(labels: tuple[str, ...]) -> None:
    found = TASK.collected([rows((0.1, 1, 0.9), (0.2, 7, 0.8), (0.3, -1, 0.7))], meaning(labels), ("b", "c"))
    assert found["boxes"][:, 2].tolist() == pytest.approx([0.1] if labels else [])
    assert found["classes"].tolist() == ([0] if labels else [])
    assert found["offsets"].tolist() == ([0, 1] if labels else [0, 0])
    assert found["missing"].tolist() == (["c"] if labels else ["b", "c"])


def test_the_truth_is_every_object_of_every_sample() -> None:
    box = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    annotations = [
        Annotation(np.repeat(box, 2, axis=0), np.array([1, 0], np.int32)),
        Annotation(box[:0], np.zeros(0, np.int32)),
        Annotation(box, np.array([1], np.int32)),
    ]
    found = TASK.truth(annotations, ("a", "b"))
    assert found["labels"].tolist() == [1, 0, 1]
    assert found["offsets"].tolist() == [0, 2, 2, 3]
    assert found["names"].tolist() == ["a", "b"]
    assert found["boxes"].tolist() == np.repeat(box, 3, axis=0).tolist()


def test_every_object_is_said_the_surest_first() -> None:
    found = TASK.found(rows((0.5, 1, 0.25), (1.0, 0, 0.75)), meaning())
    assert found == [
        Answer(label="a", score=0.75, box=(0, 0, 1, 1)),
        Answer(label="b", score=0.25, box=(0, 0, 0.5, 0.5)),
    ]
    assert TASK.found(rows(), meaning()) == []
    assert [one.label for one in TASK.found(rows((0.5, 7, 0.25)), meaning(()))] == ["class 7"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((np.nan, 0, 0.5), "its boxes are not finite numbers"),
        ((0.5, 0, np.inf), "its scores are not finite numbers"),
        ((0.5, 2, 0.5), "class 2 of 2"),
        ((0.5, -1, 0.5), "class -1 of 2"),
    ],
)
def test_objects_that_say_nothing_are_refused(row: tuple[float, int, float], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        TASK.found(rows(row), meaning())


@pytest.mark.parametrize("nms", ["class_wise", "class_agnostic"])
def test_raw_outputs_are_decoded_and_suppressed_as_on_the_device(nms: Any) -> None:
    rng = np.random.default_rng(3)
    code = rng.normal(0, 1, (7, 4)).astype(np.float32)
    scores = rng.random((7, 2)).astype(np.float32)
    postprocess = Postprocess(max_detections=4, nms=nms, score_threshold=0.1, iou_threshold=0.4)
    finish = TASK.finisher(meaning(head={**HEAD, "postprocess": to_json(postprocess)}))
    found = finish({"box_encodings": code, "class_scores": scores})
    wanted = numpy_suppression.detections(code, scores, anchors([(2, 3), (1, 1)], OPTIONS), postprocess)
    np.testing.assert_allclose(found["detection_boxes"], wanted.boxes, atol=1e-5)
    assert found["detection_classes"].tolist() == wanted.classes.tolist()
    np.testing.assert_allclose(found["detection_scores"], wanted.scores, atol=1e-6)


def test_conversion_appends_suppression_with_its_anchors() -> None:
    tail = TASK.tail(meaning(head=HEAD))
    assert np.array_equal(tail.anchors, anchors([(2, 3), (1, 1)], OPTIONS))
    assert (tail.suppression.classes, tail.suppression.max_detections) == (2, 4)
    assert TASK.tail_shapes(meaning(head=HEAD)) == {
        "detection_boxes": (1, 4, 4),
        "detection_classes": (1, 4),
        "detection_scores": (1, 4),
        "num_detections": (1,),
    }


@pytest.mark.parametrize("head", [{}, HEAD, {"outputs": {}}, {"outputs": NAMES}, {**HEAD, "outputs": NAMES}])
def test_a_head_that_lay_in_a_file_is_taken(head: dict[str, Any]) -> None:
    Detection.check_head("head.", head)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in HEAD.items() if key != name}


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (without("feature_maps"), r"'head\.feature_maps' is missing"),
        (without("anchors"), r"'head\.anchors' is missing"),
        (without("postprocess"), r"'head\.postprocess' is missing"),
        ({**HEAD, "more": 1}, r"'head\.more' is unknown to this version of tflbuild"),
        ({**HEAD, "feature_maps": [[0, 3]]}, r"'head\.feature_maps' is \[\[0, 3\]\]"),
        ({**HEAD, "feature_maps": [[1, 2, 3]]}, r"'head\.feature_maps' is"),
        ({**HEAD, "feature_maps": [[60000, 60000]]}, r"'head\.feature_maps' is"),
        ({**HEAD, "anchors": {}}, r"'head\.anchors\.aspect_ratios' is missing"),
        ({**HEAD, "anchors": {"aspect_ratios": [0]}}, r"'head\.anchors\.aspect_ratios' is \[0\]"),
        ({**HEAD, "anchors": {"aspect_ratios": [1], "x": 1}}, r"'head\.anchors\.x' is unknown"),
        ({**HEAD, "anchors": []}, r"'head\.anchors' is \[\]"),
        ({**HEAD, "postprocess": {"nms": 1}}, r"'head\.postprocess\.nms' is 1"),
        ({**HEAD, "postprocess": {"max_detections": 1001}}, r"'head\.postprocess\.max_detections' is 1001"),
        ({"outputs": ["x"]}, r"'head\.outputs' is \['x'\]"),
        ({"outputs": {"detection_boxes": 0}}, r"'head\.outputs' is \{'detection_boxes': 0\}"),
        ({"outputs": NAMES, "anchors": {"min_scale": 2}}, r"'head\.anchors\.aspect_ratios' is missing"),
        ({"scores": "softmax"}, r"'head\.feature_maps' is missing"),
    ],
)
def test_a_head_of_something_else_is_refused(head: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Detection.check_head("head.", head)


@pytest.mark.slow
def test_a_batch_is_compared_with_the_anchors_of_its_meaning() -> None:
    box = anchors([(2, 3), (1, 1)], OPTIONS)[6]
    corners = np.concatenate([box[:2] - box[2:] / 2, box[:2] + box[2:] / 2])[None]
    batch = Batch(np.zeros((1, 8, 8, 3), np.uint8), [corners], [np.array([1], np.int32)])
    codes, code, labels = TASK.targeting(meaning(head=HEAD))(batch)
    assert codes is batch.codes
    assert labels.tolist() == [[-1, -1, -1, -1, -1, -1, 1]]
    np.testing.assert_allclose(code[0, 6], np.zeros(4), atol=1e-5)
