"""Light processes that share a split's images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import fakes
from processes import gone
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import PassError, WorkerDied
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.crew import (
    IMAGES_A_PROCESS,
    LARGEST_SHARD,
    SMALLEST_SHARD,
    SplitWork,
    shrinking,
    usable_cores,
)
from tflbuild.engine.workers.request import Reply
from tflbuild.engine.workers.worker import Worker

PASSES.remove_module("rogues")

NAMES = replace(fakes.NAMES, predict="rogues:predict_file", merge="rogues:merge")
Share = Callable[..., Reply]


@pytest.fixture
def worker(log: Path, request: pytest.FixtureRequest) -> Iterator[Worker]:
    size = getattr(request, "param", 2)
    made = Worker(WorkerOptions(evaluators=size), "cpu", ("fakes:load", None), NAMES)
    yield made
    made.stop()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "predictions.npz"


def job(out: Path, images: int, progress: Any = None, **meta: Any) -> SplitWork:
    data = fakes.FakeData(train=images)
    index = out.with_name(f"index-{images}.json")
    index.write_text(json.dumps(data.index(None).to_json()))
    model = TFLiteModel(path=out, digest="", fingerprint="", meta=meta)
    told = progress or (lambda done, total, note: None)
    return SplitWork(
        "predict", (None, model, data, index, "train"), images, out, "measuring predictions", told
    )


def in_order(images: int) -> str:
    return "".join(f"train{number}\n" for number in range(images))


def processes(log: Path) -> list[int]:
    """Give which process took each shard, in the order they began."""
    return [int(line) for line in log.read_text().split()]


@pytest.mark.parametrize("worker", [1, 2, 3], indirect=True)
def test_what_is_written_does_not_depend_on_how_many_write(worker: Worker, out: Path, log: Path) -> None:
    images = 3 * IMAGES_A_PROCESS + 7
    answer = worker.crew.share(job(out, images))
    assert answer.value == "rogue"
    assert out.read_text() == in_order(images)
    assert len(processes(log)) > 10
    assert len(set(processes(log))) == worker.options.evaluators


@pytest.mark.parametrize("images", [1, SMALLEST_SHARD, SMALLEST_SHARD + 1, 2 * IMAGES_A_PROCESS - 1])
def test_one_process_is_enough_for_a_few_images(worker: Worker, out: Path, log: Path, images: int) -> None:
    worker.crew.share(job(out, images))
    assert out.read_text() == in_order(images)
    assert len(set(processes(log))) == 1


def test_who_is_done_takes_over_from_who_is_not(worker: Worker, out: Path, log: Path) -> None:
    images = 4 * IMAGES_A_PROCESS
    shards = 2 * len(list(shrinking(0, images // 2)))
    worker.crew.share(job(out, images, how=f"wait for {shards} shards", at="train0"))
    counts = sorted(processes(log).count(pid) for pid in set(processes(log)))
    assert counts == [1, shards - 1], "the first image takes longer than all others"
    assert out.read_text() == in_order(images)


@pytest.mark.parametrize("images", [1, 7, 8, 9, 63, 200, 5000])
def test_shards_cover_every_image_and_shrink_towards_the_end(images: int) -> None:
    shards = list(shrinking(3, 3 + images))
    assert [image for shard in shards for image in shard] == list(range(3, 3 + images))
    assert [len(shard) for shard in shards] == sorted((len(shard) for shard in shards), reverse=True)
    assert len(shards[0]) <= LARGEST_SHARD
    assert len(shards[-1]) <= SMALLEST_SHARD


def test_a_shard_is_a_quarter_of_what_is_left_and_at_least_eight() -> None:
    assert [len(shard) for shard in shrinking(0, 200)] == [50, 37, 28, 21, 16, 12, 9, 8, 8, 8, 3]


def test_the_same_images_go_to_the_same_process(worker: Worker, out: Path, log: Path) -> None:
    for _ in range(2):
        worker.crew.share(job(out, 4 * IMAGES_A_PROCESS, seconds=0.001))
    assert len(set(processes(log))) == 2, "the processes stay warm"


def test_progress_is_that_of_all_together(worker: Worker, out: Path) -> None:
    told: list[float] = []
    worker.crew.share(job(out, 200, lambda done, total, note: told.append(done), seconds=0.002))
    assert told == sorted(told)
    assert told[-1] == 200
    assert len(told) > 2 * len(list(shrinking(0, 100))), "shards that are not done count too"


@pytest.mark.slow
def test_the_cost_is_that_of_all_together(worker: Worker, out: Path) -> None:
    cost = worker.crew.share(job(out, 2 * IMAGES_A_PROCESS, how="spin", at="train100")).cost
    alone = worker.crew.share(job(out, 2, how="spin", at="train1")).cost
    assert cost["cpu_seconds"] >= 0.2
    assert cost["seconds"] >= 0.2
    assert cost["peak_rss_mib"] > 1.5 * alone["peak_rss_mib"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("abort", WorkerDied, "measuring predictions: its worker process was ended by signal 6 (SIGABRT)"),
        ("be killed", WorkerDied, "when memory runs out"),
        ("write to the channel", WorkerDied, "measuring predictions wrote to its answer channel"),
        ("raise oddly", PassError, "measuring predictions failed: Odd: what is this"),
    ],
)
def test_one_that_misbehaves_ends_the_measurement_and_leaves_none_behind(
    worker: Worker, out: Path, log: Path, how: str, error: type[Exception], message: str
) -> None:
    images = 4 * IMAGES_A_PROCESS
    with pytest.raises(error) as caught:
        worker.crew.share(job(out, images, how=how, at="train200", seconds=0.01))
    assert message in str(caught.value)
    assert not out.exists()
    worker.crew.share(job(out, images))
    assert out.read_text() == in_order(images), "the next measurement has fresh processes"
    worker.stop()
    assert gone(processes(log))


def test_ctrl_c_stops_all(worker: Worker, out: Path, log: Path) -> None:
    def interrupt(done: float, total: float, note: str) -> None:
        if len(set(processes(log))) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.crew.share(job(out, 4 * IMAGES_A_PROCESS, interrupt, seconds=0.01))
    assert gone(processes(log), seconds=1.0)


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import test_crew
worker = test_crew.Worker(test_crew.WorkerOptions(evaluators=2), "cpu", ("fakes:load", None), test_crew.NAMES)
worker.crew.share(test_crew.job(Path({out!r}), 512, seconds={seconds}, how="hold the interpreter", at={at!r}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["", "train40"], ids=["busy", "in C code that holds the interpreter"])
def test_no_process_outlives_its_parent(out: Path, log: Path, at: str) -> None:
    code = PARENT.format(folder=str(Path(__file__).parent), out=str(out), seconds=0.02, at=at)
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while len(processes(log)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    started = set(processes(log))
    assert all(psutil.pid_exists(pid) for pid in started)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(list(started))


def test_there_is_a_process_for_each_usable_core() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from tflbuild.engine.workers.crew import usable_cores; print(usable_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert usable_cores() >= 1
