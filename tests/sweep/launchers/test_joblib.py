"""Sweeps in several processes of this machine."""

from __future__ import annotations

import signal

import psutil
import pytest

from sweep_place import Place
from tflbuild.cli import main
from visiting import STRAY, newest, rows, statuses, visits

pytest.importorskip("joblib", reason="the extra joblib is not installed")
pytestmark = pytest.mark.slow

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def test_processes_share_one_store_and_no_pass_runs_twice(there: Place) -> None:
    assert main(["-m", "recipe=visits", "visit.number=0,1,2,3", *JOBLIB]) == 0
    assert there.ran() == ["prune 0.01"]
    assert visits(there) == [0, 1, 2, 3]
    for name, row in rows(there).items():
        assert row["status"] == "built"
        assert (newest(there) / name / "model.tflite").is_file()
        assert "visit: done" in (newest(there) / name / "console.txt").read_text()


def test_the_bytes_are_those_of_a_serial_sweep(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    sweep = ["-m", "recipe=visits", "visit.number=0,1"]
    assert main([*sweep, "store.path=serial"]) == 0
    serial = {name: row["sha256"] for name, row in rows(there).items()}
    assert main([*sweep, "store.path=parallel", *JOBLIB]) == 0
    assert {name: row["sha256"] for name, row in rows(there).items()} == serial
    assert visits(there) == [0, 0, 1, 1]


def test_a_killed_process_costs_its_running_pass_only(there: Place) -> None:
    kill = [f"visit.sends={int(signal.SIGKILL)}", "visit.every=3", "visit.once=killed"]
    assert main(["-m", "recipe=visits", "visit.number=1,2,3,4", *kill, *JOBLIB]) == 0
    assert set(statuses(there).values()) == {"built"}
    assert visits(there) == [1, 2, 3, 3, 4]
    assert there.ran() == ["prune 0.01"]


def test_a_job_that_kills_every_process_fails_alone(there: Place, capsys: pytest.CaptureFixture[str]) -> None:
    kill = [f"visit.sends={int(signal.SIGKILL)}", "visit.every=3"]
    assert main(["-m", "recipe=visits", "visit.number=1,2,3,4", *kill, *JOBLIB]) == 4
    assert statuses(there) == {
        "visit.number=1": "built",
        "visit.number=2": "built",
        "visit.number=3": "failed",
        "visit.number=4": "built",
    }
    assert visits(there) == [1, 2, 3, 3, 4]
    assert "visit.number=3: the process that built it died 2 times" in capsys.readouterr().out


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_sweep(there: Place, signalled: signal.Signals) -> None:
    sweep = there.start("-m", "recipe=visits", "visit.number=1,2,3", "visit.until=never", *JOBLIB)
    there.wait_until(lambda: len(visits(there)) == 2)
    started = psutil.Process(sweep.pid).children(recursive=True)
    sweep.send_signal(signalled)
    code = sweep.wait(120)
    _, alive = psutil.wait_procs(started, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    if signalled != signal.SIGKILL:
        assert code == 130
        assert set(statuses(there).values()) == {"interrupted"}


def test_a_search_in_batches_asks_the_same_wherever_it_is_built(there: Place) -> None:
    pytest.importorskip("optuna", reason="the extra optuna is not installed")
    options = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=2"]
    search = ["-m", "recipe=visits", "prune.cost=interval(0,0.04)", "objective=[score]", *options]
    assert main(search) == 0
    serial = list(rows(there))
    assert main([*search, "store.path=other", *JOBLIB]) == 0
    assert list(rows(there)) == serial
    assert set(statuses(there).values()) == {"built"}


def test_what_lies_beside_a_recipe_is_not_imported(there: Place) -> None:
    for module in STRAY:
        text = f"open({str(there.folder / module)!r} + '.ran', 'w').close()\n"
        (there.folder / f"{module}.py").write_text(text)
    assert main(["-m", "recipe=visits", "visit.number=0,1", *JOBLIB]) == 0
    assert list(there.folder.glob("*.ran")) == []
