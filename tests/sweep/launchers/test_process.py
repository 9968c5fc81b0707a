"""What launchers share: the environment of a process, its results, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import process
from tflbuild.sweep.launchers.process import (
    build_there,
    current_folder_left_out,
    deciding_environment,
    end_with_parent,
    failed,
    lost,
)
from tflbuild.sweep.row import row_of_waiting

JOB = FrozenJob(
    mapping={},
    overrides=(),
    differs={"a": "1"},
    name="a=1",
    plugins=None,
    folder="/nowhere/a=1",
    cwd="/nowhere",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no variable that decides bytes, and put all back behind the test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in list(os.environ):
        if process._decides(name) or name == "PYTHONSAFEPATH":
            del os.environ[name]


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("OMP_NUM_THREADS", True),
        ("MKL_NUM_THREADS", True),
        ("OPENBLAS_NUM_THREADS", True),
        ("TF_ENABLE_ONEDNN_OPTS", True),
        ("TF_NUM_INTRAOP_THREADS", True),
        ("XLA_FLAGS", True),
        ("CUDA_VISIBLE_DEVICES", False),
        ("PATH", False),
        ("MY_XLA_FLAGS", False),
        ("NUM_THREADS_OF_OURS", False),
        ("UTF_8", False),
        ("TFHUB_CACHE_DIR", False),
    ],
)
def test_variables_that_decide_bytes_go_along(name: str, decides: bool) -> None:
    os.environ[name] = "7"
    assert deciding_environment() == ({name: "7"} if decides else {})


def test_a_job_is_built_in_the_environment_of_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str | None] = {}

    def run_here(job: FrozenJob) -> JobResult:
        assert job is JOB
        seen.update({name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "TF_X", "TF_Y", "HOME_OF")})
        return JobResult(0, {"built": True})

    monkeypatch.setattr(process, "run_here", run_here)
    os.environ |= {"OMP_NUM_THREADS": "1", "TF_X": "launcher's", "HOME_OF": "node"}
    assert build_there(JOB, {"OMP_NUM_THREADS": "4", "TF_Y": "asked"}) == JobResult(0, {"built": True})
    assert seen == {"OMP_NUM_THREADS": "4", "TF_X": None, "TF_Y": "asked", "HOME_OF": "node"}


def test_a_job_that_cannot_begin_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_here(job: FrozenJob) -> JobResult:
        raise StoreError("read only")

    monkeypatch.setattr(process, "run_here", run_here)
    result = build_there(JOB, {})
    assert (result.exit_code, result.row["status"], result.row["error"]) == (4, "failed", "read only")
    assert (result.row["name"], result.row["overrides"]) == ("a=1", {"a": "1"})


def test_a_failed_job_has_its_errors_code_and_a_lost_one_that_of_a_pass() -> None:
    result = failed(JOB, RecipeError("x"))
    assert (result.exit_code, result.row["exit_code"], result.row["status"]) == (2, 2, "invalid")
    gone = lost(JOB, "gone")
    assert (gone.exit_code, gone.row["exit_code"], gone.row["status"]) == (4, 4, "failed")
    assert gone.row == row_of_waiting("a=1", {"a": "1"}) | {
        "status": "failed",
        "exit_code": 4,
        "error": "gone",
    }


@pytest.mark.parametrize("before", [None, "", "0"])
def test_nothing_is_imported_from_the_current_folder_meanwhile(before: str | None) -> None:
    if before is not None:
        os.environ["PYTHONSAFEPATH"] = before
    with current_folder_left_out():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ.get("PYTHONSAFEPATH") == before


def test_a_process_ends_when_its_parent_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([100, 100, 100, 1])
    ended, waited = threading.Event(), []
    monkeypatch.setattr(process.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(process.time, "sleep", waited.append)
    end_with_parent(ended.set)
    assert ended.wait(20)
    assert waited == [0.5, 0.5]


def test_waiting_for_the_parents_end_keeps_no_process_from_ending() -> None:
    code = f"from {process.__name__} import end_with_parent; end_with_parent()"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_results_name_the_jobs_folder_nowhere(tmp_path: Path) -> None:
    assert "/nowhere" not in str(lost(JOB, "gone").row)
