"""Compose every job of a sweep before the first one starts, and count the passes that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.crash import told
from tflbuild.core.dataset import Index
from tflbuild.core.errors import RecipeError, TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.order import sources_of
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import Prepared, prepare
from tflbuild.engine.timings import Timings, expected_steps
from tflbuild.recipe.load import load_recipe
from tflbuild.recipe.preprocessing import is_assumed
from tflbuild.show import terminal
from tflbuild.show.audience import say
from tflbuild.show.durations import about
from tflbuild.sweep.batch import EXIT_ORDER
from tflbuild.sweep.forecast import PlannedPass
from tflbuild.sweep.grid import Combination, names_of
from tflbuild.sweep.job import FrozenJob
from tflbuild.sweep.pace import marginal
from tflbuild.sweep.record import Entry
from tflbuild.sweep.row import row_of_error, row_of_waiting
from tflbuild.wiring import NAMES

MOST_SHOWN = 20
"""Invalid jobs that are named before a sweep begins; the summary names all."""


@dataclass(frozen=True, kw_only=True)
class GridPoint:
    """A point of the grid, composed and planned as far as it goes.

    Attributes:
        combination: what is typed for it.
        recipe: None where it cannot be composed.
        passes: what it needs, in order.
        delivery: seconds of what comes behind the last pass; None where nobody knows.
        error: why it cannot be built.
    """

    combination: Combination
    recipe: Recipe | None = None
    passes: tuple[PlannedPass, ...] = ()
    delivery: float | None = None
    error: TflbuildError | None = None


def grid_points(combinations: Sequence[Combination]) -> list[GridPoint]:
    """Compose every combination, once per seed where its recipe has `seeds`, and plan it."""
    listed: dict[str, Index] = {}
    return [point for combination in combinations for point in _composed(combination, listed)]


def announcement(found: Sequence[GridPoint]) -> str:
    """Say how many jobs and distinct passes there are, how many of them would run, and what recipes leave out."""
    distinct = {one.key: one.stored for point in found for one in point.passes}
    running = sum(not hit for hit in distinct.values())
    jobs = f"{len(found)} job{'s' if len(found) != 1 else ''}"
    text = f"{jobs}, {len(distinct)} distinct passes, {running} to run{_duration(found)}"
    invalid = sum(point.error is not None for point in found)
    text = f"{text}; {invalid} invalid" if invalid else text
    remarks = [remark for point in found if point.recipe for remark in point.recipe.remarks]
    return "\n".join([text, *(f"warning: {remark}" for remark in dict.fromkeys(remarks))])


def _duration(found: Sequence[GridPoint]) -> str:
    """Say about how long all of it takes, one job after another; "" where nobody knows."""
    seconds = _marginal([point for point in found if point.error is None])
    known = [one for one in seconds if one is not None]
    return f", {about(sum(known))} one after another" if known and len(known) == len(seconds) else ""


def _marginal(found: Sequence[GridPoint]) -> list[float | None]:
    passes = [{one.key: one.seconds for one in point.passes if not one.stored} for point in found]
    return marginal(passes, [point.delivery for point in found])


def invalid_lines(found: Sequence[GridPoint], names: Sequence[str]) -> Iterator[str]:
    """Name the jobs that cannot be built, each with its reason.

    Args:
        found: composed jobs.
        names: of their folders.
    """
    bad = [(name, point.error) for name, point in zip(names, found, strict=True) if point.error]
    for name, error in bad[:MOST_SHOWN]:
        yield f"invalid: {plain(name)}: {error}"
    if len(bad) > MOST_SHOWN:
        yield f"invalid: {len(bad) - MOST_SHOWN} more"


def refuse_nothing_valid(found: Sequence[GridPoint], names: Sequence[str]) -> None:
    """Refuse a sweep of which no job can be built; where there are several reasons, each is said before.

    Raises:
        TflbuildError: the error by which the sweep would exit, had it been run.
    """
    errors = [point.error for point in found if point.error]
    if len(errors) < len(found):
        return
    if len({str(error) for error in errors}) > 1:
        for line in invalid_lines(found, names):
            say(line)
    first = min(errors, key=lambda error: EXIT_ORDER.index(error.exit_code))
    first.args = (f"no job of the sweep is valid: {first}",)
    raise first


def freeze(found: Sequence[GridPoint], folder: Path, names: Sequence[str] = ()) -> list[Entry]:
    """Give the jobs as they are recorded, each with its own folder.

    Args:
        found: composed jobs.
        folder: of the sweep.
        names: of the jobs' folders; empty to name them by what differs.
    """
    names = names or names_of([point.combination for point in found])
    return [
        replace(_entry(point, name, folder), about=seconds)
        for point, name, seconds in zip(found, names, _marginal(found), strict=True)
    ]


def _composed(combination: Combination, listed: dict[str, Index]) -> Iterator[GridPoint]:
    try:
        recipe = load_recipe(combination.overrides)
        seeds = _seeds(recipe)
    except Exception as error:  # noqa: BLE001 - one job's defect must not cost the others theirs
        yield GridPoint(combination=combination, error=told(error))
        return
    if not seeds:
        yield _planned(combination, recipe, listed)
    for seed in seeds:
        mapping = {**recipe.mapping, "seed": seed, "seeds": []}
        one = replace(recipe, seed=seed, seeds=(), mapping=mapping)
        yield _planned(combination.with_seed(seed), one, listed)


def _seeds(recipe: Recipe) -> tuple[int, ...]:
    for seed, count in Counter(recipe.seeds).items():
        if count > 1:
            raise RecipeError(f"seeds: {seed} occurs {count} times; one job is enough.")
    return recipe.seeds


def _planned(combination: Combination, recipe: Recipe, listed: dict[str, Index]) -> GridPoint:
    try:
        prepared = prepare(recipe, NAMES, listed=listed, looking=terminal.show_looking)
        passes, delivery = _passes(prepared)
    except Exception as error:  # noqa: BLE001 - one job's defect must not cost the others theirs
        return GridPoint(combination=combination, recipe=recipe, error=told(error))
    return GridPoint(combination=combination, recipe=recipe, passes=passes, delivery=delivery)


def _passes(prepared: Prepared) -> tuple[tuple[PlannedPass, ...], float | None]:
    """Name each pass by its action key, or where its input is not known yet by all that leads to it.

    Returns:
        The passes, and about how long the delivery takes.
    """
    found = []
    sources, chains = sources_of(prepared.recipe, prepared.order), {"": ""}
    steps = plan(prepared.recipe, prepared.keys, prepared.store).steps
    statuses = [(planned.step, planned.status) for planned in steps]
    taken, delivery = expected_steps(Timings(prepared.store.root), prepared.recipe, prepared.index, statuses)
    for planned, one in zip(steps, taken, strict=True):
        symbol = prepared.keys.preimage_but_input(planned.step) if not planned.key else None
        label = planned.step.label
        chain = chains[label] = planned.key or digest.of_json([chains[sources[label]], symbol])
        seconds = None if one is None else one.seconds
        found.append(PlannedPass(label=label, key=chain, stored=planned.status == "HIT", seconds=seconds))
    return tuple(found), None if delivery is None else delivery.seconds


def _entry(point: GridPoint, name: str, folder: Path) -> Entry:
    combination, recipe = point.combination, point.recipe
    differs = combination.differs
    row = row_of_waiting(name, differs)
    if point.error is not None:
        row = row_of_error(name, differs, point.error)
    if recipe is None:
        return Entry(frozen=None, row=row)
    frozen = FrozenJob(
        mapping=dict(recipe.mapping),
        overrides=tuple(combination.overrides),
        differs=differs,
        name=name,
        plugins=str(recipe.plugins) if recipe.plugins else None,
        folder=str(folder / name),
        cwd=str(Path.cwd()),
        assumed=is_assumed(recipe.seen),
    )
    return Entry(frozen=frozen, row=row)
