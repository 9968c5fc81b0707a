"""Search a recipe's options for the best figures, with Optuna, through any launcher.

Trials are asked for, composed, frozen and built in batches, and told in the order in which they were asked, so that
a search with the same seed and batch size asks the same again and finds every pass in the store. A trial that fails is
told as failed; one that is over its budget as infeasible, by how far it is over, which steers the sampler back.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core import toolchain
from tflbuild.core.errors import INTERRUPTED, RecipeError
from tflbuild.core.recipe import RUN_KEYS, Recipe
from tflbuild.engine.report_form import read_report
from tflbuild.engine.run_folder import point_latest
from tflbuild.engine.storage.disk import replace_file, writing
from tflbuild.recipe.validation import typed
from tflbuild.show.interrupted import continuing, show_interrupted
from tflbuild.sweep.batch import finish, settle
from tflbuild.sweep.freeze import GridPoint, freeze, grid_points
from tflbuild.sweep.grid import Combination
from tflbuild.sweep.launchers import Launcher
from tflbuild.sweep.objective import Direction, directions_of, excess_of, figures_at_gate, figures_of
from tflbuild.sweep.record import Entry, SweepRecord, make_sweep_folder, read_record
from tflbuild.sweep.request import Request
from tflbuild.sweep.show import change_since_base, say
from tflbuild.sweep.space import Space, space_of
from tflbuild.sweep.study import (
    FOLDER,
    RUN,
    Options,
    ask_again,
    check_sampler,
    counted,
    names_in,
    open_study,
    sampler_of,
)
from tflbuild.sweep.summary import accuracy_metric

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

RESULTS = "optimization_results.yaml"


def run_search(
    request: Request,
    chosen: Launcher,
    command: Sequence[str],
    began: Callable[[Path], object] = lambda folder: None,
) -> int:
    """Search; gives the exit code, by the same rule as a sweep's.

    Args:
        request: the search space among the recipe's overrides, and Optuna's options.
        chosen: where trials are built.
        command: as typed.
        began: is told the sweep's folder before the first job.

    Raises:
        RecipeError: an option, the space, the objective or the recipe is wrong.
        MissingTool: Optuna is not installed.
    """
    asked = read_search(request)
    options, space, directions, recipe = asked.options, asked.space, asked.directions, asked.recipe
    kept = {key: value for key, value in recipe.mapping.items() if key not in RUN_KEYS}
    searched = [dimension.typed for dimension in space.dimensions.values()]
    search = {"recipe": kept, "space": searched, "objective": list(recipe.objective)}
    study, existed = open_study(options, recipe.name, directions, search)
    record = _record_of(study, recipe, request, command)
    began(record.folder)
    aims = ", ".join(f"{way} {name}" for name, way in zip(recipe.objective, directions, strict=True))
    say(f"search: {options.n_trials} trials to {aims}")
    with record.lock():
        point_latest(record.folder)
        if existed:
            again = ask_again(study)
            say(
                f"continuing: {len(counted(study))} trials are done, {again} were interrupted and are built again"
            )
        return Search(options, space, recipe.objective, study, record).run(chosen)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A search as it was typed, before anything is built.

    Attributes:
        options: how far, and how.
        space: what is searched.
        first: its corner: the lowest or first value of each dimension.
        recipe: of the first.
        directions: by objective.
    """

    options: Options
    space: Space
    first: GridPoint
    recipe: Recipe
    directions: Sequence[Direction]


def read_search(request: Request) -> Asked:
    """Read a search, and compose its first point.

    Args:
        request: the search space among the recipe's overrides, and Optuna's options.

    Raises:
        RecipeError: an option, the space, the objective or the recipe is wrong.
        MissingTool: Optuna is not installed.
    """
    options = typed(Options, request.sweeper_options, "hydra.sweeper")
    toolchain.require(["optuna"], "hydra/sweeper=optuna")
    space = space_of(request.overrides)
    first, recipe = _first_point(space)
    directions = directions_of(recipe)
    check_sampler(options, len(directions))
    return Asked(options=options, space=space, first=first, recipe=recipe, directions=directions)


@dataclass(frozen=True)
class Search:
    """A running search.

    Attributes:
        options: how far, and how.
        space: what is searched.
        objective: names of metrics.
        study: Optuna's memory.
        record: the sweep's folder; every trial is a job in it.
    """

    options: Options
    space: Space
    objective: tuple[str, ...]
    study: Study
    record: SweepRecord

    def run(self, chosen: Launcher) -> int:
        """Build trials until there are enough; gives the exit code."""
        interrupted = False
        try:
            with chosen as started:
                size = self.options.n_jobs or min(started.parallel, max(1, self.options.n_trials // 5))
                while not interrupted and self._missing:
                    interrupted = self._build_batch(min(size, self._missing), started)
        except KeyboardInterrupt:
            interrupted = True
        self._write_results()
        code = finish(self.record)
        if interrupted:
            show_interrupted(self._continuing())
        return INTERRUPTED if interrupted else code

    def _continuing(self) -> str:
        """Give the command that goes on: a study that is kept goes on itself, of another the trials are built."""
        if self.options.storage:
            return shlex.join(["tflbuild", "-m", *self.record.command])
        return continuing(self.record.folder)

    @property
    def _missing(self) -> int:
        return max(0, self.options.n_trials - len(counted(self.study)))

    def _build_batch(self, size: int, started: Launcher) -> bool:
        """Ask for, build and tell some trials; gives whether the user interrupted them."""
        before = len(counted(self.study))
        asked = [self._ask(before + number) for number in range(size)]
        self.record.write()
        positions = [n for _, n in asked if self.record.entries[n].row["status"] == "waiting"]
        interrupted = settle(
            self.record,
            positions,
            lambda done: started.launch(self.record.frozen(positions), done),
            self.options.n_trials,
            before + 1,
            started.parallel,
        )
        if not interrupted:
            for trial, position in asked:
                self._tell(trial, self.record.entries[position])
        return interrupted

    def _ask(self, position: int) -> tuple[Trial, int]:
        """Ask for a trial and freeze it; gives it with its position in the record."""
        self.study.sampler = sampler_of(self.options, position)
        trial = self.study.ask(self.space.distributions)
        combination = self.space.point(trial.params)
        name, place = self._place(combination)
        entry = freeze(grid_points([combination]), self.record.folder, [name])[0]
        self.record.entries[place : place + 1] = [entry]
        trial.set_user_attr(RUN, name)
        return trial, place

    def _place(self, combination: Combination) -> tuple[str, int]:
        """Name a trial's folder by its values, numbered where they were tried before; give its place in the record."""
        places = {entry.row["name"].casefold(): n for n, entry in enumerate(self.record.entries)}
        taken = {str(name).casefold() for name in names_in(self.study)}
        name, count = combination.name, 1
        while name.casefold() in taken:
            count += 1
            name = f"{combination.name}-{count}"
        return name, places.get(name.casefold(), len(self.record.entries))

    def _tell(self, trial: Trial, entry: Entry) -> None:
        from optuna.trial import TrialState

        row, status = entry.row, entry.row["status"]
        values, excess = None, 0.0
        if status == "built":
            values = figures_of(row, self.objective)
        elif status == "over_budget":
            report = read_report(self.record.folder / row["name"])
            values, excess = figures_at_gate(report, self.objective), excess_of(report)
        if values is None and status == "built":
            say(
                f"{row['name']}: {', '.join(self.objective)}: not all were measured; the trial counts as failed"
            )
        if values is not None or excess:
            trial.set_constraint("budget", excess)
        if values is not None:
            self.study.tell(trial, values)
        else:
            self.study.tell(trial, state=TrialState.PRUNED if excess else TrialState.FAIL)

    def _write_results(self) -> None:
        """Write the best trials as Hydra's Optuna sweeper does, and say them."""
        import yaml

        best = self.study.best_trials
        found = [
            {
                "params": self.space.point(trial.params).differs,
                "values": dict(zip(self.objective, trial.values, strict=True)),
                "run": trial.user_attrs[RUN],
            }
            for trial in best
        ]
        content: dict[str, Any] = {"name": "optuna", "objective": list(self.objective), "solutions": found}
        if len(self.objective) == 1 and found:
            content |= {
                "best_evaluated_params": dict(found[0]["params"]),
                "best_evaluated_value": best[0].values[0],
            }
        with writing(self.record.folder):
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            replace_file(self.record.folder / RESULTS, text)
        rows = {entry.row["name"]: entry.row for entry in self.record.entries}
        for solution in found:
            row = rows.get(solution["run"], {})
            since = change_since_base(row, accuracy_metric([row])) if row else ""
            figures = ", ".join(f"{name} {value:g}" for name, value in solution["values"].items())
            say(f"best: {solution['run']}: {figures}{f'; {since}' if since else ''}")
        if not found:
            say("best: none; no trial was built within its budget")


def _first_point(space: Space) -> tuple[GridPoint, Recipe]:
    """Compose the corner of the space, so that what is wrong with every trial is said before the first.

    Raises:
        TflbuildError: what is wrong.
    """
    found = grid_points([space.corner])
    recipe, error = found[0].recipe, found[0].error
    if error is not None:
        raise error
    assert recipe is not None
    if len(found) > 1 or "seed" in found[0].combination.differs:
        raise RecipeError("seeds: a search builds every trial once; give seed, or seeds=[].")
    return found[0], recipe


def _record_of(study: Study, recipe: Recipe, request: Request, command: Sequence[str]) -> SweepRecord:
    """Give the record of a study's folder, or of a new one."""
    known = study.user_attrs.get(FOLDER)
    folder = Path(known) if isinstance(known, str) else Path()
    if known and (folder / "sweep.json").is_file():
        record = read_record(folder)
        record.launcher, record.launcher_options = request.launcher, request.launcher_options
        return record
    folder = make_sweep_folder([recipe])
    study.set_user_attr(FOLDER, str(folder))
    return SweepRecord(
        folder=folder,
        command=list(command),
        launcher=request.launcher,
        launcher_options=request.launcher_options,
        entries=[],
    )
