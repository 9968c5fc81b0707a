"""How long the jobs of a sweep would take, several at a time."""

from __future__ import annotations

from tflbuild.sweep.forecast import PlannedPass, elapsed


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
