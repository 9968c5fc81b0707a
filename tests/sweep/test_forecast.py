"""How long a sweep would take, by what the store knows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.engine.storage.record import Relative
from tflbuild.sweep.forecast import PlannedPass, Timings, elapsed


def preimage(name: str = "prune", **options: Any) -> dict[str, Any]:
    return {"pass": name, "options": options, "seed": 0}


def store_of(*relatives: Relative) -> Any:
    asked: list[str] = []
    return SimpleNamespace(
        root=Path("/store"), asked=asked, relatives=lambda name: asked.append(name) or list(relatives)
    )


def test_a_pass_takes_as_long_as_the_nearest_earlier_one() -> None:
    store = store_of(
        Relative(preimage(sparsity=0.9, schedule="constant"), 50.0), Relative(preimage(sparsity=0.5), 20.0)
    )
    timings = Timings()
    assert timings.about(store, preimage(sparsity=0.7)) == (20.0, False)
    assert timings.about(store, preimage(sparsity=0.7, schedule="constant")) == (50.0, False)
    assert store.asked == ["prune"], "what was read is kept"
    assert Timings().about(store_of(), preimage()) is None


def test_what_an_earlier_pass_decides_does_not_count() -> None:
    other = preimage() | {"input": {"digest": "a"}, "toolchain": {"x": "1"}, "judging": {"limits": [1, 2]}}
    store = store_of(Relative(preimage(a=1), 9.0), Relative(other, 4.0))
    assert Timings().about(store, preimage()) == (4.0, False)


@pytest.mark.parametrize("option", ["steps", "epochs"])
def test_more_steps_take_longer_at_most_by_as_much(option: str) -> None:
    store = store_of(Relative(preimage(**{option: 100}), 10.0))
    assert Timings().about(store, preimage(**{option: 250})) == (25.0, True)
    assert Timings().about(store, preimage()) == (10.0, False)
    assert Timings().about(store, preimage(**{option: 50})) == (5.0, False)


def test_two_lengths_tell_what_starting_costs_from_what_a_step_does() -> None:
    store = store_of(Relative(preimage(steps=10), 24.0), Relative(preimage(steps=110), 34.0))
    assert Timings().about(store, preimage(steps=1000)) == (pytest.approx(123.0), False)
    backwards = store_of(Relative(preimage(steps=10), 24.0), Relative(preimage(steps=110), 4.0))
    assert Timings().about(backwards, preimage(steps=1000)) == (2400.0, True), (
        "that is noise, or another machine"
    )
    unlike = store_of(
        Relative(preimage(steps=10), 24.0), Relative(preimage(steps=110, a=1, b=2, c=3, d=4), 34.0)
    )
    assert Timings().about(unlike, preimage(steps=1000)) == (2400.0, True)


def job(*passes: tuple[str, float | None], stored: tuple[str, ...] = ()) -> list[PlannedPass]:
    return [PlannedPass(label=key, key=key, stored=key in stored, seconds=seconds) for key, seconds in passes]


def test_what_jobs_share_is_computed_once() -> None:
    jobs = [job(("train", 60), ("prune 1", 20)), job(("train", 60), ("prune 2", 30))]
    assert elapsed(jobs, 1) == 110
    assert elapsed(jobs, 2) == 90, "the second waits for the training of the first"
    assert elapsed([job(("train", 60), ("prune", 20), stored=("train",))], 1) == 20
    assert elapsed([job(("train", None), ("prune", 20))], 1) == 20
    assert elapsed([], 1) == 0


def test_jobs_are_given_to_whoever_is_free() -> None:
    jobs = [job((f"train {number}", 10)) for number in range(5)]
    assert [elapsed(jobs, parallel) for parallel in (1, 2, 5, 9)] == [50, 30, 10, 10]
