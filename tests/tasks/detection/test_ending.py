"""The suppression that a detector's file ends in, read and taken over from another model."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.meaning import Meaning
from tflbuild.tasks.detection.ending import end_as, ending
from tflbuild.tflite.assemble import assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

ANCHORS = np.array([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]], np.float32)
PLAIN = Meaning.of_image(task="detection", height=8, width=8, labels=("a", "b"), preprocess={})
OWN = {"score_threshold": 0.125, "iou_threshold": 0.5, "max_detections": 2, "class_wise": True}


def graph() -> Graph:
    options = SuppressionOptions(
        classes=2,
        box_scales=(1, 1, 1, 1),
        max_detections=2,
        class_wise=True,
        score_threshold=0.125,
        iou_threshold=0.5,
    )
    tensors = {"box_encodings": (1, 2, 4), "class_scores": (1, 2, 2), "anchors": ANCHORS, **output_shapes(2)}
    step = suppression(["box_encodings", "class_scores", "anchors"], options)
    return Graph.unpacked(assemble(tensors, [step], ["box_encodings", "class_scores"], OUTPUTS))


def kept(made: Graph, scores: list[float]) -> int:
    """Count the detections of two boxes far apart, of class a."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=made.packed())
    interpreter.allocate_tensors()
    given = {"box_encodings": np.zeros((1, 2, 4), np.float32)}
    given["class_scores"] = np.array([[[scores[0], 0], [scores[1], 0]]], np.float32)
    return int(interpreter.get_signature_runner()(**given)["num_detections"][0])


def test_a_files_own_operator_says_how_it_suppresses() -> None:
    found = ending(PLAIN, graph())
    assert found == {name: pytest.approx(value) for name, value in OWN.items()}


def test_a_model_that_is_no_file_yet_says_it_in_its_head() -> None:
    said = {"score_threshold": 0.3, "iou_threshold": 0.6, "max_detections": 7, "nms": "fast"}
    meaning = Meaning.of_image(
        task="detection", height=8, width=8, labels=("a",), preprocess={}, detector={"postprocess": said}
    )
    wanted = {"score_threshold": 0.3, "iou_threshold": 0.6, "max_detections": 7, "class_wise": False}
    assert ending(meaning, None) == wanted
    assert ending(PLAIN, None) == {}


def test_a_file_suppresses_as_another_model_does() -> None:
    made = graph()
    assert kept(made, [0.9, 0.2]) == 2
    assert end_as(made, {**OWN, "score_threshold": 0.5})
    assert ending(PLAIN, made)["score_threshold"] == pytest.approx(0.5)
    assert kept(made, [0.9, 0.2]) == 1
    assert end_as(made, {**OWN, "score_threshold": 0.125, "max_detections": 1})
    assert kept(made, [0.9, 0.2]) == 1


def test_a_file_that_suppresses_so_already_stays_as_it_is() -> None:
    made = graph()
    before = made.packed()
    assert not end_as(made, OWN)
    assert not end_as(made, {})
    assert made.packed() == before
