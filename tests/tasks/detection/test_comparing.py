"""How far two detectors are apart, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.core.disagreement import BASE, MODEL, Compared
from tflbuild.tasks.detection.comparing import disagreement

LEFT, RIGHT = (0.0, 0.0, 0.4, 0.4), (0.0, 0.6, 0.4, 1.0)
NEAR_LEFT = (0.0, 0.0, 0.4, 0.3)  # 0.75 of LEFT
HALF_LEFT = (0.0, 0.0, 0.4, 0.19)  # less than half of it

Row = tuple[tuple[float, ...], int, float]


def rows(*images: list[Row]) -> dict[str, Any]:
    every = [row for image in images for row in image]
    return {
        "boxes": np.array([box for box, _, _ in every], np.float32).reshape(-1, 4),
        "classes": np.array([label for _, label, _ in every], np.int32),
        "scores": np.array([score for _, _, score in every], np.float32),
        "offsets": np.cumsum([0, *(len(image) for image in images)]),
    }


def compared(base: list[Row], model: list[Row], truth: list[Row] | None = None) -> Any:
    known = {}
    if truth is not None:
        found = rows(truth)
        known = {"boxes": found["boxes"], "labels": found["classes"], "offsets": found["offsets"]}
    return disagreement(Compared(base=rows(base), model=rows(model), truth=known, labels=("a", "b")))


@pytest.mark.parametrize(
    ("base", "model", "distance", "alone"),
    [
        ([(LEFT, 0, 0.9)], [(LEFT, 0, 0.9)], 0.0, ((), ())),
        ([(LEFT, 0, 0.9)], [(NEAR_LEFT, 0, 0.7)], 0.2, ((), ())),
        ([(LEFT, 0, 0.9)], [(HALF_LEFT, 0, 0.9)], 1.8, ((0,), (0,))),
        ([(LEFT, 0, 0.9)], [(LEFT, 1, 0.9)], 1.8, ((0,), (0,))),
        ([(LEFT, 0, 0.9)], [], 0.9, ((0,), ())),
        ([], [(LEFT, 0, 0.9)], 0.9, ((), (0,))),
        ([(LEFT, 0, 0.9)], [(LEFT, 0, 0.4)], 0.5, ((0,), ())),
        ([(LEFT, 0, 0.31)], [(LEFT, 0, 0.29)], 0.02, ((), ())),
        ([(LEFT, 0, 0.29)], [(LEFT, 0, 0.31)], 0.02, ((), ())),
        ([(LEFT, 0, 0.9), (RIGHT, 0, 0.2)], [(LEFT, 0, 0.9)], 0.0, ((), ())),
        ([(LEFT, 0, 0.9), (LEFT, 0, 0.8)], [(LEFT, 0, 0.9)], 0.8, ((1,), ())),
        ([(RIGHT, 0, 0.4), (LEFT, 0, 0.9)], [(LEFT, 0, 0.9)], 0.4, ((1,), ())),
    ],
)
def test_a_distance_is_how_far_scores_are_off_for_what_either_finds(
    base: list[Row], model: list[Row], distance: float, alone: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    found = compared(base, model)
    assert found.distances == pytest.approx([distance], abs=1e-6)
    assert found.said(0).alone == {BASE: alone[0], MODEL: alone[1]}
    assert found.differ.tolist() == [bool(alone[0] or alone[1])]


def test_what_is_found_surely_is_shown_the_surest_first_and_objects_are_counted() -> None:
    base: list[Row] = [(RIGHT, 1, 0.5), (LEFT, 0, 0.9), (RIGHT, 0, 0.1)]
    found = compared(base, [(LEFT, 0, 0.8)], [(NEAR_LEFT, 0, 1.0), (RIGHT, 1, 1.0)])
    said = found.said(0)
    assert [(one.label, round(one.score, 2)) for one in said.base] == [("a", 0.9), ("b", 0.5)]
    assert [one.label for one in said.truth] == ["a", "b"]
    assert said.note == "of 2 objects the base finds 2, the delivered file 1"
    one = compared(base, base, [(NEAR_LEFT, 0, 1.0)])
    assert one.said(0).note.startswith("of 1 object the base finds 1")
    assert said.base[1].box == pytest.approx(RIGHT)
    assert compared(base, []).said(0).note == "2 found by the base, 0 by the delivered file"


def test_of_models_that_are_never_sure_half_the_best_score_is_enough() -> None:
    found = compared([(LEFT, 0, 0.2), (RIGHT, 0, 0.09)], [(LEFT, 0, 0.2)])
    assert [round(one.score, 2) for one in found.said(0).base] == [0.2]


def test_pictures_are_kept_apart_and_nothing_found_is_no_distance() -> None:
    base, model = rows([(LEFT, 0, 0.9)], [], [(LEFT, 0, 0.9)]), rows([], [(LEFT, 0, 0.7)], [(LEFT, 0, 0.9)])
    found = disagreement(Compared(base=base, model=model, truth={}, labels=("a",)))
    assert found.distances == pytest.approx([0.9, 0.7, 0.0])
    empty = disagreement(Compared(base=rows([]), model=rows([]), truth={}, labels=("a",)))
    assert empty.distances.tolist() == [0.0]


def test_a_score_that_is_no_number_is_none() -> None:
    found = compared([(LEFT, 0, float("nan"))], [(LEFT, 0, 0.9)])
    assert found.distances == pytest.approx([0.9])


def row(place: int) -> tuple[float, ...]:
    return (0.0, place / 100, 0.4, place / 100 + 0.01)


def test_of_very_many_detections_those_of_one_model_are_shown_before_the_surest_and_all_are_counted() -> None:
    base: list[Row] = [(row(k), 0, 0.9 - k / 1000) for k in range(40)]
    model: list[Row] = [one for k, one in enumerate(base) if k not in (5, 39)]
    said = compared(base, model).said(0)
    # By hand: 14 that both find, from 0.9 down, and the two that the other lacks, 0.895 and 0.861.
    kept = [0.9 - k / 1000 for k in [*range(15), 39]]
    assert [one.score for one in said.base] == pytest.approx(kept, abs=1e-6)
    assert said.alone == {BASE: (5, 15), MODEL: ()}
    assert len(said.model) == 16
    assert said.note == "40 found by the base, 38 by the delivered file"
