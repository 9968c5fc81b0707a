"""A row for each job that other processes build, out of the events that these write."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tflbuild.sweep.job import FrozenJob
from tflbuild.sweep.live_jobs import LiveJobs
from tflbuild.sweep.pace import Pace
from tflbuild.sweep.running_job import RunningJob


def write(
    folder: Path, *events: tuple[str, dict[str, Any]], now: float | None = None, end: str = "\n"
) -> None:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"time": now or time.time(), "event": kind, **fields}) for kind, fields in events]
    with (folder / "events.jsonl").open("a") as file:
        file.write("\n".join(lines) + end)


STEPS = [{"label": "train", "about_seconds": 100.0}, {"label": "prune", "about_seconds": 60.0}]
PLAN = ("plan", {"steps": STEPS, "about_delivery_seconds": 5.0})
TRAINING = ("training", {"label": "train", "step": 40, "total": 200, "loss": 1.0, "learning_rate": 0.1})


def test_a_job_is_where_its_events_say(tmp_path: Path) -> None:
    job = RunningJob("a=1", tmp_path / "a=1")
    job.look()
    assert (job.began, job.ended) == (None, False)
    write(
        tmp_path / "a=1", ("started", {"folder": "x"}), PLAN, ("pass_started", {"label": "train"}), now=100.0
    )
    job.look()
    assert (job.began, job.label, job.done, job.steps, job.progress) == (100.0, "train", 0, 2, None)
    assert job.left(130.0) == 135
    write(tmp_path / "a=1", ("doing", {"label": "", "text": "loading TensorFlow\x1b[2J"}))
    job.look()
    assert job.note == "loading TensorFlow\\x1b[2J"
    write(tmp_path / "a=1", TRAINING)
    job.look()
    assert (job.progress, job.note) == ((40, 200), "")
    write(tmp_path / "a=1", ("measuring", {"what": "map", "split": "val"}))
    job.look()
    assert (job.progress, job.note) == (None, "measuring map")
    write(
        tmp_path / "a=1",
        ("pass_ended", {"label": "train", "cached": False}),
        ("finished", {"status": "built"}),
    )
    job.look()
    assert (job.done, job.label, job.ended) == (1, "", True)


def test_a_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    job = RunningJob("a", tmp_path / "a")
    write(tmp_path / "a", PLAN, end="")
    job.look()
    assert job.steps == 0
    write(tmp_path / "a", end="\n")
    job.look()
    assert job.steps == 2


def test_a_line_that_is_no_event_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "events.jsonl").write_text(
        'x\n[]\n{"time": "x", "event": "plan"}\n{"event": "plan", "time": 1}\n'
    )
    write(tmp_path / "a", PLAN)
    job = RunningJob("a", tmp_path / "a")
    job.look()
    assert job.steps == 2


def test_a_job_that_is_built_anew_starts_over(tmp_path: Path) -> None:
    job = RunningJob("a", tmp_path / "a")
    write(tmp_path / "a", PLAN, ("pass_started", {"label": "train"}), ("pass_ended", {"label": "train"}))
    job.look()
    (tmp_path / "a" / "events.jsonl").write_text("")
    write(tmp_path / "a", PLAN)
    job.look()
    assert (job.steps, job.done) == (2, 0)


def frozen(folder: Path) -> FrozenJob:
    differs = dict(part.split("=") for part in folder.name.split(",") if "=" in part)
    return FrozenJob(
        mapping={}, overrides=(), differs=differs, name=folder.name, plugins=None, folder=str(folder), cwd="/"
    )


def lines_of(shown: LiveJobs) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=shown.console.width).print(shown.render())
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_each_running_job_has_a_row_and_nothing_is_wider_than_the_terminal(
    tmp_path: Path, width: int
) -> None:
    folders = [tmp_path / name for name in ("prune.sparsity=0.5,model.input_size=96", "b", "c", "d")]
    jobs = [frozen(folder) for folder in folders]
    shown = LiveJobs(jobs, Pace([None] * 4, 4), Console(file=io.StringIO(), width=width))
    assert lines_of(shown) == ["0 running, 4 waiting"]
    shown._looked = 0.0
    write(folders[0], PLAN, ("pass_started", {"label": "train"}), TRAINING)
    write(folders[1], PLAN, ("pass_started", {"label": "train"}), ("waiting", {"text": "another process"}))
    write(folders[2], PLAN, ("finished", {"status": "built"}))
    first, second, last = lines_of(shown)
    assert first.startswith("0.5, 96" if width == 80 else "sparsity=0.5,input_size=96")
    assert "  1/2    train: 40 of 200 " in first
    assert ("━" in first) == (width > 80)
    assert "train: waiting for a job" in second
    assert second.endswith("3 min left"), "what earlier builds took"
    assert last == "2 running, 2 waiting"
    assert max(map(len, (first, second, last))) <= width
    shown._looked = 0.0
    shown.end(0)
    assert [line.split()[0] for line in lines_of(shown)] == ["b", "1"], "its row goes when its result comes"


def test_an_earlier_attempts_events_are_no_running_job(tmp_path: Path) -> None:
    write(tmp_path / "a", PLAN, now=time.time() - 3600)
    shown = LiveJobs([frozen(tmp_path / "a")], Pace([None], 1), Console(file=io.StringIO(), width=80))
    assert lines_of(shown) == ["0 running, 1 waiting"]


def test_the_sweep_takes_no_less_than_the_longest_of_its_jobs(tmp_path: Path) -> None:
    write(tmp_path / "a", PLAN, ("pass_started", {"label": "train"}), TRAINING)
    shown = LiveJobs([frozen(tmp_path / "a")], Pace([1.0], 1), Console(file=io.StringIO(), width=80))
    row, last = lines_of(shown)
    assert row.endswith("3 min left")
    assert last == "1 running, about 3 min left for the sweep"
