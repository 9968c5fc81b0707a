"""The time left by the rate of recent progress."""

from __future__ import annotations

import pytest

from tflbuild.show.rate import Rate


@pytest.mark.parametrize(
    ("seconds", "done", "total", "left"),
    [
        (5.0, 2, 100, 245.0),  # 98 to go at 2 in 5 s
        (4.9, 2, 100, None),
        (5.0, 1.9, 100, None),
        (10.0, 100, 100, 0.0),
        (10.0, 120, 100, 0.0),
        (10.0, 10, 0, None),
    ],
)
def test_the_time_left_needs_five_seconds_and_a_fiftieth(
    seconds: float, done: float, total: float, left: float | None
) -> None:
    rate = Rate()
    assert rate.left(1000.0) is None
    rate.went_on(1000.0, 0, total)
    rate.went_on(1000.0 + seconds, done, total)
    assert rate.left(1000.0 + seconds) == (None if left is None else pytest.approx(left))


def test_what_was_done_before_is_not_credited() -> None:
    rate = Rate()
    rate.went_on(1000, 500, 1000)
    rate.went_on(1010, 600, 1000)
    assert rate.left(1010) == pytest.approx(40)
    rate.went_on(1010, 10, 1000)
    assert rate.left(1010) is None, "something else starts over"
    rate.went_on(1020, 20, 2000)
    assert rate.left(1020) is None, "another length"


def test_only_recent_progress_counts() -> None:
    """A hundred slow steps, then fast ones: after half a minute the slow ones are forgotten."""
    rate = Rate()
    for second in range(101):
        rate.went_on(second, second, 10_000)
    assert rate.left(100) is None, "a hundredth is too little"
    for second in range(101, 141):
        rate.went_on(second, 100 + 10 * (second - 100), 10_000)
    assert rate.left(140) == pytest.approx((10_000 - 500) / 10, rel=0.05)


def test_progress_that_stalls_makes_the_time_left_grow() -> None:
    rate = Rate()
    for second in range(11):
        rate.went_on(second, 10 * second, 200)
    assert rate.left(10) == pytest.approx(10)
    assert rate.left(30) == pytest.approx(30)
