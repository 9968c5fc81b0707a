"""Folders of sweeps, where a command takes a run: the jobs in them, and a sentence where one of these is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain

RECORD = "sweep.json"


def is_sweep(path: str | Path) -> bool:
    """Say whether a folder is a sweep's."""
    try:
        return (Path(path) / RECORD).is_file()
    except (OSError, ValueError):  # a word that no file can be called
        return False


def refuse_sweeps(command: str, words: Iterable[str]) -> None:
    """Refuse a sweep where a command takes one run, and name one of its jobs.

    Raises:
        RecipeError: a word is a sweep's folder.
    """
    for word in words:
        if not is_sweep(word):
            continue
        built = [
            path.parent for path in sorted(Path(word).glob("*/report.json")) if not path.parent.is_symlink()
        ]
        example = (
            f"name one of its jobs, e.g. {plain(built[0])}" if built else "none of its jobs has a report yet"
        )
        raise RecipeError(f"{command}: {plain(word)} is a sweep; {example}.")


def jobs_in(folder: str | Path) -> list[str]:
    """Give the folders of a sweep's jobs that left a report, in the order of its grid.

    Raises:
        RecipeError: the sweep cannot be read.
    """
    from tflbuild.sweep.record import read_record

    names = [entry.row["name"] for entry in read_record(Path(folder)).entries]
    return [str(Path(folder) / name) for name in names if (Path(folder) / name / "report.json").is_file()]


def with_jobs(command: str, words: Sequence[str]) -> list[str]:
    """Put the jobs of every sweep among some runs in its place.

    Raises:
        RecipeError: a sweep has no job with a report.
    """
    runs: list[str] = []
    for word in words:
        jobs = jobs_in(word) if is_sweep(word) else [word]
        if not jobs:
            raise RecipeError(f"{command}: none of the jobs of {plain(word)} has a report yet.")
        runs += jobs
    return runs


def in_every(folders: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Give the names of the jobs that all of some sweeps have, and by folder those that only some have."""
    names = {folder: [Path(job).name for job in jobs_in(folder)] for folder in folders}
    shared = [name for name in names[folders[0]] if all(name in others for others in names.values())]
    return shared, {folder: [name for name in found if name not in shared] for folder, found in names.items()}
