"""Build recipes from Python as the command line does: `tflbuild.build("ssd_mobilenet_int8", overrides=[...])`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tflbuild import plugins
from tflbuild.core.errors import OtherWay, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Build, Outcome
from tflbuild.engine.events import Listener
from tflbuild.engine.report import Report
from tflbuild.engine.run_folder import make_run_folder
from tflbuild.engine.workers.worker import Worker
from tflbuild.recipe.load import load_recipe, recipe_of
from tflbuild.wiring import NAMES


def build(recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Report:
    """Build a recipe.

    Args:
        recipe: name of a recipe, e.g. "ssd_mobilenet_int8".
        overrides: as on the command line, e.g. ["prune.sparsity=0.7", "model.input_size=128"].
        show: print progress.

    Returns:
        The report; `report["targets"]` holds what was delivered, `report.folder` where it lies.

    Raises:
        TflbuildError: as the command line would end; the message is the same. What was measured until then
            lies in the newest run folder's report.json.
        RecipeError: the recipe has `seeds`, which make several builds; this gives one report.
    """
    from tflbuild.show import terminal

    wanted = load_recipe([f"recipe={recipe}", *overrides])
    if wanted.seeds:
        raise RecipeError(
            f"seeds: {list(wanted.seeds)} make {len(wanted.seeds)} builds, and build() gives one report; call it "
            f'once a seed, with overrides=["seeds=[]", "seed={wanted.seeds[0]}"].'
        )
    listeners: tuple[Listener, ...] = ()
    if show:
        listeners = (terminal.listener(),)
    outcome = build_once(wanted, listeners)
    if outcome.error is not None:
        raise outcome.error
    return outcome.report


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
            raise OtherWay(f"{outcome.error} That fails, too: {refused}") from refused
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


def publish(report: Report) -> None:
    """Write `report.html` beside `report.json`, and the outcome behind the log."""
    from tflbuild.show.outcome import keep_outcome
    from tflbuild.show.pages import publishing

    keep_outcome(report)
    publishing.publish(report.folder, report.content)
