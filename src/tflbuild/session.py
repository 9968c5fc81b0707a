"""Build recipes from Python as the command line does: `tflbuild.build("ssd_mobilenet_int8", ["seed=1"])`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tflbuild import plugins
from tflbuild.core.errors import OtherWay, RecipeError, TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Build, Outcome
from tflbuild.engine.events import Listener
from tflbuild.engine.report import Report as BuiltReport
from tflbuild.engine.run_folder import make_run_folder
from tflbuild.engine.workers.worker import Worker
from tflbuild.recipe.load import load_recipe, recipe_of
from tflbuild.show.notebook import Report
from tflbuild.wiring import NAMES


def build(recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Report:
    """Build a recipe.

    Args:
        recipe: name of a recipe, e.g. "ssd_mobilenet_int8".
        overrides: as on the command line, e.g. ["prune.sparsity=0.7", "model.input_size=128"].
        show: print progress.

    Returns:
        The report, a mapping of what `report.json` holds: `report["targets"]` is what was delivered. `report.folder`
        is where it lies, `report.metric("top1")` a figure of the delivered file.

    Raises:
        BudgetExceeded: a limit is exceeded; `error.report` is the report, `error.folder` where the rejected model lies.
        RecipeError: the recipe or its data are wrong; or it has `seeds`, which make several builds.
        TflbuildError: as the command line would end, with the same message, and with `report` and `folder` where the
            build had begun.
    """
    from tflbuild.show import terminal

    wanted = load_recipe(words_of(recipe, overrides))
    if wanted.seeds:
        raise RecipeError(
            f"seeds: {list(wanted.seeds)} make {len(wanted.seeds)} builds, and build() gives one report; call "
            f'tflbuild.sweep, or build() once for each seed, with overrides=["seeds=[]", "seed={wanted.seeds[0]}"].'
        )
    listeners: tuple[Listener, ...] = ()
    if show:
        listeners = (terminal.listener(),)
    outcome = build_once(wanted, listeners)
    report = Report(folder=outcome.report.folder, content=outcome.report.content)
    if isinstance(outcome.error, TflbuildError):
        outcome.error.report, outcome.error.folder = report, report.folder
    if outcome.error is not None:
        raise outcome.error
    return report


def words_of(recipe: str, overrides: Iterable[str]) -> list[str]:
    """Give a recipe and overrides as the command line takes them.

    Raises:
        RecipeError: the recipe is no name, or the overrides are no list of texts.
    """
    given: object = recipe
    if not isinstance(given, str):
        raise RecipeError(f"recipe: {plain(repr(given))} is not the name of a recipe; give e.g. 'int8'.")
    return [f"recipe={recipe}", *listed_overrides(overrides)]


def listed_overrides(overrides: Iterable[str]) -> list[str]:
    """Give overrides as the command line takes them.

    Raises:
        RecipeError: they are one text, or one of them is none.
    """
    if isinstance(overrides, str):
        raise RecipeError(f"overrides: '{plain(overrides)}' is one text; give a list, e.g. ['seed=1'].")
    words: list[object] = list(overrides)
    wrong = [word for word in words if not isinstance(word, str)]
    if wrong:
        raise RecipeError(f"overrides: {plain(repr(wrong[0]))} is not text; write it as KEY=VALUE.")
    return list(map(str, words))


def build_once(recipe: Recipe, listeners: tuple[Listener, ...]) -> Outcome:
    """Build one recipe with a worker of its own; once more, where its model has to be taken in in another way."""
    worker = worker_for(recipe)
    try:
        outcome = Build(recipe, lambda: make_run_folder(recipe), worker, listeners, publish).run()
        if not isinstance(outcome.error, OtherWay):
            return outcome
        again = in_another_way(recipe, outcome.error)
        try:
            return Build(again, lambda: make_run_folder(again), worker, listeners, publish).run()
        except RecipeError as refused:  # e.g. a pass that trains what only the first way gives
            raise OtherWay(f"{outcome.error} That fails as well: {refused}") from refused
    finally:
        worker.stop()


def in_another_way(recipe: Recipe, error: OtherWay) -> Recipe:
    """Give a recipe whose model is taken in as an error says, with the error as a remark.

    Raises:
        RecipeError: the recipe cannot be built so.
    """
    mapping = {**recipe.mapping, "model": {**recipe.mapping["model"], **error.model}}
    added = [f"model.{name}={value}" for name, value in error.model.items()]
    again = recipe_of(mapping, [*recipe.overrides, *added], recipe.plugins)
    remark = f"{error} This build does so."
    return replace(again, replaced=recipe.replaced, remarks=(*again.remarks, *recipe.remarks, remark))


def worker_for(recipe: Recipe) -> Worker:
    """Give a worker, which starts when it is first asked."""
    return Worker(recipe.worker, recipe.device, (plugins.LOADER, recipe.plugins), NAMES)


def publish(report: BuiltReport) -> None:
    """Write `report.html` beside `report.json`, and the outcome behind the log."""
    from tflbuild.show.outcome import keep_outcome
    from tflbuild.show.pages import publishing

    keep_outcome(report)
    publishing.publish(report.folder, report.content)
