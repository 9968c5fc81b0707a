"""A detector's facts, read as anchors and as options of its final operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.core.meaning import Meaning
from tflbuild.core.options import to_json
from tflbuild.tasks.detection.anchors import AnchorOptions
from tflbuild.tasks.detection.boxes import decode
from tflbuild.tasks.detection.decoding import anchors_of, suppression_of
from tflbuild.tasks.detection.detector import BOX_SCALES, Postprocess


def facts(**postprocess: Any) -> Meaning:
    options = AnchorOptions(
        min_scale=0.3, max_scale=0.5, aspect_ratios=(4.0,), extra_square=False, reduced_finest=False
    )
    return Meaning.of_image(
        task="detection",
        height=96,
        width=64,
        labels=("a", "b", "c"),
        preprocess={},
        detector={
            "feature_maps": [[1, 2], [1, 1]],
            "anchors": to_json(options),
            "postprocess": postprocess,
        },
    )


def test_anchors_follow_from_the_facts() -> None:
    # By hand: 4:1 at a scale of 0.3 is 0.15 high and 0.6 wide; at 0.5 it is 0.25 x 1.
    wanted = [[0.5, 0.25, 0.15, 0.6], [0.5, 0.75, 0.15, 0.6], [0.5, 0.5, 0.25, 1.0]]
    np.testing.assert_allclose(anchors_of(facts()), wanted, atol=1e-6)


def test_every_option_of_the_final_operator_follows_from_the_facts() -> None:
    given = {"max_detections": 7, "nms": "class_agnostic", "score_threshold": 0.25, "iou_threshold": 0.75}
    options = suppression_of(facts(**given))
    assert (options.classes, options.max_detections, options.class_wise) == (3, 7, False)
    assert (options.score_threshold, options.iou_threshold) == (0.25, 0.75)
    assert options.box_scales == (10.0, 10.0, 5.0, 5.0)  # as the TensorFlow Object Detection API has them
    assert suppression_of(facts(nms="class_wise")).class_wise


def test_a_detector_that_says_nothing_keeps_a_hundred_boxes_class_by_class() -> None:
    options = suppression_of(facts())
    assert (options.max_detections, options.class_wise) == (100, True)
    assert (options.score_threshold, options.iou_threshold) == (0.01, 0.6)


def test_postprocess_options_survive_json() -> None:
    options = Postprocess(max_detections=3, nms="class_agnostic", score_threshold=0.5, iou_threshold=0.9)
    assert Postprocess.of(to_json(options)) == options


@pytest.mark.parametrize(
    ("missing", "default"),
    [("min_scale", 0.2), ("max_scale", 0.95), ("extra_square", True), ("reduced_finest", True)],
)
def test_default_anchors_are_those_of_the_object_detection_api(missing: str, default: object) -> None:
    given = to_json(AnchorOptions(min_scale=0.4, max_scale=0.5, extra_square=False, reduced_finest=False))
    del given[missing]
    assert getattr(AnchorOptions.of(given), missing) == default


def test_the_operator_decodes_as_training_codes() -> None:
    """Of a code of (1, 2, 5 log 2, 5 log 1/2) both make the same box; that of `decode` is checked by hand."""
    from tflbuild.tflite.suppression import Suppressor

    anchors = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    code = np.array([[BOX_SCALES[0] / 10, 2, 5 * np.log(2), -5 * np.log(2)]], np.float32)
    found = Suppressor(anchors, suppression_of(facts(max_detections=1))).run(
        code, np.array([[0.1, 0.9, 0.2]], np.float32)
    )
    np.testing.assert_allclose(found["detection_boxes"][0], decode(code, anchors)[0], atol=1e-6)
    assert found["detection_classes"].tolist() == [1]
