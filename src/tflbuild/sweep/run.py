"""Run a sweep, or what is missing of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tflbuild import plugins
from tflbuild.core.errors import TflbuildError
from tflbuild.recipe.kept import Asked, Kept, placed, plugin_folder
from tflbuild.sweep.batch import EXIT_ORDER, finish, settle
from tflbuild.sweep.freeze import GridPoint, announcement, freeze, grid_points
from tflbuild.sweep.grid import expand
from tflbuild.sweep.launchers import Done, Launcher, check_harmless, launcher
from tflbuild.sweep.record import SweepRecord, make_sweep_folder, read_record
from tflbuild.sweep.request import GRID, read_request
from tflbuild.sweep.row import row_of_waiting
from tflbuild.sweep.show import say


def run_sweep(overrides: Sequence[str], began: Callable[[Path], object] = lambda folder: None) -> int:
    """Build every combination; gives the exit code.

    Args:
        overrides: as typed; of Hydra's own settings, `hydra/launcher`, `hydra/sweeper` and their options.
        began: is told the sweep's folder before the first job.

    Raises:
        RecipeError: the words cannot be read, or no job of the sweep is valid.
    """
    request = read_request(overrides)
    chosen = launcher(request.launcher, request.launcher_options)
    if request.sweeper != GRID:
        from tflbuild.sweep.search import run_search

        return run_search(request, chosen, list(overrides), began)
    found = grid_points(expand(request.overrides))
    recipes = [point.recipe for point in found if point.recipe and not point.error]
    if not recipes:
        raise _nothing_valid(found)
    say(announcement(found))
    folder = make_sweep_folder(recipes)
    began(folder)
    record = SweepRecord(
        folder=folder,
        command=list(overrides),
        launcher=request.launcher,
        launcher_options=request.launcher_options,
        entries=freeze(found, folder),
    )
    with record.lock():
        record.write()
        positions = [n for n, entry in enumerate(record.entries) if entry.row["status"] == "waiting"]
        return _run(record, positions, chosen)


def rerun_sweep(folder: Path, words: Sequence[str] = (), asked: Asked | None = None) -> int:
    """Build what is missing or failed of a sweep, from its frozen jobs; gives the exit code of the whole.

    Args:
        folder: of the sweep.
        words: `hydra/launcher=NAME` and its options, to run it elsewhere than before.
        asked: what of the sweep's plugins, hooks and places is used.

    Raises:
        RecipeError: the folder holds no sweep, or another process is building it.
    """
    record = _usable(read_record(folder), asked or Asked())
    for local in {job.plugins for job in record.frozen(record.unfinished())}:
        plugins.load(Path(local) if local else None)
    request = read_request(words)
    name, options = record.launcher, record.launcher_options
    if words:
        name, options = request.launcher, request.launcher_options
    else:
        check_harmless(options, folder / "sweep.json")
    chosen = launcher(name, options)
    with record.lock():
        positions = record.unfinished()
        for entry in (record.entries[position] for position in positions):
            entry.row = row_of_waiting(entry.row["name"], entry.row["overrides"])
        say(f"{len(record.entries)} jobs, {len(positions)} to run, the others are kept")
        return _run(record, positions, chosen)


def _usable(record: SweepRecord, asked: Asked) -> SweepRecord:
    """Take of a sweep's frozen jobs what is the user's own, or asked for; the rest is noted once."""
    notes: dict[str, None] = {}
    file = record.folder / "sweep.json"
    for entry in (record.entries[position] for position in record.unfinished()):
        job = entry.frozen
        assert job is not None
        kept = Kept(
            mapping=job.mapping, overrides=job.overrides, file=file, run=record.folder, cwd=Path(job.cwd)
        )
        local = plugin_folder(job.plugins, asked, notes.setdefault)
        entry.frozen = replace(
            job,
            mapping=placed(kept, asked, notes.setdefault),
            plugins=str(local) if local else None,
        )
    for text in notes:
        say(f"note: {text}")
    return record


def _run(record: SweepRecord, positions: list[int], chosen: Launcher) -> int:
    def work(done: Done) -> None:
        with chosen as started:
            started.launch(record.frozen(positions), done)

    settle(record, positions, work, len(positions))
    return finish(record)


def _nothing_valid(found: Sequence[GridPoint]) -> TflbuildError:
    """Give the error by which the sweep would exit, had it been run."""
    errors = [point.error for point in found if point.error]
    first = min(errors, key=lambda error: EXIT_ORDER.index(error.exit_code))
    first.args = (f"no job of the sweep is valid: {first}",)
    return first
