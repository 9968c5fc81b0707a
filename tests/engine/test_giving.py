"""A limit or an objective that no target of the recipe can ever be held to is refused, by the target's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from tflbuild.core.budget import Limit
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS, FileMetric, TargetMetric
from tflbuild.core.recipe import Recipe
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.checks import check


@pytest.fixture(autouse=True)
def devices(only_fakes: None) -> None:
    """Declare two devices that report one figure, one of which executes nothing here."""

    class Tpu(Target):
        executes = False
        gives = ("coverage",)

    class Npu(Target):
        """Reports by the prefix that the metric names."""

        def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
            return b"", {}

    class Timing(Target):
        executes = False

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"timed_ms": 1.0}

    class Coverage(TargetMetric):
        target = "fake_npu"
        choice = "npu_55"

    class Timed(FileMetric):
        exact = False
        figure = "timed_ms"

    TARGETS.declare("fake_tpu")(Tpu)
    TARGETS.declare("fake_npu_one")(Npu)
    TARGETS.declare("fake_timing")(Timing)
    METRICS.declare("coverage")(Coverage)
    METRICS.declare("timed")(Timed)


@pytest.fixture
def several(recipe: Recipe) -> Recipe:
    given = {
        "any": fakes.FakeTarget(),
        "tpu": TARGETS.get("fake_tpu")(),
        "npu": TARGETS.get("fake_npu_one")(),
    }
    return replace(recipe, targets=given)


def limited(recipe: Recipe, metric: str, on: str = "", *targets: str) -> Recipe:
    kept = {name: recipe.targets[name] for name in targets or recipe.targets}
    return replace(recipe, targets=kept, limits=(Limit(metric=metric, form="min", bound=0.5, on=on),))


@pytest.mark.parametrize(
    ("metric", "on"),
    [("coverage", ""), ("coverage", "tpu"), ("coverage", "npu"), ("score", "npu"), ("file_bytes", "tpu")],
)
def test_what_a_target_gives_may_be_limited_on_it(several: Recipe, metric: str, on: str) -> None:
    check(limited(several, metric, on))


def test_a_target_that_reports_may_report_a_time(recipe: Recipe) -> None:
    timing = replace(recipe, targets={"board": TARGETS.get("fake_timing")()})
    check(limited(timing, "timed", "board"))


@pytest.mark.parametrize(
    ("metric", "on", "targets", "message"),
    [
        (
            "coverage",
            "nup",
            (),
            "budget.coverage.on: 'nup' is not a target of the recipe; it has any, tpu, npu. Did you mean 'npu'?",
        ),
        (
            "coverage",
            "any",
            (),
            "budget.coverage.on: 'any' never gives coverage, since a target of type 'fake_target' does not report it; "
            "of the recipe's targets tpu, npu can.",
        ),
        (
            "score",
            "tpu",
            (),
            "budget.score.on: 'tpu' never gives score, since this machine cannot execute a file for it; of the "
            "recipe's targets any, npu can.",
        ),
        (
            "timed",
            "tpu",
            ("tpu",),
            "budget.timed.on: 'tpu' never gives timed, since this machine cannot execute a file for it; no target of "
            "the recipe measures it (target=[tpu]); add one whose file this machine can execute, e.g. "
            "target=[cpu,tpu].",
        ),
        (
            "score",
            "",
            ("tpu",),
            "budget.score: no target of the recipe measures it (target=[tpu]); add one whose file this machine can "
            "execute, e.g. target=[cpu,tpu].",
        ),
        (
            "coverage",
            "",
            ("any",),
            "budget.coverage: no target of the recipe measures it (target=[any]); add a target of type 'fake_npu' or "
            "'fake_tpu', e.g. target=[any,npu_55].",
        ),
    ],
)
def test_what_a_target_never_gives_is_refused(
    several: Recipe, metric: str, on: str, targets: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        check(limited(several, metric, on, *targets))
    assert str(caught.value) == message


def test_an_objective_names_a_target_that_can_give_it(several: Recipe) -> None:
    check(replace(several, objective=("score", "coverage@tpu", "score@npu")))
    for objective, said in [("score@tpu", "'tpu' never gives score"), ("score@x", "'x' is not a target")]:
        with pytest.raises(RecipeError) as caught:
            check(replace(several, objective=(objective,)))
        assert str(caught.value).startswith(f"objective: {objective}: {said}")
