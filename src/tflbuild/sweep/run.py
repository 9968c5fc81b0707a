"""Run a sweep, or what is missing of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tflbuild import plugins
from tflbuild.core.errors import StoreError
from tflbuild.engine.run_folder import point_latest
from tflbuild.recipe.kept import Asked, Kept, at_hand, placed, plugin_folder
from tflbuild.show.interrupted import continuing, show_interrupted
from tflbuild.sweep.batch import finish, settle
from tflbuild.sweep.freeze import announcement, freeze, grid_points, invalid_lines, refuse_nothing_valid
from tflbuild.sweep.grid import expand, names_of
from tflbuild.sweep.known import GRID
from tflbuild.sweep.launchers import Done, Launcher, check_harmless, launcher
from tflbuild.sweep.record import SweepRecord, make_sweep_folder, read_record
from tflbuild.sweep.request import read_request
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
    names = names_of([point.combination for point in found])
    refuse_nothing_valid(found, names)
    recipes = [point.recipe for point in found if point.recipe and not point.error]
    say(announcement(found))
    for line in invalid_lines(found, names):
        say(line)
    folder = make_sweep_folder(recipes)
    began(folder)
    record = SweepRecord(
        folder=folder,
        command=list(overrides),
        launcher=request.launcher,
        launcher_options=request.launcher_options,
        entries=freeze(found, folder, names),
    )
    with record.lock():
        record.write()
        point_latest(folder)
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
        with suppress(StoreError):  # where another's folder may be read alone
            point_latest(folder)
        positions = record.unfinished()
        for entry in (record.entries[position] for position in positions):
            entry.row = row_of_waiting(entry.row["name"], entry.row["overrides"])
        say(f"{len(record.entries)} jobs, {len(positions)} to run, the others are already built")
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
            mapping=at_hand(kept, placed(kept, asked, notes.setdefault), asked, notes.setdefault),
            plugins=str(local) if local else None,
        )
    for text in notes:
        say(f"note: {text}")
    return record


def _run(record: SweepRecord, positions: list[int], chosen: Launcher) -> int:
    def work(done: Done) -> None:
        with chosen as started:
            started.launch(record.frozen(positions), done)

    interrupted = settle(record, positions, work, len(positions), parallel=chosen.parallel)
    code = finish(record)
    if interrupted:
        show_interrupted(continuing(record.folder))
    return code
