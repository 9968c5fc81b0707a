"""Links from the page of a run: to its files, to its sweep, and to other runs of its recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.samples import INDEX

MOST_RUNS = 12
"""Other runs that are listed, the newest first."""

FILES = (
    ("report.json", "the report as JSON"),
    ("log.txt", "log"),
    ("events.jsonl", "events"),
    ("recipe.lock.yaml", "lock"),
    ("reproduce.yaml", "the command for the failed pass"),
)
"""Files of a run that are told by what they are."""

PAGE, SUMMARY, LATEST = "report.html", "summary.html", "latest"


@dataclass(frozen=True, kw_only=True)
class Links:
    """Addresses relative to the page, each with its text.

    Attributes:
        files: what the run left.
        sweep: the page of the sweep that it is a job of; "" for none.
        runs: pages of other runs of the recipe, or of other jobs of the sweep.
        more: how many are not listed.
    """

    files: tuple[tuple[str, str], ...] = ()
    sweep: str = ""
    runs: tuple[tuple[str, str], ...] = field(default=())
    more: int = 0


def links_of(folder: Path, report: Mapping[str, Any]) -> Links:
    """Give the links of a run: of files, those that are there."""
    runs = sorted(_others(folder), reverse=True)
    sweep = f"../{SUMMARY}" if (folder.parent / SUMMARY).is_file() else ""
    return Links(
        files=tuple(_files(folder, report)),
        sweep=sweep,
        runs=tuple((f"../{name}/{PAGE}", name) for name in runs[:MOST_RUNS]),
        more=max(0, len(runs) - MOST_RUNS),
    )


def _files(folder: Path, report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "./", "run folder"
    for target in report["targets"]:
        if (folder / target["path"]).is_file():
            yield target["path"], f"model for {target['name']}"
        index = f"{(target.get('samples') or {}).get('path', '')}/{INDEX}"
        if (folder / index).is_file():
            yield index, f"samples with the outputs of the model for {target['name']}"
    rejected = folder / "rejected"
    for path in sorted(rejected.iterdir()) if rejected.is_dir() else ():
        yield f"rejected/{path.name}", "rejected model"
    for name, text in FILES:
        if (folder / name).is_file():
            yield name, text


def _others(folder: Path) -> Iterator[str]:
    """Name the neighbours that have a page; a sweep's are its jobs."""
    own = folder.resolve().name
    for path in folder.resolve().parent.iterdir():
        if path.name not in (own, LATEST) and not path.is_symlink() and (path / PAGE).is_file():
            yield path.name
