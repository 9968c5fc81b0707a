"""`tflbuild plan`: what would run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tflbuild import plugins
from tflbuild.commands.words import say, warn
from tflbuild.core.command import command
from tflbuild.core.imports import import_at_once
from tflbuild.core.label_list import disagreements, shown
from tflbuild.core.plain_text import plain
from tflbuild.core.task import TASKS
from tflbuild.wiring import NAMES

if TYPE_CHECKING:
    from tflbuild.core.recipe import Recipe, Step
    from tflbuild.engine.memo import Looking
    from tflbuild.engine.plan import Plan
    from tflbuild.engine.prepare import Prepared

SWEEPING = ("-m", "--multirun")


@command("plan", "show what would run, and why, without running it", usage="[-m] recipe=NAME ...")
def plan(words: list[str]) -> int:
    """Print what would run, and why; imports no TensorFlow, and writes nothing but what it learned of files.

    With -m it plans a sweep: its jobs, which passes run for each and which they share, and about how long they take.
    """
    if any(word in SWEEPING for word in words):
        return _sweep([word for word in words if word not in SWEEPING])
    import_at_once("tflbuild.recipe.load", "tflbuild.engine.prepare", "tflbuild.show.terminal")
    from tflbuild.core.left_out import counted
    from tflbuild.engine.order import sources_of
    from tflbuild.engine.placing import foreseen
    from tflbuild.recipe.load import load_recipe
    from tflbuild.show import terminal

    warnings = list(plugins.load(plugins.default_folder()).warnings)
    recipe = load_recipe(words)
    if recipe.seeds:
        return _sweep(words)
    prepared, made = planned_of(recipe, warnings, terminal.show_looking)
    for line in terminal.started({"recognised": prepared.recipe.seen}):
        say(line, fold=True)
    sources = sources_of(prepared.recipe, prepared.order)
    width = max(len(planned.step.label) for planned in made.steps)
    for planned in made.steps:
        step = planned.step
        name = type(step.options).name
        of = "" if name == step.label else f" ({name})"
        of += f"; behind {sources[step.label]}, for {_targets(prepared, step)}" if step.takes else ""
        say(f"{step.label:<{width}}  {planned.status:<7}  {planned.reason}{of}{_wanted(step)}", fold=True)
    for label, reason in made.unused.items():
        say(f"{label:<{width}}  unused   {reason}", fold=True)
    for one in foreseen(prepared.recipe, made.steps):
        if one.text():
            say(one.text(), fold=True)
    for text in warnings:
        say(f"warning: {plain(text, 2000)}", fold=True)
    if prepared.index.dropped:
        say(f"data: skipped: {', '.join(counted(prepared.index.dropped))}:", fold=True)
        for dropped in prepared.index.dropped[:5]:
            say(f"  {plain(dropped.file)}: {plain(dropped.reason)}", fold=True)
    counts = ", ".join(f"{name} {len(samples)}" for name, samples in prepared.index.splits.items())
    classes = prepared.index.classes
    task = prepared.recipe.data.task
    named = f"{len(classes)} {TASKS.get(task).label_noun[len(classes) != 1]}: {shown(classes)}"
    unnamed = f"for {task}, without classes" if TASKS.get(task).labelled else "no labels"
    say(f"data: {counts}; {named if classes else unnamed}", fold=True)
    return 0


def _targets(prepared: Prepared, step: Step) -> str:
    """Name the targets that a step leads to."""
    from tflbuild.engine.order import delivered_step, line_to

    recipe, order = prepared.recipe, prepared.order
    lines = {name: line_to(recipe, order, delivered_step(recipe, order, name)) for name in recipe.targets}
    return ", ".join(plain(name) for name, line in lines.items() if step.label in line)


def _wanted(step: Step) -> str:
    """Say which options the targets of a step ask for, where the recipe leaves them open."""
    options = ", ".join(f"{name}={value}" for name, value in step.wanted.items())
    return plain(f"; asked for: {options}") if options else ""


def planned_of(
    recipe: Recipe, warnings: list[str], looking: Looking = lambda done, total: None
) -> tuple[Prepared, Plan]:
    """Plan a build, and add what one should know first.

    Args:
        recipe: what is wanted.
        warnings: of plugins; those of the recipe, its data and the plan are put behind them.
        looking: is told how many samples were looked at, and of how many.
    """
    from tflbuild.engine.plan import plan as make_plan
    from tflbuild.engine.prepare import prepare

    prepared = prepare(recipe, NAMES, warnings.append, looking=looking)
    made = make_plan(prepared.recipe, prepared.keys, prepared.store)
    warnings += disagreements(prepared.recipe.model.listed_labels(), prepared.index.classes)
    warnings += made.warnings
    return prepared, made


def _sweep(words: list[str]) -> int:
    """Plan a sweep, which a build with `seeds` is, too."""
    from tflbuild.sweep.preview import preview

    warn(plugins.load(plugins.default_folder()).warnings)
    return preview(words)
