"""Jobs for launchers whose processes, clusters and schedulers are stood in for."""

from __future__ import annotations

from tflbuild.sweep.job import FrozenJob, JobResult


def jobs_of(count: int, folder: str = "/sweep") -> list[FrozenJob]:
    return [
        FrozenJob(
            mapping={},
            overrides=(),
            differs={"a": str(number)},
            name=f"a={number}",
            plugins=None,
            folder=f"{folder}/a={number}",
            cwd="/",
        )
        for number in range(count)
    ]


def built(job: FrozenJob, code: int = 0) -> JobResult:
    return JobResult(code, {"name": job.name, "status": "built"})


class Told(list[tuple[int, JobResult]]):
    """Note what is done."""

    def __call__(self, position: int, result: JobResult) -> None:
        self.append((position, result))

    @property
    def rows(self) -> dict[int, tuple[str, str]]:
        return {position: (result.row["name"], result.row["status"]) for position, result in self}
