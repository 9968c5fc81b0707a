"""The time left of a sweep, by a clock that is set."""

from __future__ import annotations

import pytest

from tflbuild.sweep import pace as module
from tflbuild.sweep.pace import Pace


class Clock:
    """Seconds that pass by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_of_a_sweep_that_nobody_timed_nothing_is_said_before_a_job_has_ended(clock: Clock) -> None:
    pace = Pace([None, None, None, None], 4)
    clock.now = 100
    assert pace.left() is None
    pace.end(0)
    assert pace.left() == 300
    clock.now = 160
    pace.end(2)
    assert pace.left() == 160


def test_jobs_that_end_at_once_say_nothing(clock: Clock) -> None:
    pace = Pace([None, None], 2)
    clock.now = 1
    pace.end(0)
    assert pace.left() is None


def test_what_earlier_builds_took_is_known_from_the_start(clock: Clock) -> None:
    """The first job trains for the others; two run at once."""
    pace = Pace([100.0, 10.0, 10.0], 3, parallel=2)
    assert pace.left() == 60
    clock.now = 20
    assert pace.left() == 40
    clock.now = 150
    pace.end(0)
    assert pace.left() == pytest.approx(150 * 15 / 105), (
        "half as long again as it did; one of the two is half done"
    )


def test_of_jobs_that_run_beside_one_another_half_is_done(clock: Clock) -> None:
    pace = Pace([None, None], 2, parallel=2)
    clock.now = 83
    pace.end(0)
    assert pace.left() == pytest.approx(83 / 1.5 * 0.5)
    pace.end(1)
    assert pace.left() == 0


def test_a_search_whose_trials_are_not_chosen_yet_goes_by_its_rate(clock: Clock) -> None:
    pace = Pace([10.0, 10.0], 20)
    clock.now = 10
    assert pace.left() is None
    pace.end(0)
    assert pace.left() == 190


def test_a_job_from_the_store_says_little_of_those_that_run(clock: Clock) -> None:
    """It took ten times what was expected of it, which is seconds of a sweep of minutes."""
    pace = Pace([0.5, 160.0], 2)
    clock.now = 5
    pace.end(0)
    left = pace.left()
    assert left is not None
    assert 160 <= left < 210
