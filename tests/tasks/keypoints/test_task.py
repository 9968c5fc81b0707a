"""Keypoints: from heatmaps to points, answers and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pictures import meaning_of
from tflbuild.core.disagreement import MODEL, Compared
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.keypoints.comparing import disagreement
from tflbuild.tasks.keypoints.task import Keypoints

TASK = Keypoints()


def meaning(*labels: str, **preprocess: Any) -> Meaning:
    return meaning_of("keypoints", labels, head={"grid": [8, 8]}, **preprocess)


def maps_at(*cells: tuple[int, int]) -> np.ndarray:
    maps = np.full((8, 8, len(cells)), -30.0, np.float32)
    for place, (row, column) in enumerate(cells):
        maps[row, column, place] = 30.0
    return maps


def test_points_are_in_shares_of_the_picture_as_it_was_given() -> None:
    said = meaning("nose", "tail")
    ((name, given),) = said.inputs.items()
    found = TASK.decode({"heatmaps": maps_at((0, 0), (4, 7))}, said, {name: (30, 50)})
    assert given.shape[:2] != (30, 50)
    assert found["points"] == pytest.approx(np.array([[0.5 / 8, 0.5 / 8], [4.5 / 8, 7.5 / 8]]), abs=1e-6)
    assert found["sure"] == pytest.approx([1.0, 1.0])
    answers = TASK.found(found, said)
    assert [(one.label, one.point) for one in answers][1] == ("tail", pytest.approx((4.5 / 8, 7.5 / 8)))


def test_points_are_matched_with_those_of_the_data_by_name() -> None:
    rows = [
        {"points": np.array([[0.1, 0.2], [0.3, 0.4]], np.float32), "sure": np.array([0.5, 0.6], np.float32)}
    ]
    found = TASK.collected(rows, meaning("b", "a"), ("a", "b", "c"))
    assert found["points"][0, :2].tolist() == pytest.approx(np.float32([[0.3, 0.4], [0.1, 0.2]]))
    assert np.isnan(found["points"][0, 2]).all()
    assert found["sure"][0].tolist() == pytest.approx([0.6, 0.5, 0.0])
    assert found["missing"].tolist() == ["c"]


def annotation() -> Annotation:
    rows = [(0.5, 0.25, 2, 0.026), (0, 0, 0, 0.05), (40, 80, 900, 0), (0, 0, 1, 1)]
    return Annotation(np.array([[0.1, 0.2, 0.9, 0.8]], np.float32), np.array(rows, np.float64))


def test_the_truth_has_what_coco_asks_for() -> None:
    found = TASK.truth([annotation(), annotation()], ("nose", "tail"))
    assert found["points"].shape == (2, 2, 2)
    assert found["visible"].tolist() == [[2, 0]] * 2
    assert found["sigmas"].tolist() == [[0.026, 0.05]] * 2
    assert (found["sizes"].tolist(), found["areas"].tolist()) == ([[40, 80]] * 2, [900, 900])


def test_points_are_drawn_where_they_are() -> None:
    picture = np.zeros((90, 180, 3), np.uint8)
    answers = TASK.found({"points": np.array([[0.5, 0.25]]), "sure": np.array([1.0])}, meaning("nose"))
    drawn = TASK.draw(picture, answers)
    rows, columns = np.nonzero(drawn.max(axis=2))
    assert (rows.mean(), columns.mean()) == pytest.approx((45, 45), abs=0.6)
    assert TASK.draw(np.zeros(4), answers) is None


def test_two_models_differ_where_a_marked_point_is_apart() -> None:
    truth = TASK.truth([annotation()] * 3, ("nose", "tail"))
    base = {"points": np.full((3, 2, 2), 0.5), "sure": np.ones((3, 2))}
    model = {"points": base["points"].copy(), "sure": np.ones((3, 2))}
    model["points"][1, 0, 1] += 0.2  # 0.2 / sqrt(2) of the diagonal
    model["points"][2, 1] += 0.4  # of a point that is not marked
    found = disagreement(Compared(base, model, truth, ("nose", "tail")))
    assert found.distances == pytest.approx([0, 0.2 / 2**0.5, 0])
    assert found.differ.tolist() == [False, True, False]
    said = found.said(1)
    assert said.note == "nose is 14.1% of the diagonal apart"
    assert said.truth is not None
    assert [one.label for one in said.truth] == ["nose"]
    assert said.alone == {"base": (0,), MODEL: (0,)}
