"""Plan from Python: what a build would run, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tflbuild import plugins
from tflbuild.commands.plan import planned_of
from tflbuild.recipe.load import load_recipe
from tflbuild.session import words_of
from tflbuild.show.notebook import table_html


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """One step of a plan.

    Attributes:
        label: of the step.
        pass_name: of its pass.
        status: "HIT": its result is in the store; "RUN"; or "UNKNOWN": an earlier step has to run first.
        reason: why.
    """

    label: str
    pass_name: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps that a build would run, and the data and model they would use.

    Attributes:
        recipe: its name.
        steps: in the order they run.
        unused: steps that are configured and do not run, with the reason.
        classes: of the data, by index.
        splits: how many samples each split has.
        recognised: what was seen in the user's file and data: `what`, `value`, `evidence`.
        warnings: what one should know first.
    """

    recipe: str
    steps: tuple[PlannedStep, ...]
    unused: Mapping[str, str]
    classes: tuple[str, ...]
    splits: Mapping[str, int]
    recognised: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]

    @property
    def cached(self) -> bool:
        """Whether every step's result is in the store."""
        return all(step.status == "HIT" for step in self.steps)

    def _repr_html_(self) -> str:
        rows = [(step.label, step.pass_name, step.status, step.reason) for step in self.steps]
        rows += [(label, "", "unused", reason) for label, reason in self.unused.items()]
        return table_html(f"plan of {self.recipe}", ("step", "pass", "status", "reason"), rows)


def plan(recipe: str, overrides: Iterable[str] = ()) -> Plan:
    """Say what a build would run, and why; runs nothing, and imports no TensorFlow.

    Args:
        recipe: name of a recipe.
        overrides: as on the command line.

    Raises:
        RecipeError: the recipe does not fit together, or its data are missing.
        PluginError: it needs a plugin that cannot be loaded.
        MissingTool: it needs a tool that is not installed.
    """
    warnings = list(plugins.load(plugins.default_folder()).warnings)
    prepared, made = planned_of(load_recipe(words_of(recipe, overrides)), warnings)
    return Plan(
        recipe=prepared.recipe.name,
        steps=tuple(
            PlannedStep(
                label=planned.step.label,
                pass_name=type(planned.step.options).name,
                status=planned.status,
                reason=planned.reason,
            )
            for planned in made.steps
        ),
        unused=dict(made.unused),
        classes=tuple(prepared.index.classes),
        splits={name: len(samples) for name, samples in prepared.index.splits.items()},
        recognised=tuple(prepared.recipe.seen),
        warnings=tuple(warnings),
    )
