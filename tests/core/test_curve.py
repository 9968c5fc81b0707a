"""The curve of a training: thinned, kept and read back."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.curve import HELD, KEPT, NOTE, Curve, Point, curve_of, points_of


def curve(count: int) -> dict[str, list[Any]]:
    made = Curve()
    for step in range(1, count + 1):
        made.add(Point(step, 1 / step, 0.1, None if step == 1 else 50.0, step / 10))
    found = made.to_json()
    assert found is not None
    return found


def test_a_pass_that_does_not_train_has_none() -> None:
    assert Curve().to_json() is None
    assert curve_of({}) is None
    assert points_of(None) == []


@pytest.mark.parametrize("count", [1, KEPT, KEPT + 1, 3 * KEPT, HELD, HELD + 1, 5 * HELD])
def test_at_most_two_hundred_points_are_kept_the_first_and_a_late_one_among_them(count: int) -> None:
    steps = curve(count)["step"]
    assert len(steps) == min(count, KEPT)
    assert steps == sorted(set(steps))
    assert steps[0] == 1
    assert steps[-1] >= count - (0 if count <= HELD else 32)


def test_what_is_kept_is_read_back_and_what_is_no_curve_is_left_alone() -> None:
    found = curve(3)
    assert curve_of({NOTE: found}) == found
    assert points_of(found)[0] == Point(1, 1.0, 0.1, None, 0.1)
    for broken in ("a note of a plugin", [], {"step": [1]}, {**found, "loss": ["x", 1, 2]}):
        assert curve_of({NOTE: broken}) is None
