"""The Optuna study behind a search: opening it, and what is kept in it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Le

from tflbuild.core import digest, toolchain
from tflbuild.core.errors import RecipeError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from tflbuild.sweep.objective import Direction

SEARCH = "tflbuild_search"
"""Name of the study's attribute for its purpose: the digest of recipe, space and objective."""

FOLDER = "tflbuild_folder"
"""Name of the study's attribute for the sweep's folder."""

SUPERSEDED = "tflbuild_superseded"
"""Name of the study's attribute for the trials that were cut short and asked for again; they do not count."""

RUN = "run"
"""Name of a trial's attribute for its folder within the sweep's."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`hydra.sweeper.*` of Optuna."""

    n_trials: Annotated[int, Ge(1), Le(1_000_000)] = 20
    """Trials in all; a study that is continued counts those that it has. More find better values and take
    longer. [trials]"""
    n_jobs: Annotated[int, Ge(1), Le(10_000)] | None = None
    """Trials that are asked for, and built, at once. Fewer let the search learn more from each. null: as many
    as the launcher builds at once, at most a fifth of `n_trials`. [trials]"""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the sampler; the same seed and `n_jobs` ask for the same trials again. [no unit]"""
    sampler: Literal["tpe", "random", "nsgaii", "cmaes"] = "tpe"
    """How the next trial is chosen: `tpe`, `random`, `nsgaii` or `cmaes`, which knows one objective only."""
    storage: str | None = None
    """URL of a database that keeps the study, e.g. sqlite:///search.db, so that the same command continues it.
    null: none."""
    study_name: str | None = None
    """Name of the study in the database. null: the recipe's name."""


def open_study(
    options: Options, name: str, directions: Sequence[Direction], search: Mapping[str, Any]
) -> tuple[Study, bool]:
    """Open the study, made where it does not exist.

    Args:
        options: where it is kept.
        name: its name where the options give none.
        directions: "maximize" or "minimize" by objective.
        search: JSON-able, what decides a trial's result besides its parameters, and the space.

    Returns:
        The study, and whether it existed.

    Raises:
        RecipeError: the storage cannot be opened, or its study was another search.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    name = options.study_name or name
    try:
        study = optuna.create_study(
            storage=options.storage, study_name=name, directions=list(directions), load_if_exists=True
        )
    except Exception as error:  # the storage's driver raises what it likes
        raise RecipeError(f"hydra.sweeper.storage: {options.storage} cannot be opened: {error}") from error
    wanted = digest.of_json(search)
    found = study.user_attrs.get(SEARCH)
    if found not in (None, wanted):
        raise RecipeError(
            f"hydra.sweeper.study_name: the study '{name}' in {options.storage} was a search with another recipe, "
            f"space or objective; choose another name."
        )
    study.set_user_attr(SEARCH, wanted)
    return study, found is not None


def counted(study: Study) -> list[FrozenTrial]:
    """Give the trials that have ended, without those that were asked for again."""
    return [trial for trial in _valid(study) if trial.state.is_finished()]


def names_in(study: Study) -> list[str]:
    """Name the folders of the trials that have ended or are being built."""
    return [trial.user_attrs[RUN] for trial in _valid(study) if RUN in trial.user_attrs]


def ask_again(study: Study) -> int:
    """Put the trials that a killed or interrupted search left unfinished first in line; gives how many."""
    from optuna.trial import TrialState

    cut_short = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in cut_short:
        study.enqueue_trial(trial.params)
        study.set_user_attr(SUPERSEDED, [*study.user_attrs.get(SUPERSEDED, []), trial.number])
        study.tell(trial.number, state=TrialState.FAIL)
    return len(cut_short)


def _valid(study: Study) -> list[FrozenTrial]:
    superseded = study.user_attrs.get(SUPERSEDED, [])
    return [trial for trial in study.get_trials(deepcopy=False) if trial.number not in superseded]


def sampler_of(options: Options, position: int) -> BaseSampler:
    """Give the sampler for one trial, seeded by the trial's position: a continued search asks what it would have asked.

    Args:
        options: which, and the seed of the search.
        position: how many trials come before it.
    """
    from optuna import samplers

    seed = int(digest.of_json([options.seed, position])[:8], 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's notes on what is experimental are not the user's
        match options.sampler:
            case "tpe":
                return samplers.TPESampler(seed=seed)
            case "random":
                return samplers.RandomSampler(seed=seed)
            case "nsgaii":
                return samplers.NSGAIISampler(seed=seed)
            case "cmaes":
                return samplers.CmaEsSampler(seed=seed)


def check_sampler(options: Options, objectives: int) -> None:
    """Refuse a sampler that does not fit.

    Raises:
        RecipeError: it knows one objective only.
        MissingTool: its library is not installed.
    """
    if options.sampler == "cmaes":
        toolchain.require(["cmaes"], "hydra.sweeper.sampler=cmaes")
        if objectives > 1:
            raise RecipeError(
                "hydra.sweeper.sampler: cmaes knows one objective only; tpe or nsgaii know several."
            )
