"""How the jobs of a sweep are counted, how it ends, and where it lies."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.core.errors import BudgetExceeded, MissingTool, RecipeError, StoreError, TflbuildError
from tflbuild.sweep import run
from tflbuild.sweep.freeze import Candidate
from tflbuild.sweep.grid import Combination
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.record import Entry, SweepRecord
from tflbuild.sweep.row import row_of_interruption, row_of_waiting
from tflbuild.sweep.run import exit_code_of, finish, make_sweep_folder, settle

ORDER = [130, 70, 4, 3, 6, 2, 5, 7, 0]
"""Exit codes by rank: interrupted, unexpected, pass, drift or lost data, tool, recipe, budget, check, built."""


def test_of_two_exit_codes_the_graver_one_is_the_sweeps() -> None:
    for first, second in itertools.combinations(ORDER, 2):
        assert exit_code_of({first, second}) == first


def test_a_code_that_nobody_ranked_is_no_success() -> None:
    assert exit_code_of({9, 8}) == 9
    assert exit_code_of(set()) == 0
    assert exit_code_of({0}) == 0


def record_of(folder: Path, count: int, **mapping: Any) -> SweepRecord:
    jobs = [
        FrozenJob(
            mapping=mapping,
            overrides=(),
            differs={"a": str(number)},
            name=f"a={number}",
            plugins=None,
            folder=str(folder / f"a={number}"),
            cwd=str(folder),
        )
        for number in range(count)
    ]
    return SweepRecord(
        folder=folder,
        command=[],
        launcher="serial",
        launcher_options={},
        entries=[Entry(frozen=job, row=row_of_waiting(job.name, job.differs)) for job in jobs],
    )


def result(record: SweepRecord, position: int, status: str = "built", code: int = 0) -> JobResult:
    return JobResult(code, {**record.entries[position].row, "status": status, "exit_code": code})


def test_jobs_are_counted_as_they_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = record_of(tmp_path, 4)

    def work(done: Done) -> None:
        done(1, result(record, 3))
        done(0, result(record, 1, "failed", 4))

    assert settle(record, [1, 3], work, 9, first=5) is False
    assert capsys.readouterr().out.splitlines() == ["[5/9] a=3: built", "[6/9] a=1: failed"]
    assert [entry.row["status"] for entry in record.entries] == ["waiting", "failed", "waiting", "built"]


def test_a_job_of_which_nothing_was_heard_is_lost(tmp_path: Path) -> None:
    record = record_of(tmp_path, 2)
    assert settle(record, [0, 1], lambda done: done(0, result(record, 0)), 2) is False
    assert record.entries[1].row["error"] == "its launcher ended without a result"


def test_an_interrupted_job_or_launcher_interrupts_the_rest(tmp_path: Path) -> None:
    def by_job(done: Done) -> None:
        done(0, JobResult(130, row_of_interruption("a=0", {})))

    def by_launcher(done: Done) -> None:
        raise KeyboardInterrupt

    for work in (by_job, by_launcher):
        record = record_of(tmp_path, 2)
        assert settle(record, [0, 1], work, 2) is True
        assert record.entries[1].row["status"] == "interrupted"


def test_a_launcher_that_fails_leaves_a_summary(tmp_path: Path) -> None:
    record = record_of(tmp_path, 2)

    def work(done: Done) -> None:
        done(0, result(record, 0))
        raise ZeroDivisionError("boom")

    with pytest.raises(ZeroDivisionError):
        settle(record, [0, 1], work, 2)
    jobs = json.loads((tmp_path / "summary.json").read_text())["jobs"]
    assert [job["status"] for job in jobs] == ["built", "failed"]


def _tell(ended: JobResult, done: Done) -> None:
    done(0, ended)


def test_times_are_shown_where_the_recipe_asks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(run, "show_times", shown.append)
    for asked in (False, True):
        record = record_of(tmp_path, 2, time_passes=asked)
        ended = result(record, 1)
        settle(record, [1], partial(_tell, ended), 1)
        assert shown == [tmp_path / "a=1"] * asked


def test_a_sweep_that_ends_writes_every_form_of_its_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = record_of(tmp_path, 2)
    record.entries[0].row = result(record, 0, "over_budget", 5).row
    record.entries[1].row = result(record, 1, "failed", 4).row
    assert finish(record) == 4
    assert {path.name for path in tmp_path.iterdir()} >= {"summary.json", "summary.csv", "summary.html"}
    assert "summary.html" in capsys.readouterr().out


def test_a_sweep_lies_under_its_recipe_or_under_sweep_for_several(tmp_path: Path) -> None:
    def recipe(name: str) -> Any:
        return SimpleNamespace(name=name, outputs=tmp_path)

    one = make_sweep_folder([recipe("signs"), recipe("signs")])
    assert (one.parent, one.name[:6]) == (tmp_path / "signs", "sweep-")
    assert make_sweep_folder([recipe("signs"), recipe("plates")]).parent == tmp_path / "sweep"


def test_of_jobs_that_are_all_invalid_the_gravest_error_is_the_sweeps() -> None:
    def error_of(*errors: TflbuildError) -> TflbuildError:
        point = Combination([], {})
        return run._nothing_valid([Candidate(combination=point, error=error) for error in errors])

    made = error_of(RecipeError("first"), MissingTool("tool"), StoreError("store"), RecipeError("last"))
    assert isinstance(made, StoreError)
    assert str(made) == "no job of the sweep is valid: store"
    assert isinstance(error_of(RecipeError("a"), MissingTool("b")), MissingTool)
    assert str(error_of(RecipeError("a"), RecipeError("b"))).endswith(": a")


def test_exit_codes_of_errors_are_ranked() -> None:
    ranked = {error.exit_code for error in (RecipeError, MissingTool, StoreError, BudgetExceeded)}
    assert ranked <= set(ORDER)


def test_a_rerun_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what has no result is launched, by the launcher of the sweep and with its options."""
    record = record_of(tmp_path, 3)
    record.launcher, record.launcher_options = "joblib", {"n_jobs": 2}
    record.entries[0].row = result(record, 0).row
    record.entries[2].row = result(record, 2, "failed", 4).row | {"error": "old"}
    asked: list[Any] = []

    class Launcher:
        parallel = 1

        def __enter__(self) -> Launcher:
            return self

        def __exit__(self, *error: object) -> None:
            asked.append("left")

        def launch(self, jobs: Any, done: Done) -> None:
            asked.append([job.name for job in jobs])
            assert [entry.row["status"] for entry in record.entries] == ["built", "waiting", "waiting"]
            for position, number in enumerate((1, 2)):
                done(position, result(record, number))

    def session(name: str, options: Any) -> Launcher:
        asked.append((name, dict(options)))
        return Launcher()

    monkeypatch.setattr(run, "read_record", lambda folder: record)
    monkeypatch.setattr(run, "_usable", lambda record, asked: record)
    monkeypatch.setattr(run, "session", session)
    assert run.rerun_sweep(tmp_path) == 0
    assert asked == [("joblib", {"n_jobs": 2}), ["a=1", "a=2"], "left"]
    assert "3 jobs, 2 to run, the others are kept" in capsys.readouterr().out
    asked.clear()
    record.entries[1].row = replace_status(record, 1)
    record.entries[2].row = replace_status(record, 2)
    record.entries[0].row = result(record, 0).row
    assert run.rerun_sweep(tmp_path, ["hydra/launcher=serial"]) == 0
    assert asked[0] == ("serial", {})


def replace_status(record: SweepRecord, position: int) -> dict[str, Any]:
    return row_of_waiting(record.entries[position].row["name"], {})


def test_options_out_of_a_folder_are_looked_at_before_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = replace(record_of(tmp_path, 1), launcher="submitit", launcher_options={"setup": ["rm x"]})
    monkeypatch.setattr(run, "read_record", lambda folder: record)
    monkeypatch.setattr(run, "_usable", lambda record, asked: record)
    with pytest.raises(RecipeError, match=r"sweep.json: launcher_options.setup is not taken from a file"):
        run.rerun_sweep(tmp_path)
