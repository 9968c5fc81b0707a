"""The time left of a build, with passes that only take time."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tflbuild.engine.events import Event
from tflbuild.show.time_left import TimeLeft


class Made:
    """A build that goes on by hand.

    Args:
        expected: seconds of each step, None for what nobody knows.
        delivery: seconds behind the last.
    """

    def __init__(
        self,
        *expected: float | None,
        delivery: float | None = 10.0,
        tail: float = 2.0,
        loading: float | None = None,
    ) -> None:
        self.now = 0.0
        self.left = TimeLeft()
        labels = [f"step{number}" for number in range(len(expected))]
        steps = [
            {"label": label, "status": "RUN", "about_seconds": seconds, "about_tail_seconds": tail}
            for label, seconds in zip(labels, expected, strict=True)
        ]
        self.tell("plan", steps=steps, about_delivery_seconds=delivery, about_loading_seconds=loading)

    def tell(self, kind: str, **fields: Any) -> None:
        self.left(Event(kind, fields, time=self.now))

    def seconds(self) -> float | None:
        return self.left.left(self.now)

    def run(self, label: str, seconds: float, *, cached: bool = False) -> None:
        self.tell("pass_started", label=label)
        self.now += seconds
        self.tell("pass_ended", label=label, cached=cached)


def test_nothing_is_said_before_there_is_a_plan_or_where_a_step_is_new() -> None:
    assert TimeLeft().left(0.0) is None
    assert Made(100.0, None).seconds() is None
    assert Made(100.0, 50.0, delivery=None).seconds() is None


def test_at_first_it_takes_as_long_as_before() -> None:
    made = Made(100.0, 50.0)
    assert made.seconds() == 160
    made.tell("pass_started", label="step0")
    made.now += 30
    assert made.seconds() == 130
    made.now += 200
    assert made.seconds() == 60, "it cannot be over before what comes behind it"


def test_a_build_that_goes_slower_than_before_takes_longer() -> None:
    made = Made(100.0, 50.0)
    made.run("step0", 200.0)
    slow = (200 + 5) / (100 + 5)
    assert made.seconds() == pytest.approx(60 * slow)
    made.run("step1", 100.0)
    assert made.seconds() == pytest.approx(10 * 305 / 155)
    made.now += 5
    assert made.seconds() == pytest.approx(10 * 305 / 155 - 5)
    made.now += 100
    assert made.seconds() == 0


@pytest.mark.parametrize(
    ("took", "slow"), [(9.0, 1.0), (24.0, 1.5), (3.0, (4 / 10) ** 0.5), (15.0, 1.6**0.5)]
)
def test_the_first_import_tells_how_fast_the_machine_is_today(took: float, slow: float) -> None:
    """Half of what it says, within bounds, and nothing any more once a pass has told more."""
    made = Made(100.0, 50.0, loading=9.0)
    made.tell("pass_started", label="step0")
    made.tell("doing", label="", text="loading TensorFlow")
    made.now += took
    made.tell("doing", label="", text="")
    assert made.seconds() == pytest.approx(160 * slow - took)
    made.now = 100.0
    made.tell("pass_ended", label="step0", cached=False)
    assert made.seconds() == pytest.approx(60)


def test_a_step_that_was_in_the_store_after_all_says_nothing_of_the_speed() -> None:
    made = Made(100.0, 50.0)
    made.run("step0", 0.1, cached=True)
    assert made.seconds() == 60


def test_the_rate_of_a_training_counts_more_than_what_it_took_before() -> None:
    made = Made(100.0, 50.0, tail=5.0)
    made.tell("pass_started", label="step0")
    for second in range(21):
        made.now = float(second)
        made.tell("training", label="step0", step=second, total=1000)
        made.tell("progress", label="step0", done=5.0 * second, total=1000, note="")
    slow = (20 + 180 + 5 + 5) / (100 + 5)
    assert made.seconds() == pytest.approx(180 + 5 * slow + (50 + 10) * slow, rel=0.01)
    assert made.left.of_step("step0", made.now) == pytest.approx(180)
    made.tell("measuring", what="map")
    assert made.left.of_step("step0", made.now) is None


def test_progress_of_other_passes_is_one_of_several_stretches() -> None:
    """Quantizing tells of calibration, then of layers: a stretch that is nearly over says nothing of the rest."""
    made = Made(100.0)
    made.tell("pass_started", label="step0")
    for second in range(11):
        made.now = float(second)
        made.tell("progress", label="step0", done=9.0 * second, total=100, note="")
    assert made.seconds() == 100 + 10 - 10


def test_the_whole_never_takes_less_than_the_stretch_that_is_at_work() -> None:
    made = Made(20.0)
    made.tell("pass_started", label="step0")
    for done in range(10):
        made.now += 2.0
        made.tell("progress", label="step0", done=done, total=100, note="")
    of_step, whole = made.left.of_step("step0", made.now), made.seconds()
    assert of_step is not None
    assert whole is not None
    assert of_step > 100
    assert whole >= of_step


def test_what_a_fallback_tries_belongs_to_its_step() -> None:
    made = Made(100.0, 50.0)
    made.tell("pass_started", label="step0")
    made.now += 60
    made.tell("pass_started", label="gentle")
    made.now += 20
    made.tell("pass_ended", label="gentle", cached=False)
    assert made.seconds() == 80
    made.now += 20
    made.tell("pass_ended", label="step0", cached=False)
    assert made.seconds() == pytest.approx(60)


def test_the_total_after_ten_seconds_is_within_a_third_in_eight_of_ten_builds() -> None:
    """Ten repeated builds on a machine that is up to a fifth slower or faster, step by step, than when it was timed."""
    draw = random.Random(5)
    good = 0
    for _ in range(10):
        took = [seconds * draw.uniform(0.8, 1.2) for seconds in (40.0, 25.0, 6.0, 30.0)]
        made = Made(40.0, 25.0, 6.0, 30.0)
        made.tell("pass_started", label="step0")
        for second in range(4, 11):
            made.now = float(second)
            made.tell("training", label="step0", step=second, total=1000)
            made.tell(
                "progress", label="step0", done=1000 * (second - 4) / (took[0] - 6), total=1000, note=""
            )
        total = made.now + (made.seconds() or 0.0)
        good += abs(total - (sum(took) + 10)) <= 0.3 * (sum(took) + 10)
    assert good >= 8


def test_nothing_is_said_while_a_fallback_runs_in_the_place_of_a_step() -> None:
    made = Made(100.0, 50.0)
    made.tell("pass_started", label="step0")
    made.now += 120
    made.tell("measuring", what="map", split="val")
    assert made.seconds() is not None
    made.tell("pass_started", label="step0_mixed")
    made.tell("progress", label="step0_mixed", done=9, total=9)
    assert made.seconds() is None, "the rest of the step that was replaced says nothing"
    made.now += 300
    made.tell("pass_ended", label="step0_mixed")
    made.tell("pass_ended", label="step0")
    assert made.seconds() is not None
