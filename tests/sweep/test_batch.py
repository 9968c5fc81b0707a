"""How a batch of a sweep's jobs is counted, and how a sweep ends."""

from __future__ import annotations

import itertools
import json
from functools import partial
from pathlib import Path

import pytest

from sweep_records import record_of, result
from tflbuild.core.errors import BudgetExceeded, MissingTool, RecipeError, StoreError
from tflbuild.sweep import batch
from tflbuild.sweep.batch import exit_code_of, finish, settle
from tflbuild.sweep.job import JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.row import row_of_interruption

ORDER = [130, 70, 4, 3, 6, 2, 5, 7, 0]
"""Exit codes by rank: interrupted, unexpected, pass, drift or lost data, tool, recipe, budget, check, built."""


def test_of_two_exit_codes_the_graver_one_is_the_sweeps() -> None:
    for first, second in itertools.combinations(ORDER, 2):
        assert exit_code_of({first, second}) == first


def test_a_code_that_nobody_ranked_is_no_success() -> None:
    assert exit_code_of({9, 8}) == 9
    assert exit_code_of(set()) == 0
    assert exit_code_of({0}) == 0


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
    monkeypatch.setattr(batch, "show_times", shown.append)
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


def test_exit_codes_of_errors_are_ranked() -> None:
    ranked = {error.exit_code for error in (RecipeError, MissingTool, StoreError, BudgetExceeded)}
    assert ranked <= set(ORDER)
