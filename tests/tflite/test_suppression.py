"""The operator `TFLite_Detection_PostProcess` by itself, against its description in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from flatbuffers import flexbuffers

import numpy_suppression as reference
from tflbuild.tasks.detection.detector import BOX_SCALES, Postprocess
from tflbuild.tflite.suppression import SuppressionOptions, Suppressor, output_shapes, suppression


def made(anchors: np.ndarray, classes: int, options: Postprocess) -> Suppressor:
    return Suppressor(
        anchors,
        SuppressionOptions(
            classes=classes,
            box_scales=BOX_SCALES,
            max_detections=options.max_detections,
            class_wise=options.nms == "class_wise",
            score_threshold=options.score_threshold,
            iou_threshold=options.iou_threshold,
        ),
    )


@pytest.mark.parametrize("nms", ["class_wise", "class_agnostic"])
@pytest.mark.parametrize("seed", range(4))
def test_the_operator_does_what_numpy_does(nms: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    anchors = np.concatenate([rng.uniform(0.2, 0.8, (80, 2)), rng.uniform(0.1, 0.5, (80, 2))], 1).astype("f")
    encodings = rng.normal(0, 1, (80, 4)).astype(np.float32)
    scores = rng.uniform(0, 0.5, (80, 3)).astype(np.float32)
    options = Postprocess(max_detections=20, nms=nms, score_threshold=0.2, iou_threshold=0.5)  # type: ignore[arg-type]
    found = made(anchors, 3, options).run(encodings, scores)
    wanted = reference.detections(encodings, scores, anchors, options)
    assert len(wanted.scores) > 5
    assert found["detection_classes"].tolist() == wanted.classes.tolist()
    assert found["detection_scores"] == pytest.approx(wanted.scores, abs=1e-6)
    assert found["detection_boxes"] == pytest.approx(wanted.boxes, abs=1e-5)


def test_nothing_found_is_no_entry() -> None:
    anchors = np.array([[0.5, 0.5, 0.2, 0.2]], np.float32)
    found = made(anchors, 2, Postprocess()).run(np.zeros((1, 4), "f"), np.zeros((1, 2), "f"))
    assert {name: len(value) for name, value in found.items()} == {
        "detection_boxes": 0,
        "detection_classes": 0,
        "detection_scores": 0,
    }


def test_options_reach_the_operator_by_its_own_names() -> None:
    options = SuppressionOptions(
        classes=7,
        box_scales=(1.0, 2.0, 3.0, 4.0),
        max_detections=9,
        class_wise=True,
        score_threshold=0.25,
        iou_threshold=0.75,
    )
    wanted = {  # names as in lite/kernels/detection_postprocess.cc
        "max_detections": 9,
        "max_classes_per_detection": 1,
        "detections_per_class": 9,
        "num_classes": 7,
        "use_regular_nms": True,
        "nms_score_threshold": 0.25,
        "nms_iou_threshold": 0.75,
        "y_scale": 1.0,
        "x_scale": 2.0,
        "h_scale": 3.0,
        "w_scale": 4.0,
    }
    step = suppression(["boxes", "scores", "anchors"], options)
    found = flexbuffers.Loads(step.custom_options)
    assert found == wanted
    assert {name: type(value) for name, value in found.items()} == {k: type(v) for k, v in wanted.items()}
    assert (step.inputs, step.custom) == (["boxes", "scores", "anchors"], "TFLite_Detection_PostProcess")
    assert step.outputs == ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]


def test_outputs_have_their_shapes() -> None:
    assert output_shapes(9) == {
        "detection_boxes": (1, 9, 4),
        "detection_classes": (1, 9),
        "detection_scores": (1, 9),
        "num_detections": (1,),
    }
