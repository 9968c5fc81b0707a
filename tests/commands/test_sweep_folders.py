"""Folders of sweeps where a command takes a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweep_records import record_of
from tflbuild.cli import main
from tflbuild.commands.sweep_folders import in_every, is_sweep, jobs_in, refuse_sweeps, with_jobs
from tflbuild.core.command import COMMANDS
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.load import load_recipe

MAPPING = dict(load_recipe(["recipe=ssd_mobilenet_float"]).mapping)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of three jobs, of which the second has no report."""
    return made(tmp_path / "sweep-1", 3, {0, 2})


def made(folder: Path, count: int, built: set[int]) -> Path:
    folder.mkdir()
    record_of(folder, count, **MAPPING).write()
    for number in built:
        (folder / f"a={number}").mkdir()
        (folder / f"a={number}" / "report.json").write_text("{}")
    return folder


def test_a_sweep_is_known_by_its_record(sweep: Path, tmp_path: Path) -> None:
    assert is_sweep(sweep)
    assert is_sweep(str(sweep))
    assert not is_sweep(tmp_path)
    assert not is_sweep("x" * 5000)
    assert not is_sweep("a\0b")


def test_its_jobs_are_those_with_a_report_in_the_order_of_the_grid(sweep: Path) -> None:
    assert jobs_in(sweep) == [str(sweep / "a=0"), str(sweep / "a=2")]


def test_a_sweep_stands_for_its_jobs_among_runs(sweep: Path, tmp_path: Path) -> None:
    assert with_jobs("compare", ["run", str(sweep)]) == ["run", str(sweep / "a=0"), str(sweep / "a=2")]
    empty = made(tmp_path / "sweep-2", 2, set())
    with pytest.raises(RecipeError) as caught:
        with_jobs("compare", [str(empty)])
    assert str(caught.value) == f"compare: none of the jobs of {empty} has a report yet."


def test_jobs_of_several_sweeps_are_paired_by_their_names(sweep: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "sweep-2", 4, {2, 3})
    shared, others = in_every([str(sweep), str(other)])
    assert shared == ["a=2"]
    assert others == {str(sweep): ["a=0"], str(other): ["a=3"]}


def test_a_command_that_takes_a_run_names_a_job(sweep: Path, tmp_path: Path) -> None:
    refuse_sweeps("verify", ["x=1", str(sweep / "a=0")])
    with pytest.raises(RecipeError) as caught:
        refuse_sweeps("verify", [str(sweep)])
    assert str(caught.value) == f"verify: {sweep} is a sweep; name one of its jobs, e.g. {sweep}/a=0."
    empty = made(tmp_path / "sweep-2", 2, set())
    with pytest.raises(RecipeError, match="is a sweep; none of its jobs has a report yet"):
        refuse_sweeps("verify", [str(empty)])


RUNS = ("diagnose", "verify", "reproduce", "predict", "preprocess", "view", "drift", "lint")


@pytest.mark.parametrize("command", RUNS)
def test_every_command_that_takes_a_run_alone_says_so(
    command: str, sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(sweep)]) == 2
    assert capsys.readouterr().err == (
        f"error: {command}: {sweep} is a sweep; name one of its jobs, e.g. {sweep}/a=0.\n"
    )


def test_the_commands_above_are_all_that_take_a_run_alone() -> None:
    ours = {name: cls for name, cls in COMMANDS.items() if cls.__module__.startswith("tflbuild.")}
    taking = [name for name, cls in ours.items() if "RUN" in cls.usage and "SWEEP" not in cls.usage]
    assert sorted(taking) == sorted(RUNS)


def test_report_tells_of_a_sweep_what_was_built_and_what_is_missing(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(sweep)]) == 0
    printed = capsys.readouterr().out
    assert "3 jobs: 3 waiting" in printed
    assert f"to build the missing jobs: tflbuild rerun {sweep}" in printed
    assert (sweep / "summary.html").is_file()


def test_report_takes_from_the_summary_how_jobs_without_a_report_ended(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = record_of(sweep, 3, **MAPPING)
    rows = [entry.row for entry in record.entries]
    rows[1] |= {"status": "failed", "exit_code": 4, "error": "prune: it broke"}
    rows[2] |= {"status": "built"}  # its report does not say so, so that it does not count
    (sweep / "summary.json").write_text(json.dumps(record.summary()))
    assert main(["report", str(sweep)]) == 0
    printed = capsys.readouterr().out
    assert "3 jobs: 2 waiting, 1 failed" in printed
    assert "a=1: prune: it broke" in printed


def test_report_says_that_a_sweep_is_being_built_and_writes_nothing(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with record_of(sweep, 3, **MAPPING).lock():
        assert main(["report", str(sweep)]) == 0
    printed = capsys.readouterr().out
    assert "a build is running" in printed
    assert "rerun" not in printed
    assert not (sweep / "summary.html").exists()
