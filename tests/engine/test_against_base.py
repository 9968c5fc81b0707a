"""Metrics that are held against the base, such as fidelity: who is given it, what is measured, and what is keyed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, add, change, outcomes, steps
from tflbuild.core import digest
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.dataset import Split
from tflbuild.core.errors import RecipeError
from tflbuild.core.judgement import HeldLimit
from tflbuild.core.metric import METRICS, AccuracyMetric
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.bundle import read_bundle, run_bundle
from tflbuild.engine.events import Event
from tflbuild.engine.inputs import Replaced, by_base, inputs_of
from tflbuild.engine.keys import Keys
from tflbuild.engine.measure import Measurer
from tflbuild.engine.plan import check, plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.storage.store import Store
from tflbuild.engine.workers.candidates import Candidates
from tflbuild.engine.workers.worker import Worker

NEAR = Limit(metric="near", form="max_drop", bound=0.15)
SCORE = Limit(metric="score", form="max_drop", bound=0.15)


@pytest.fixture(autouse=True)
def near(only_fakes: None) -> None:
    """Declare a metric that is held against the base."""
    METRICS.declare("near")(type("Near", (AccuracyMetric,), {"against": "base", "tasks": ("fake",)}))


def model_of(path: Path, score: float, kind: Any = TFLiteModel) -> Any:
    path.write_bytes(fakes.content(score))
    sha256 = digest.of_file(path)
    return kind(path=path, digest=sha256, fingerprint=sha256, meta={"facts": fakes.FACTS})


@pytest.fixture
def base(tmp_path: Path) -> KerasModel:
    made: KerasModel = model_of(tmp_path / "base.h5", 0.9, KerasModel)
    return made


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    made: TFLiteModel = model_of(tmp_path / "model.tflite", 0.75)
    return made


# Measuring


@pytest.fixture
def measurer(recipe: Recipe, here: AtOnce, events: list[Event]) -> Iterator[Measurer]:
    store = Store(recipe.store)
    store.prepare()
    index = recipe.data.index(cast(Any, None))
    path = keep_index(index, recipe.store)
    keys = Keys(recipe, index, {}, fakes.NAMES)
    yield Measurer(recipe, keys, store, cast(Worker, here), path, events.append)
    store.close()


def scores(here: AtOnce) -> list[Any]:
    """Give what was in the files that were handed to the last evaluation."""
    return [json.loads(path.read_text()) for path in here.arguments[-1][1:]]


def test_before_there_is_a_base_nothing_is_measured_against_it(
    measurer: Measurer, model: TFLiteModel, here: AtOnce
) -> None:
    assert measurer.accuracy(model, ["near"], "val") == {}
    assert here.asked == []
    assert list(measurer.accuracy(model, ["near", "score"], "val")) == ["score"]


def test_predictions_are_held_against_those_of_the_base_and_the_truth_is_not_read(
    measurer: Measurer, model: TFLiteModel, base: KerasModel, here: AtOnce
) -> None:
    measurer.base = base
    found = measurer.accuracy(model, ["near"], "val")["near"]
    assert (found.value, found.split, found.kernels) == (0.75, "val", "fake")
    assert [name for _, name, _ in here.asked] == ["predict", "predict", "measure"]
    assert here.arguments[-1][0] == "near"
    assert scores(here) == [{"score": 0.75}, {"score": 0.9}]
    done = len(here.asked)
    assert measurer.accuracy(model, ["near"], "val")["near"] == found
    assert len(here.asked) == done, "kept"
    measurer.accuracy(base, ["near"], "val")
    assert scores(here) == [{"score": 0.9}, {"score": 0.9}], "the base itself"


def test_a_difference_is_of_both_models_against_the_base(
    measurer: Measurer, model: TFLiteModel, base: KerasModel, tmp_path: Path, here: AtOnce
) -> None:
    measurer.base = base
    worse = model_of(tmp_path / "worse.tflite", 0.5)
    found = measurer.compare("near", model, worse, "val")
    assert (found.value, found.n) == (-0.25, 4)
    assert scores(here) == [{"score": 0.75}, {"score": 0.5}, {"score": 0.9}]
    assert "truth" not in [name for _, name, _ in here.asked]


def test_another_base_is_another_measurement(
    measurer: Measurer, model: TFLiteModel, base: KerasModel, tmp_path: Path, here: AtOnce
) -> None:
    measurer.base = base
    measurer.accuracy(model, ["near"], "val")
    measurer.base = model_of(tmp_path / "other.h5", 0.8, KerasModel)
    measurer.accuracy(model, ["near"], "val")
    assert scores(here) == [{"score": 0.75}, {"score": 0.8}]


# Candidates


def candidates(
    base: Artifact | None, held: tuple[HeldLimit, ...], folder: Path
) -> tuple[Candidates, list[str]]:
    asked: list[str] = []
    data = fakes.FakeData()

    def split(name: str) -> Split:
        asked.append(name)
        return Split(name, data, data.index(None))

    return Candidates(fakes.NAMES, held, base, split, False, folder), asked


def test_candidates_are_held_against_the_base_on_the_spot(
    model: TFLiteModel, base: KerasModel, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, list[Any]]] = []
    for name in ("measure", "compare"):
        known = getattr(fakes, name)

        def noted(metric: str, *paths: Path, known: Any = known) -> Any:
            seen.append((metric, [json.loads(path.read_text()) for path in paths]))
            return known(metric, *paths)

        monkeypatch.setattr(fakes, name, noted)
    worse = model_of(tmp_path / "worse.tflite", 0.7)
    judge, asked = candidates(base, (HeldLimit(limit=NEAR, baseline=model),), tmp_path)
    judgement = judge.judge(worse)
    assert [(verdict.baseline, verdict.value, verdict.ok) for verdict in judgement.verdicts] == [
        (0.75, 0.7, True)
    ]
    assert seen == [
        ("near", [{"score": 0.7}, {"score": 0.9}]),
        ("near", [{"score": 0.75}, {"score": 0.9}]),
        ("near", [{"score": 0.75}, {"score": 0.7}, {"score": 0.9}]),
    ]
    assert asked == ["val"] * 3, "the candidate, the base and the baseline, once each, and no truth"
    assert "truth" not in log.read_text()


# Who is given the base


def step(options: Any, *limits: Limit) -> Step:
    return Step(label="x", options=options, limits=limits)


GIVEN = [
    # the step, the step that it stands for, and whether it is given the base
    (step(fakes.FakeMixed(), NEAR), None, True),
    (step(fakes.FakeMixed(), SCORE), None, False),
    (step(fakes.FakeQuantize(), NEAR), None, False),
    (step(fakes.FakeMixed()), step(fakes.FakeQuantize(), NEAR), True),
    (step(fakes.FakeMixed()), step(fakes.FakeQuantize(), SCORE, NEAR), True),
    (step(fakes.FakeMixed()), step(fakes.FakeQuantize(), SCORE), False),
    (step(fakes.FakeQuantize(), NEAR), step(fakes.FakeQuantize(), NEAR), False),
]


@pytest.mark.parametrize(("one", "stands_for", "given"), GIVEN)
def test_who_judges_by_the_base_is_given_it(
    one: Step, stands_for: Step | None, given: bool, model: TFLiteModel, base: KerasModel
) -> None:
    replaced = Replaced(step=stands_for, model=model) if stands_for else None
    inputs = inputs_of(one, model, {"train": base}, base, replaced)
    assert inputs.base == (base if given else None)
    assert by_base(one) is (given and stands_for is None)


def judged(recipe: Recipe, *limits: Limit, **options: Any) -> Recipe:
    """Let a judging pass end the recipe."""
    made = {**recipe.steps, **steps(fakes.FakeMixed(**options), mixed={"limits": limits})}
    return replace(recipe, steps=made, pipeline=("train", "prune", "convert", "mixed"))


def test_a_pass_that_judges_by_the_base_has_it_in_its_key(recipe: Recipe, build_here: FakeBuild) -> None:
    def outcome(limit: Limit, trained: float, pruned: float) -> dict[str, str]:
        """Build with a base of which pruning always makes the same model."""
        wanted = judged(recipe, limit)
        changed = steps(fakes.FakeTrain(score=trained), fakes.FakePrune(cost=pruned))
        return outcomes(build_here(replace(wanted, steps={**wanted.steps, **changed})))

    assert outcome(NEAR, 0.875, 0.125)["mixed"] == "ran"
    assert set(outcome(NEAR, 0.875, 0.125).values()) == {"cached"}
    again = outcome(NEAR, 1.0, 0.25)
    assert (again["convert"], again["mixed"]) == ("cached", "ran")
    assert outcome(SCORE, 0.875, 0.125)["mixed"] == "ran"
    assert outcome(SCORE, 1.0, 0.25)["mixed"] == "cached", "by what the data say the base does not matter"


def test_a_judging_pass_is_planned_when_the_base_is_known(recipe: Recipe, build_here: FakeBuild) -> None:
    def statuses(wanted: Recipe) -> list[str]:
        prepared = prepare(wanted, names=fakes.NAMES)
        return [entry.status for entry in plan(prepared.recipe, prepared.keys, prepared.store).steps]

    assert statuses(judged(recipe, NEAR)) == ["RUN", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
    build_here(judged(recipe, NEAR))
    assert statuses(judged(recipe, NEAR)) == ["HIT"] * 4


def test_a_fallback_judges_by_the_base_for_the_step_that_it_stands_for(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    tight = add(
        change(
            recipe,
            "quantize",
            options=fakes.FakeQuantize(cost=0.3),
            limits=(NEAR,),
            fallback=(Fallback(run=("mixed",)),),
        ),
        mixed=(fakes.FakeMixed(),),
    )
    built = build_here(tight)
    assert built.error is None
    quantize = built.report["passes"][-1]
    assert quantize["outcome"] == "replaced"
    assert [tried["ok"] for tried in quantize["tried"]] == [False, True]
    assert built.report["targets"][0]["sha256"] == quantize["output"]


def test_a_bundle_of_such_a_pass_holds_the_base(recipe: Recipe, build_here: FakeBuild, here: AtOnce) -> None:
    wanted = judged(recipe, NEAR, fails=True)
    folder = build_here(wanted).report.folder
    content = read_bundle(folder)
    trained = json.loads((folder / "report.json").read_text())["passes"][0]
    assert content["base"]["digest"] == trained["output"]
    assert content["base"]["kind"] == "KerasModel"
    said: list[str] = []
    with pytest.raises(Exception, match="nothing holds the budget"):
        run_bundle(
            content,
            prepare(wanted, names=fakes.NAMES),
            cast(Worker, here),
            lambda done, total, note: None,
            said.append,
        )
    assert said == [], "its key is that of the failed one"
    assert here.arguments[-1][2].base.digest == trained["output"]


def test_a_bundle_of_another_pass_holds_none_and_older_ones_lack_the_field(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    folder = build_here(judged(recipe, SCORE, fails=True)).report.folder
    assert read_bundle(folder)["base"] is None
    file = folder / "reproduce.yaml"
    file.write_text(file.read_text().replace("base: null\n", ""))
    assert "base" not in read_bundle(folder)


# Planning


SENTENCE = (
    "{key}: 'near' compares with the base, which is what 'train' gives, so there is nothing to limit at "
    "'train'; put the limit after 'train', or into the recipe's total budget."
)


def test_a_limit_at_the_base_itself_is_refused_while_planning(recipe: Recipe) -> None:
    with pytest.raises(RecipeError) as caught:
        check(change(recipe, "train", limits=(SCORE, NEAR)))
    assert str(caught.value) == SENTENCE.format(key="train.budget.near")


def test_behind_the_base_and_in_total_it_may_be_limited(recipe: Recipe) -> None:
    check(change(recipe, "prune", limits=(NEAR,)))
    check(change(recipe, "quantize", limits=(NEAR,)))
    check(replace(recipe, limits=(NEAR,)))
    check(change(recipe, "train", limits=(replace(SCORE, form="min"),)))
    spare = add(
        change(recipe, "quantize", fallback=(Fallback(run=("other",)),)), other=(fakes.FakeQuantize(), NEAR)
    )
    check(spare)


def test_the_base_is_1_by_itself_in_a_report_and_the_total_is_held_against_it(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    built = build_here(replace(change(recipe, "quantize", limits=(NEAR,)), limits=(NEAR,)))
    assert built.error is None
    report = built.report
    assert "near" in report["passes"][0]["metrics"], "of the base, once it is there"
    assert "near" in report["base"]["metrics"]
    (total,) = report["budget"]["verdicts"]
    assert (total["metric"], total["ok"], total["baseline"]) == ("near", True, 0.9)
