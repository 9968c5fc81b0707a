"""An exception that nobody expected, in every stage of a build, of a sweep and of a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lasting import Warm
from sweep_place import Place
from tflbuild.cli import main
from tflbuild.core import crash
from tflbuild.core.command import COMMANDS

pytestmark = pytest.mark.slow  # whole sweeps

BEFORE = [
    "tflbuild.recipe.load.load_recipe",
    "tflbuild.engine.build.prepare",
    "tflbuild.session.make_run_folder",
]
"""Stages in which there is no run folder yet."""

WITHIN = [
    "tflbuild.engine.build.plan",
    "tflbuild.engine.build.keep_index",
    "tflbuild.engine.workers.process.Process._spawn",
    "tflbuild.engine.workers.worker.Worker.ask",
    "tflbuild.engine.run.look_up",
    "tflbuild.engine.measure.Measurer.accuracy",
    "tflbuild.engine.judging.Judge.attempt",
    "tflbuild.engine.deliver.deliver",
    "tflbuild.engine.deliver.put",
    "tflbuild.engine.build.write_lock",
    "tflbuild.engine.build.point_latest",
    "tflbuild.show.pages.publishing.render",
    "tflbuild.engine.hooks.Hooks.after_build",
]
"""Stages of a build that has its folder."""


@pytest.fixture(autouse=True)
def no_worker_runs(request: pytest.FixtureRequest, warm_workers: Warm) -> None:
    """Have a process started by a test that is about the start of one."""
    if "_spawn" in request.node.name:
        warm_workers.end()


class Boom:
    """Raises when it is called, and counts.

    Args:
        error: what it raises.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        raise self.error


@pytest.fixture
def stories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in the user's cache where stories go that no run folder takes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tflbuild" / "crashes"


def reports(here: Place) -> list[dict[str, Any]]:
    found = sorted((here.folder / "outputs").rglob("report.json"))
    return [json.loads(path.read_text()) for path in found if not path.parent.is_symlink()]


def check_said(printed: str) -> None:
    """Hold what was printed to be one sentence that asks for a report."""
    (line,) = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: ZeroDivisionError: boom: this was not expected")
    assert "please report it with /" in line
    assert "Traceback" not in printed


@pytest.mark.parametrize("stage", BEFORE)
def test_before_there_is_a_run_folder_the_story_lies_in_the_cache(
    here: Place,
    stories: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    monkeypatch.setattr(stage, Boom(ZeroDivisionError("boom")))
    assert main(["recipe=fake"]) == 70
    check_said(capsys.readouterr().err)
    (story,) = stories.iterdir()
    assert "ZeroDivisionError: boom" in story.read_text()


@pytest.mark.parametrize("stage", WITHIN)
def test_a_build_leaves_its_report_and_its_story(
    here: Place,
    stories: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    boom = Boom(ZeroDivisionError("boom"))
    monkeypatch.setattr(stage, boom)
    assert main(["recipe=fake"]) == 70
    assert boom.calls
    check_said(capsys.readouterr().err)
    (report,) = reports(here)
    assert report["status"] == "failed"
    assert report["error"].startswith("ZeroDivisionError: boom: this was not expected")
    stories_left = list((here.folder / "outputs").rglob("crash-*.txt"))
    assert stories_left
    assert "in __call__" in stories_left[0].read_text()


def test_who_cannot_show_a_build_does_not_end_it(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    boom = Boom(ZeroDivisionError("boom"))
    monkeypatch.setattr("tflbuild.show.terminal.PlainLines._line", boom)
    assert main(["recipe=fake"]) == 0
    (report,) = reports(here)
    assert report["status"] == "built"
    assert "stops here: ZeroDivisionError: boom" in report["warnings"][0]
    assert boom.calls == 1


@pytest.mark.parametrize("stage", [*BEFORE, *WITHIN])
def test_an_interrupt_is_an_interrupt_in_every_stage(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    monkeypatch.setattr(stage, Boom(KeyboardInterrupt("SIGTERM")))
    assert main(["recipe=fake"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("too deep"), SystemExit(3), AssertionError()]
)
def test_whatever_is_raised_is_said(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    monkeypatch.setattr("tflbuild.engine.build.plan", Boom(error))
    assert main(["recipe=fake"]) == 70
    printed = capsys.readouterr().err
    assert f"error: {type(error).__name__}" in printed
    assert "Traceback" not in printed


def test_a_full_disk_is_no_fault_of_ours(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "tflbuild.engine.build.plan", Boom(OSError(28, "No space left on device", "/some/where"))
    )
    assert main(["recipe=fake"]) == 4
    assert "error: /some/where: No space left on device; nothing built was lost." in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_ends_in_a_sentence_too(
    here: Place, stories: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr("tflbuild.core.command.COMMANDS.get", Boom(ZeroDivisionError("boom")))
    assert main([name, "x"]) == 70
    check_said(capsys.readouterr().err)


def test_verbose_shows_the_story(
    here: Place, stories: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tflbuild.engine.build.plan", Boom(ZeroDivisionError("boom")))
    assert main(["--verbose", "recipe=fake"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_where_nothing_can_be_written_the_sentence_says_what_shows_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    told = crash.told(ZeroDivisionError("\x1b[2J"), tmp_path / "file" / "too")
    assert str(told) == (
        "ZeroDivisionError: \\x1b[2J: this was not expected, and is a fault of tflbuild; please report it with what "
        "--verbose shows."
    )


def test_a_job_that_nobody_expected_costs_itself_only(
    here: Place, stories: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tflbuild.engine import build as building

    plan = building.plan

    def at_times(recipe: Any, *given: Any) -> Any:
        if recipe.steps["prune"].options.cost == 0.02:
            raise ZeroDivisionError("boom")
        return plan(recipe, *given)

    monkeypatch.setattr(building, "plan", at_times)
    assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02,0.03"]) == 70
    summary = json.loads((here.sweep() / "summary.json").read_text())
    assert [job["status"] for job in summary["jobs"]] == ["built", "failed", "built"]
    assert [job["exit_code"] for job in summary["jobs"]] == [0, 70, 0]
    assert "Traceback" not in capsys.readouterr().err


def test_a_job_that_cannot_be_composed_costs_itself_only(
    here: Place, stories: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.sweep import freeze

    prepare = freeze.prepare

    def at_times(recipe: Any, *names: Any, **given: Any) -> Any:
        if recipe.steps["prune"].options.cost == 0.02:
            raise ZeroDivisionError("boom")
        return prepare(recipe, *names, **given)

    monkeypatch.setattr(freeze, "prepare", at_times)
    assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02"]) == 70
    summary = json.loads((here.sweep() / "summary.json").read_text())
    assert [job["status"] for job in summary["jobs"]] == ["built", "failed"]
