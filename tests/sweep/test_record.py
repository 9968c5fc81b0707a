"""The record of a sweep: what is written, what is read again, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweep_place import Place
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep import record as records
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.record import Entry, SweepRecord, make_sweep_folder, read_record
from tflbuild.sweep.row import row_of_interruption, row_of_loss, row_of_waiting


def frozen(name: str, folder: Path) -> FrozenJob:
    return FrozenJob(
        mapping={"recipe": "r", "seed": 3},
        overrides=("recipe=r", "seed=3"),
        differs={"seed": "3"},
        name=name,
        plugins="/plugins",
        folder=str(folder / name),
        cwd="/somewhere",
    )


def record_of(folder: Path, *statuses: str) -> SweepRecord:
    """Give a record with a job for each status."""
    names = [f"job{number}" for number in range(len(statuses))]
    entries = [
        Entry(
            frozen=None if status == "invalid" else frozen(name, folder),
            row=row_of_waiting(name, {"seed": "3"}) | {"status": status},
        )
        for name, status in zip(names, statuses, strict=True)
    ]
    return SweepRecord(
        folder=folder,
        command=["recipe=r", "seed=3,4"],
        launcher="joblib",
        launcher_options={"n_jobs": 2},
        entries=entries,
    )


@cache
def composed() -> dict[str, Any]:
    """Give the recipe `fake` as it is frozen, composed where the first test stands."""
    return dict(load_recipe(["recipe=fake"]).mapping)


@pytest.fixture
def mapping(here: Place) -> dict[str, Any]:
    """Give a resolved recipe as it is frozen."""
    return composed()


def test_what_is_written_is_read_again(tmp_path: Path, mapping: dict[str, Any]) -> None:
    made = record_of(tmp_path, "waiting", "invalid", "waiting")
    for entry in made.entries:
        if entry.frozen is not None:
            entry.frozen = replace(entry.frozen, mapping=mapping)
    made.write()
    found = read_record(tmp_path)
    for field in fields(SweepRecord):
        assert getattr(found, field.name) == getattr(made, field.name), field.name
    assert json.loads((tmp_path / "sweep.json").read_text())["schema"] == "tflbuild.sweep/1"


def test_a_summary_says_its_recipe_and_when_it_was_begun(tmp_path: Path) -> None:
    folder = tmp_path / "sweep-2026-12-01_07-45-38-2"
    found = record_of(folder, "built", "built").summary()
    assert (found["recipe"], found["started"]) == ("r", "2026-12-01T07:45:38")
    elsewhere = record_of(tmp_path / "mine-2026-13-01_07-45-38").summary()
    assert (elsewhere["recipe"], elsewhere["started"]) == ("", ""), "that is not a date"


def test_a_job_without_plugins_has_none_again(tmp_path: Path, mapping: dict[str, Any]) -> None:
    made = record_of(tmp_path, "waiting")
    made.entries[0].frozen = replace(frozen("job0", tmp_path), mapping=mapping, plugins=None)
    made.write()
    (entry,) = read_record(tmp_path).entries
    assert entry.frozen == made.entries[0].frozen


def test_results_are_taken_from_the_jobs_own_reports(
    tmp_path: Path, mapping: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was killed before it had written its page has no result, whatever `sweep.json` says."""
    statuses = {"job0": "built", "job1": "over_budget", "job2": "failed", "job3": "built", "job4": "built"}
    made = record_of(tmp_path, "waiting", "failed", "failed", "built", "interrupted")
    for entry, name in zip(made.entries, statuses, strict=True):
        entry.frozen = replace(frozen(name, tmp_path), mapping=mapping)
        (tmp_path / name).mkdir()
        if name != "job3":
            (tmp_path / name / "report.html").touch()
    made.write()

    def read_report(path: Path) -> dict[str, Any]:
        if path.parent.name == "job4":
            raise RecipeError("no report")
        found = {"status": statuses[path.parent.name], "error": None, "seconds": 1.0, "base": None}
        return found | {"targets": []}

    monkeypatch.setattr(records, "read_report", read_report)
    rows = [entry.row for entry in read_record(tmp_path).entries]
    assert [(row["status"], row["exit_code"]) for row in rows] == [
        ("built", 0),
        ("over_budget", 5),
        ("failed", 0),
        ("waiting", 0),
        ("interrupted", 0),
    ]
    assert [row["run"] for row in rows] == ["job0", "job1", None, None, None]


def test_jobs_are_unfinished_that_can_be_built_and_have_no_result(tmp_path: Path) -> None:
    statuses = ("built", "waiting", "over_budget", "failed", "invalid", "interrupted")
    made = record_of(tmp_path, *statuses)
    assert made.unfinished() == [1, 3, 5]
    assert [job.name for job in made.frozen([5, 1])] == ["job5", "job1"]


@pytest.mark.parametrize(
    ("interrupted", "row_of"), [(True, row_of_interruption), (False, row_of_loss)], ids=["user", "launcher"]
)
def test_jobs_without_a_result_are_marked_when_the_sweep_ends(
    tmp_path: Path, interrupted: bool, row_of: Callable[..., dict[str, Any]]
) -> None:
    made = record_of(tmp_path, "waiting", "built", "waiting", "failed")
    made.close([0, 1, 3], interrupted=interrupted)
    assert made.entries[0].row == row_of("job0", {"seed": "3"})
    assert [entry.row["status"] for entry in made.entries[1:]] == ["built", "waiting", "failed"]


def test_the_summary_is_written_once_a_second_while_jobs_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(records.time, "monotonic", lambda: now)
    made = record_of(tmp_path, *["waiting"] * 4)

    def written() -> list[str]:
        jobs = json.loads((tmp_path / "summary.json").read_text())["jobs"]
        return [job["status"] for job in jobs]

    def note(position: int) -> None:
        made.note(position, JobResult(0, {**made.entries[position].row, "status": "failed"}))

    note(0)
    assert written() == ["failed", "waiting", "waiting", "waiting"]
    now += 1.0
    note(1)
    assert written() == ["failed", "waiting", "waiting", "waiting"], "a second is not over yet"
    now += 0.01
    note(2)
    assert written() == ["failed", "failed", "failed", "waiting"]
    assert made.entries[1].row["status"] == "failed"


def test_a_second_process_may_not_build_into_a_sweep(tmp_path: Path) -> None:
    made, other = record_of(tmp_path, "waiting"), record_of(tmp_path, "waiting")
    with (
        made.lock(),
        pytest.raises(RecipeError, match="another process is building this sweep"),
        other.lock(),
    ):
        pass
    with other.lock():
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        (
            '{"schema": "tflbuild.sweep/0"}',
            "its schema is tflbuild.sweep/0, this tflbuild reads tflbuild.sweep/1",
        ),
        ('{"schema": "tflbuild.sweep/1"}', "is not a sweep: "),
    ],
)
def test_what_is_no_record_is_refused_by_its_path(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(RecipeError, match=f"sweep.json.*{message}"):
        read_record(tmp_path)


def test_a_folder_without_a_record_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"sweep\.json cannot be read: No such file or directory\."):
        read_record(tmp_path)


def test_two_jobs_of_one_name_are_refused(tmp_path: Path, mapping: dict[str, Any]) -> None:
    made = record_of(tmp_path, "waiting", "waiting")
    made.entries[1].row["name"] = "JOB0"
    for entry in made.entries:
        entry.frozen = replace(frozen("x", tmp_path), mapping=mapping)
    made.write()
    with pytest.raises(RecipeError, match="2 of its jobs are called 'job0'"):
        read_record(tmp_path)


def test_every_exit_code_of_a_job_may_stand_in_a_record(tmp_path: Path) -> None:
    codes = [0, 1, 2, 3, 4, 5, 6, 7, 70, 130]  # as docs/errors has them
    made = record_of(tmp_path, *["invalid"] * len(codes))
    for entry, code in zip(made.entries, codes, strict=True):
        entry.row |= {"exit_code": code, "error": "x"}
    made.write()
    assert [entry.row["exit_code"] for entry in read_record(tmp_path).entries] == codes


def test_a_sweep_lies_under_its_recipe_or_under_sweep_for_several(tmp_path: Path) -> None:
    def recipe(name: str) -> Any:
        return SimpleNamespace(name=name, outputs=tmp_path)

    one = make_sweep_folder([recipe("signs"), recipe("signs")])
    assert (one.parent, one.name[:6]) == (tmp_path / "signs", "sweep-")
    assert make_sweep_folder([recipe("signs"), recipe("plates")]).parent == tmp_path / "sweep"


def test_a_job_remembers_that_its_preprocessing_was_assumed(tmp_path: Path) -> None:
    job = replace(frozen("a", tmp_path), assumed=True)
    written = records._entry_to_json(Entry(frozen=job, row=row_of_waiting("a", {"seed": "3"})))
    again = records._entry_from_json(written, tmp_path).frozen
    assert again is not None
    assert again.assumed
