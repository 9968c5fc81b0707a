"""Sweeps through submitit's local executor, which starts processes as Slurm would."""

from __future__ import annotations

import signal

import psutil
import pytest

from sweep_place import Place
from tflbuild.cli import main
from visiting import STRAY, newest, rows, statuses, visits

pytest.importorskip("submitit", reason="the extra submitit is not installed")
pytestmark = pytest.mark.slow

LOCAL = ("hydra/launcher=submitit_local", "hydra.launcher.parallel=2")


def test_jobs_share_one_store_and_give_the_bytes_of_a_serial_sweep(there: Place) -> None:
    sweep = ["-m", "recipe=visits", "visit.number=0,1,2"]
    assert main([*sweep, *LOCAL]) == 0
    assert there.ran() == ["prune 0.01"]
    assert visits(there) == [0, 1, 2]
    elsewhere = {name: row["sha256"] for name, row in rows(there).items()}
    assert all((newest(there) / name / "model.tflite").is_file() for name in elsewhere)
    assert main([*sweep, "store.path=serial"]) == 0
    assert {name: row["sha256"] for name, row in rows(there).items()} == elsewhere


def test_a_job_that_dies_is_a_failed_row(there: Place, capsys: pytest.CaptureFixture[str]) -> None:
    kill = [f"visit.sends={int(signal.SIGKILL)}", "visit.every=2"]
    assert main(["-m", "recipe=visits", "visit.number=1,2,3", *kill, *LOCAL]) == 4
    assert list(statuses(there).values()) == ["built", "failed", "built"]
    assert "visit.number=2: its process ended without a result (submitit job" in capsys.readouterr().out


def test_a_preempted_job_is_queued_again_and_continues(there: Place) -> None:
    preempt = [f"visit.sends={int(signal.SIGUSR2)}", "visit.once=preempted"]
    assert main(["-m", "recipe=visits", "visit.number=2", *preempt, *LOCAL]) == 0
    assert visits(there) == [2, 2]
    assert there.ran() == ["prune 0.01"]


def test_no_process_outlives_the_sweep(there: Place) -> None:
    sweep = there.start("-m", "recipe=visits", "visit.number=1,2,3", "visit.until=never", *LOCAL)
    there.wait_until(lambda: len(visits(there)) == 2)
    started = psutil.Process(sweep.pid).children(recursive=True)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(30) == 130
    _, alive = psutil.wait_procs(started, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert set(statuses(there).values()) == {"interrupted"}
    assert "Traceback" not in there.printed()


@pytest.mark.filterwarnings(  # submitit leaves the logs of a debug job open
    "ignore:Exception ignored in.*DEBUG_:pytest.PytestUnraisableExceptionWarning"
)
def test_the_debug_cluster_is_this_process(there: Place) -> None:
    debug = ("hydra/launcher=submitit", "hydra.launcher.cluster=debug")
    assert main(["-m", "recipe=visits", "visit.number=1,2", *debug]) == 0
    assert visits(there) == [1, 2]


def test_what_lies_beside_a_recipe_is_not_imported(there: Place) -> None:
    for module in STRAY:
        text = f"open({str(there.folder / module)!r} + '.ran', 'w').close()\n"
        (there.folder / f"{module}.py").write_text(text)
    assert main(["-m", "recipe=visits", "visit.number=0,1", *LOCAL]) == 0
    assert list(there.folder.glob("*.ran")) == []
