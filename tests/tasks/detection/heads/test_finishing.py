"""What is grafted onto a file whose raw outputs a head reads."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tflbuild.core.meaning import Meaning
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tasks.detection.heads.finishing import finish_file
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph

ANCHORS = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]]
X = np.array([[[1, 2, 3, 4], [5, 6, 7, 8]]], np.float32) / 8


def ssd(suppression: str, **options: Any) -> tuple[Graph, Meaning, tuple[str, str, str]]:
    """Give a detector with two anchors, an output that gives them a little rounded, and what it means."""
    made = Assembly({"x": (1, 2, 4)})
    boxes, scores = made.unary("TANH", "x"), made.unary("LOGISTIC", made.part("x", 0, 3))
    rounded = np.round(np.array(ANCHORS, np.float32) * 4) / 4
    anchors = made.binary("ADD", made.binary("MUL", "x", 0.0), rounded[None])
    names = (boxes, scores, anchors)
    head = {
        "name": "ssd",
        "options": {"boxes": boxes, "scores": scores, "anchors": ANCHORS, "activation": "none", **options},
        "classes": 3,
        "raw": {name: made.shape(name) for name in names},
        "picture": [8, 8],
        "postprocess": asdict(Postprocess()),
        "suppression": suppression,
    }
    meaning = Meaning.of_image(task="detection", height=8, width=8, labels=("a", "b", "c"), preprocess={})
    return Graph.unpacked(made.content(names)), replace(meaning, head=head), names


def run(graph: Graph) -> dict[str, np.ndarray]:
    interpreter = Interpreter(model_content=graph.packed())
    interpreter.allocate_tensors()
    return dict(interpreter.get_signature_runner()(x=X))


def test_constant_outputs_of_a_file_for_its_caller_are_its_exact_values() -> None:
    graph, meaning, (boxes, scores, anchors) = ssd("caller")
    meaning.head["options"]["anchors_output"] = anchors
    assert finish_file(graph, meaning) is meaning
    found = run(graph)
    assert set(found) == {boxes, scores, anchors}
    np.testing.assert_array_equal(found[anchors], np.array([ANCHORS], np.float32))
    np.testing.assert_allclose(found[boxes], np.tanh(X), rtol=1e-5)
    np.testing.assert_allclose(found[scores], 1 / (1 + np.exp(-X[..., :3])), rtol=1e-5)


def test_a_file_for_its_caller_without_constant_outputs_stays_as_it_is() -> None:
    graph, meaning, _ = ssd("caller")
    kinds = [graph.kind(one) for one in graph.operators]
    assert finish_file(graph, meaning) is meaning
    assert [graph.kind(one) for one in graph.operators] == kinds


def test_a_file_that_suppresses_itself_holds_its_anchors_and_not_its_meaning() -> None:
    graph, meaning, (boxes, scores, anchors) = ssd("file")
    meaning.head["options"]["anchors_output"] = anchors
    left = finish_file(graph, meaning)
    assert left.head["options"] == {
        "boxes": boxes,
        "scores": scores,
        "activation": "none",
        "anchors_output": anchors,
    }
    found = run(graph)
    assert set(found) == {"detection_boxes", "detection_classes", "detection_scores", "num_detections"}
    # By hand: the surest is class 2 of the second anchor, sigmoid(7 / 8); code tanh(x) by scales of 10 and 5.
    code = np.tanh(X[0, 1].astype(np.float64)) / (10, 10, 5, 5)
    anchor = np.array(ANCHORS[1])
    centre, side = anchor[:2] + code[:2] * anchor[2:], np.exp(code[2:]) * anchor[2:]
    np.testing.assert_allclose(
        found["detection_boxes"][0, 0], [*(centre - side / 2), *(centre + side / 2)], rtol=1e-4
    )
    assert found["detection_classes"][0, 0] == 2
    np.testing.assert_allclose(found["detection_scores"][0, 0], 1 / (1 + np.exp(-7 / 8)), rtol=1e-5)
