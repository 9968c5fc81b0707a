"""The error of a sweep without a valid job, and what a rerun builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep_records import record_of, result
from tflbuild.core.errors import MissingTool, RecipeError, StoreError, TflbuildError
from tflbuild.sweep import run
from tflbuild.sweep.freeze import GridPoint, refuse_nothing_valid
from tflbuild.sweep.grid import Combination
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.record import SweepRecord
from tflbuild.sweep.row import row_of_waiting


def test_of_jobs_that_are_all_invalid_the_gravest_error_is_the_sweeps() -> None:
    def error_of(*errors: TflbuildError) -> TflbuildError:
        point = Combination([], {})
        found = [GridPoint(combination=point, error=error) for error in errors]
        with pytest.raises(TflbuildError) as caught:
            refuse_nothing_valid(found, [str(number) for number in range(len(found))])
        return caught.value

    made = error_of(RecipeError("first"), MissingTool("tool"), StoreError("store"), RecipeError("last"))
    assert isinstance(made, StoreError)
    assert str(made) == "no job of the sweep is valid: store"
    assert isinstance(error_of(RecipeError("a"), MissingTool("b")), MissingTool)
    assert str(error_of(RecipeError("a"), RecipeError("b"))).endswith(": a")


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

    def launcher(name: str, options: Any) -> Launcher:
        asked.append((name, dict(options)))
        return Launcher()

    monkeypatch.setattr(run, "read_record", lambda folder: record)
    monkeypatch.setattr(run, "_usable", lambda record, asked: record)
    monkeypatch.setattr(run, "launcher", launcher)
    assert run.rerun_sweep(tmp_path) == 0
    assert asked == [("joblib", {"n_jobs": 2}), ["a=1", "a=2"], "left"]
    assert "3 jobs, 2 to run, the others are already built" in capsys.readouterr().out
    asked.clear()
    record.entries[1].row = replace_status(record, 1)
    record.entries[2].row = replace_status(record, 2)
    record.entries[0].row = result(record, 0).row
    assert run.rerun_sweep(tmp_path, ["hydra/launcher=serial"]) == 0
    assert asked[0] == ("serial", {})


def test_an_interrupted_sweep_ends_with_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = record_of(tmp_path / "a sweep", 2)
    record.folder.mkdir()
    monkeypatch.chdir(tmp_path)

    class Launcher:
        parallel = 1

        def __enter__(self) -> Launcher:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def launch(self, jobs: Any, done: Done) -> None:
            raise KeyboardInterrupt

    assert run._run(record, [0, 1], Launcher()) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "tflbuild rerun 'a sweep'"


def replace_status(record: SweepRecord, position: int) -> dict[str, Any]:
    return row_of_waiting(record.entries[position].row["name"], {})


def test_options_out_of_a_folder_are_looked_at_before_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = replace(record_of(tmp_path, 1), launcher="submitit", launcher_options={"setup": ["rm x"]})
    monkeypatch.setattr(run, "read_record", lambda folder: record)
    monkeypatch.setattr(run, "_usable", lambda record, asked: record)
    with pytest.raises(RecipeError, match=r"sweep.json: launcher_options.setup is not read from a file"):
        run.rerun_sweep(tmp_path)
