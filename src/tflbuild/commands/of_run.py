"""The recipe and the models of a run, for commands that look into one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflbuild import plugins, session
from tflbuild.commands.words import say, warn
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import BudgetExceeded, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.analyses import models_of
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.order import base_label, main_line
from tflbuild.recipe.kept import Asked, Kept, placed, take_words, thawed
from tflbuild.show import terminal


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """A run that was opened.

    Attributes:
        folder: of the run.
        overrides: what builds it again.
        recipe: its recipe.
        store: of the recipe, opened.
    """

    folder: Path
    overrides: Sequence[str]
    recipe: Recipe
    store: Opened

    def models(self, doing: str) -> Mapping[str, Artifact]:
        """Give the models of the run; one that a limit stopped ends with what was rejected.

        Args:
            doing: what is done with them, e.g. "diagnosed", for the warning.
        """
        runner, recipe = self.store.runner, self.store.prepared.recipe
        order = main_line(recipe, self.store.prepared.order)
        try:
            runner.run(order)
        except BudgetExceeded as error:
            if runner.rejected is None:
                raise
            label, model = runner.rejected
            runner.outputs[label] = model
            warn([f"{doing} up to '{label}': a limit stopped the build there: {error}"])
        base = runner.outputs[base_label(recipe, order)]
        return models_of(runner.outputs, base)


@contextmanager
def opened_run(
    command: str,
    words: Sequence[str],
    usage: str,
    tell: Listener,
    altered: Callable[[Recipe], Recipe] = lambda recipe: recipe,
) -> Iterator[OfRun]:
    """Open a run: its recipe again, from what it kept.

    Args:
        command: its name, for messages.
        words: the run, and where to keep results instead.
        usage: what is said where there are others.
        tell: is told what happens.
        altered: gives the recipe that is opened.

    Raises:
        RecipeError: there is no run, or its recipe is none.
    """
    asked, rest = take_words(words)
    if len(rest) != 1:
        raise RecipeError(usage)
    run = Path(rest[0])
    file = run / "report.json" if run.is_dir() else run
    if not file.is_file():
        raise RecipeError(
            f"{command}: {plain(run)} is neither a model file nor a run: it has no report.json."
        )
    recipe, overrides = recipe_of(file, asked, lambda text: _note(tell, text))
    recipe = altered(recipe)
    worker = session.worker_for(recipe)
    try:
        with opened(recipe, worker, tell, lambda text: warn([text])) as store:
            yield OfRun(folder=file.parent, overrides=overrides, recipe=recipe, store=store)
    finally:
        worker.stop()


def recipe_of(file: Path, asked: Asked, note: Callable[[str], None]) -> tuple[Recipe, list[str]]:
    """Read the recipe that a report holds, and what was typed for it.

    Args:
        file: the report.
        asked: what the user asked for besides.
        note: is told of what is left out.

    Raises:
        RecipeError: it is none.
    """
    from tflbuild.engine.report_form import read_report, typed_words

    report = read_report(file)
    overrides = typed_words(report)
    kept = Kept(mapping=report["resolved"], overrides=overrides, file=file, run=file.parent)
    return thawed(placed(kept, asked, note), kept, plugins.default_folder()), overrides


def _note(tell: Listener, text: str) -> None:
    """Say a note, but not where what is printed is JSON alone."""
    if tell is silent:
        warn([text])
    else:
        say(f"note: {text}")


def silent(event: Event) -> None:
    """Say nothing: what is printed is JSON alone."""


def listener_for(words: Sequence[str]) -> Listener:
    """Give what tells of a command's steps: nothing beside JSON, and no findings, which are told at the end."""
    if "--json" in words:
        return silent
    tell = terminal.listener()

    def told(event: Event) -> None:
        if event.kind != "analysis":
            tell(event)

    return told
