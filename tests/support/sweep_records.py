"""Records of sweeps that were never frozen, and results of their jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.record import Entry, SweepRecord
from tflbuild.sweep.row import row_of_waiting


def record_of(folder: Path, count: int, **mapping: Any) -> SweepRecord:
    jobs = [
        FrozenJob(
            mapping=mapping,
            overrides=(),
            differs={"a": str(number)},
            name=f"a={number}",
            plugins=None,
            folder=str(folder / f"a={number}"),
            cwd=str(folder),
        )
        for number in range(count)
    ]
    return SweepRecord(
        folder=folder,
        command=[],
        launcher="serial",
        launcher_options={},
        entries=[Entry(frozen=job, row=row_of_waiting(job.name, job.differs)) for job in jobs],
    )


def result(record: SweepRecord, position: int, status: str = "built", code: int = 0) -> JobResult:
    return JobResult(code, {**record.entries[position].row, "status": status, "exit_code": code})
