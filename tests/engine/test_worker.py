"""What foreign code can do to the process it runs in, and what the next one notices of it: nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import fakes
import rogues
from building import FakeBuild
from processes import gone
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError, WorkerDied
from tflbuild.core.recipe import Recipe, Step, WorkerOptions
from tflbuild.engine.workers import process
from tflbuild.engine.workers.context import Assignment
from tflbuild.engine.workers.worker import Reply, Worker

PASSES.remove_module("rogues")


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def worker(log: Path, lines: list[str]) -> Iterator[Worker]:
    made = Worker(WorkerOptions(), "cpu", ("fakes:load", None), fakes.NAMES, lines.append)
    yield made
    made.stop()


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "input.tflite"
    path.write_bytes(fakes.content(0.9))
    sha256 = digest.of_file(path)
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": fakes.FACTS})


def running() -> set[psutil.Process]:
    """Give every worker process of ours; the warm ones that other tests share are among them."""
    return {p for p in psutil.Process().children() if "worker_process" in " ".join(p.cmdline())}


def test_a_worker_whose_start_was_interrupted_is_stopped(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = running()

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "Tail", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.ask("load", "fakes:load", None, fakes.NAMES, who="nobody")
    worker.stop()
    assert running() <= before


def misbehave(
    worker: Worker, model: TFLiteModel, how: str, timeout: float | None = None, **asked: Any
) -> Reply:
    folder = model.path.parent
    staging = folder / f"staging-{how.replace(' ', '-')}"
    staging.mkdir(exist_ok=True)
    index = folder / "index.json"
    index.write_text('{"classes": [], "splits": {}, "dropped": []}')
    assignment = Assignment(
        label="rogue",
        seed=0,
        model_spec=fakes.FakeModel(),
        data=fakes.FakeData(),
        index=index,
        reads=(),
        staging=staging,
        checkpoints=staging / "checkpoints",
        checkpoint_seconds=30.0,
    )
    return worker.ask(
        "run_pass", rogues.Rogue(how=how), model, assignment, who="pass 'rogue'", timeout=timeout, **asked
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("abort", WorkerDied, "signal 6 (SIGABRT)"),
        ("be killed", WorkerDied, "signal 9 (SIGKILL); the system does this when memory"),
        ("read address 0", WorkerDied, "signal 11 (SIGSEGV)"),
        ("leave", WorkerDied, "exit code 3"),
        ("exit", PassError, "pass 'rogue' failed: SystemExit: 3"),
        ("interrupt", PassError, "pass 'rogue' failed: KeyboardInterrupt"),
        ("raise oddly", PassError, "pass 'rogue' failed: Odd: what is this"),
        ("demand", PassError, "pass 'rogue' failed: Demanding: this and that"),
        ("hang", WorkerDied, "exceeded its time limit of 1 s"),
        ("ask", PassError, "pass 'rogue' failed: EOFError"),
        ("open", PassError, "No such file or directory: 'nowhere/nothing'"),
        ("write to the channel", WorkerDied, "wrote to its answer channel"),
        ("close the channel", WorkerDied, "closed its answer channel"),
        ("flood", WorkerDied, "signal 6 (SIGABRT)"),
        ("leave a child", WorkerDied, "signal 6 (SIGABRT)"),
        ("leave a detached child", WorkerDied, "signal 6 (SIGABRT)"),
        ("give a local class", PassError, "pass 'rogue' failed: its result cannot be sent"),
        ("give a class of its own", WorkerDied, "a message cannot be read here: AttributeError"),
        ("lose the file", BrokenPromise, "pass 'rogue' changed its file after emitting it"),
        ("cut the file", BrokenPromise, "pass 'rogue' changed its file after emitting it"),
        ("give facts that are not JSON", BrokenPromise, "pass 'rogue' returned facts that are not JSON"),
        ("write garbage", BrokenPromise, "pass 'rogue' broke its promise: the file cannot be allocated"),
    ],
)
def test_a_pass_that_misbehaves_ends_itself_only(
    worker: Worker, model: TFLiteModel, how: str, error: type[Exception], message: str
) -> None:
    if how == "hang":
        misbehave(worker, model, "nothing")  # so that starting takes none of its one second
    with pytest.raises(error) as caught:
        misbehave(worker, model, how, timeout=1.0 if how == "hang" else 60.0)
    assert type(caught.value) is error
    assert "pass 'rogue'" in str(caught.value)
    assert message in str(caught.value)
    if error is WorkerDied and how != "flood":
        assert f"about to {how}" in str(caught.value), "the last lines are there"
    assert len(str(caught.value)) < 80_000
    assert misbehave(worker, model, "nothing").value[0].digest == model.digest


def test_options_that_cannot_be_sent_are_said(worker: Worker, model: TFLiteModel) -> None:
    with pytest.raises(PassError, match="pass 'rogue': its options or its data cannot be sent"):
        misbehave(worker, replace(model, meta={"facts": lambda: None}), "nothing")
    assert misbehave(worker, model, "nothing").value


def test_what_a_pass_started_is_gone_with_it(worker: Worker, model: TFLiteModel, log: Path) -> None:
    with pytest.raises(WorkerDied):
        misbehave(worker, model, "leave a child")
    assert gone([int(log.read_text())])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["abort later", "garble later"])
def test_what_a_pass_leaves_behind_does_not_end_the_next_one(
    worker: Worker, model: TFLiteModel, lines: list[str], how: str
) -> None:
    misbehave(worker, model, how)
    time.sleep(0.6)
    assert misbehave(worker, model, "nothing").value[0].digest == model.digest
    assert any(line.startswith("worker ") and line.endswith(": replaced") for line in lines)


def test_a_pass_that_goes_to_another_folder_comes_back(worker: Worker, model: TFLiteModel) -> None:
    misbehave(worker, model, "go elsewhere")
    here = replace(model, path=Path(os.path.relpath(model.path)))
    assert misbehave(worker, here, "nothing").value[0].digest == model.digest


def test_progress_is_not_told_more_often_than_anyone_can_see(worker: Worker, model: TFLiteModel) -> None:
    told: list[float] = []
    misbehave(worker, model, "fill", progress=lambda done, total, note: told.append(done))
    assert told[0] == 0
    assert len(told) < 5000


def test_notes_that_are_not_json_do_not_throw_the_result_away(worker: Worker, model: TFLiteModel) -> None:
    _, notes = misbehave(worker, model, "note anything").value
    assert notes == {"loss": None, "where": "here", "fine": 1}


@pytest.mark.slow
def test_a_cost_counts_threads_and_children(worker: Worker, model: TFLiteModel) -> None:
    cost = misbehave(worker, model, "burn").cost
    assert cost["cpu_seconds"] >= 0.4
    assert cost["peak_rss_mib"] > 5
    assert misbehave(worker, model, "nothing").cost["cpu_seconds"] < 0.2


@pytest.mark.slow
def test_what_is_printed_reaches_the_log_within_limits(
    worker: Worker, model: TFLiteModel, lines: list[str]
) -> None:
    with pytest.raises(WorkerDied):
        misbehave(worker, model, "flood")
    assert "about to flood" in lines
    assert "(more than 4 MiB printed; the rest is not shown)" in lines
    assert all(line.isprintable() for line in lines)


def test_ctrl_c_stops_the_process(worker: Worker, model: TFLiteModel) -> None:
    before = running()

    def interrupt(done: float, total: float, note: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        misbehave(worker, model, "fill", progress=interrupt)
    assert running() <= before
    assert misbehave(worker, model, "nothing").value


def test_a_broken_loader_is_said_every_time(log: Path, model: TFLiteModel) -> None:
    worker = Worker(WorkerOptions(), "cpu", ("fakes:nothing_there", None), fakes.NAMES)
    for _ in range(2):
        with pytest.raises(PassError, match="nothing_there"):
            misbehave(worker, model, "nothing")
    worker.stop()


@pytest.mark.slow
def test_a_build_goes_on_after_a_pass_that_misbehaved(recipe: Recipe, build: FakeBuild) -> None:
    for how in ("write to the channel", "leave a detached child"):
        bad = Step(label="bad", options=rogues.Rogue(how=how))
        broken = replace(recipe, steps={**recipe.steps, "bad": bad}, pipeline=("train", "convert", "bad"))
        outcome = build(broken)
        assert isinstance(outcome.error, WorkerDied)
        assert "pass 'bad'" in str(outcome.error)
    assert build(recipe).error is None
