"""Show what a sweep would build: its jobs, the passes of each, which they share, and about how long it takes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

from tflbuild.core.plain_text import plain
from tflbuild.show.durations import about
from tflbuild.sweep.batch import exit_code_of
from tflbuild.sweep.forecast import PlannedPass, elapsed
from tflbuild.sweep.freeze import GridPoint, announcement, grid_points, refuse_nothing_valid
from tflbuild.sweep.grid import expand, names_of
from tflbuild.sweep.known import GRID
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.request import Request, read_request
from tflbuild.sweep.show import say

WIDTH = 100
"""Columns where no terminal says how many there are."""


def preview(words: Sequence[str]) -> int:
    """Print what a sweep would build; runs nothing, and writes nothing.

    Args:
        words: as typed behind `-m`.

    Returns:
        0, or the exit code by which the sweep would end on account of its invalid jobs.

    Raises:
        TflbuildError: the words cannot be read, or no job is valid.
    """
    request = read_request(words)
    parallel = launcher(request.launcher, request.launcher_options).parallel
    if request.sweeper != GRID:
        return _of_search(request, parallel)
    found = grid_points(expand(request.overrides))
    names = names_of([point.combination for point in found])
    refuse_nothing_valid(found, names)
    say(announcement(found))
    first: dict[str, int] = {}
    for number, (name, point) in enumerate(zip(names, found, strict=True), start=1):
        for line in _job(number, name, point, first):
            say(line)
    jobs = [point.passes for point in found if not point.error]
    for line in _times(jobs, request.launcher, parallel):
        say(line)
    return exit_code_of({point.error.exit_code for point in found if point.error})


def _job(number: int, name: str, point: GridPoint, first: dict[str, int]) -> Iterator[str]:
    """Give the lines of a job; `first` says which job each pass was planned for first, and is added to."""
    yield f"{number:>3}  {plain(name)}"
    if point.error is not None:
        yield f"     invalid: {point.error}"
        return
    parts = []
    for one in point.passes:
        sharing = first.setdefault(one.key, number)
        parts.append(f"{one.label}: {_state(one, sharing if sharing != number else 0)}")
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    yield from _lines(parts, columns - 1)


def _lines(parts: Sequence[str], columns: int) -> Iterator[str]:
    """Put as many parts on a line as fit, none of them on two."""
    line = ""
    for part in parts:
        longer = f"{line}; {part}" if line else f"     {part}"
        if line and len(longer) > columns:
            yield f"{line};"
            longer = f"     {part}"
        line = longer
    yield line


def _state(one: PlannedPass, shared_with: int) -> str:
    if one.stored:
        return "in the store"
    if shared_with:
        return f"shared with job {shared_with}"
    return "to run" if one.seconds is None else f"to run, {about(one.seconds)}"


def _times(jobs: Sequence[Sequence[PlannedPass]], launcher_name: str, parallel: int) -> Iterator[str]:
    """Say about how long all of them take, and what is not known."""
    new = {one.key: one for job in jobs for one in job if not one.stored}
    if not new:
        yield "everything is in the store; each job takes a second or two"
        return
    unknown = sorted({one.label for one in new.values() if one.seconds is None})
    if (parallel > 1 or unknown) and len(unknown) < len({one.label for one in new.values()}):
        at_once = f", {parallel} at once" if parallel > 1 else ""
        yield f"passes: {about(elapsed(jobs, parallel))} ({launcher_name}{at_once}); delivering comes on top"
    if unknown:
        yield f"not counted, since they have never run here: {', '.join(unknown)}"


def _of_search(request: Request, parallel: int) -> int:
    """Say what a search would ask for: its values are not known before it has run."""
    from tflbuild.sweep.search import read_search

    search = read_search(request)
    point, trials = search.first, search.options.n_trials
    aims = ", ".join(
        f"{way} {name}" for name, way in zip(search.recipe.objective, search.directions, strict=True)
    )
    say(f"search ({search.options.sampler}): {trials} trials to {aims}")
    for dimension in search.space.dimensions.values():
        say(f"  {plain(dimension.typed)}")
    say("passes of the first trial, with the first value of each option; later trials depend on results:")
    for line in _job(1, point.combination.name, point, {}):
        say(line)
    new = [one for one in point.passes if not one.stored]
    if new and all(one.seconds is not None for one in new):
        seconds = sum(one.seconds or 0.0 for one in new)
        most = seconds * -(-trials // parallel)
        say(f"passes: {about(seconds)} a trial, at most {about(most)} for {trials} trials")
    return 0
