"""Recipes that do not fit together, each a sentence; what would run, what is there, and what each step is held to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

import fakes
from building import FakeBuild, add, change, steps
from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.compiler_pass import DataFacts, Pass, PassContext
from tflbuild.core.errors import DataError, MissingTool, RecipeError, StoreError
from tflbuild.core.metric import METRICS, Metric, TargetMetric
from tflbuild.core.recipe import Recipe, RunOptions
from tflbuild.engine.checks import check
from tflbuild.engine.order import base_label, judged_metrics
from tflbuild.engine.plan import Plan, plan, resolve
from tflbuild.engine.prepare import Prepared, prepare


def prepared_of(recipe: Recipe, **more: Any) -> Prepared:
    return prepare(recipe, names=fakes.NAMES, **more)


def planned(recipe: Recipe) -> Plan:
    prepared = prepared_of(recipe)
    return plan(prepared.recipe, prepared.keys, prepared.store)


def configured(recipe: Recipe, *options: Pass, pipeline: tuple[str, ...] = (), **changed: Any) -> Recipe:
    made = {**recipe.steps, **steps(*options, **changed)}
    return replace(recipe, steps=made, pipeline=pipeline or recipe.pipeline)


@dataclass(frozen=True, kw_only=True)
class FakeTake(Pass):
    """Start from a file that needs no conversion."""

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError


SCORE = Limit(metric="score", form="max_drop", bound=0.1)

# what is changed, and the sentence
WRONG: dict[str, tuple[Any, str]] = {
    "an unknown label": (
        lambda r: replace(r, pipeline=("train", "pruen")),
        "pipeline.1: 'pruen' is not configured; configured are train, prune, convert, quantize. Did you mean 'prune'?",
    ),
    "a label twice": (
        lambda r: replace(r, pipeline=("train", "prune", "prune", "convert")),
        "pipeline.2: 'prune' occurs twice; add +passes@another_label=PASS.",
    ),
    "after nothing": (
        lambda r: change(replace(r, pipeline=("train", "convert")), "prune", after=("trian",)),
        "prune.after: 'trian' is not in pipeline (train, convert). Did you mean 'train'?",
    ),
    "added and unused": (
        lambda r: replace(r, pipeline=("train", "convert"), added=("prune",)),
        "+passes@prune: nothing would run it; name it in pipeline or in a fallback, or give it 'prune.after=[LABEL]'.",
    ),
    "nothing left": (
        lambda r: change(replace(r, pipeline=("train",)), "train", enabled=False),
        "pipeline: no step is left to run.",
    ),
    "a start behind another": (
        lambda r: configured(r, fakes.FakeLoad(), pipeline=("train", "load", "convert")),
        "pipeline: 'load' starts a model, so it must come first, not after 'train'.",
    ),
    "no start": (
        lambda r: replace(r, pipeline=("prune", "convert")),
        "pipeline: 'prune' needs a KerasModel, but nothing comes before it.",
    ),
    "another kind": (
        lambda r: replace(r, pipeline=("train", "convert", "prune")),
        "pipeline: 'prune' needs a KerasModel, but 'convert' gives a TFLiteModel.",
    ),
    "no file in the end": (
        lambda r: replace(r, pipeline=("train", "prune")),
        "pipeline: it ends with 'prune', which makes a KerasModel; add 'fake_convert' after it.",
    ),
    "quantized twice": (
        lambda r: add(replace(r, pipeline=(*r.pipeline, "again")), again=(fakes.FakeQuantize(),)),
        "pipeline: 'again' quantizes a model that 'quantize' has already quantized.",
    ),
    "skip of a conversion": (
        lambda r: change(r, "convert", on_breach="skip"),
        "convert.on_breach: 'skip' is not possible, since 'convert' turns a KerasModel into a TFLiteModel; use 'fail' "
        "or 'warn', or a fallback.",
    ),
    "skip of a start": (
        lambda r: change(r, "train", on_breach="skip"),
        "train.on_breach: 'skip' is not possible, since 'train' turns a recipe into a KerasModel; use 'fail' or "
        "'warn', or a fallback.",
    ),
    "an unknown fallback": (
        lambda r: change(r, "quantize", fallback=(Fallback(run=("quantze",)),)),
        "quantize.fallback.0: 'quantze' is not configured. Did you mean 'quantize'?",
    ),
    "a fallback from what comes later": (
        lambda r: change(
            r, "prune", fallback=(Fallback(run=("prune",)), Fallback(run=("prune",), start="convert"))
        ),
        "prune.fallback.1.from: 'convert' does not run before 'prune'.",
    ),
    "a fallback from itself": (
        lambda r: change(r, "prune", fallback=(Fallback(run=("prune",), start="prune"),)),
        "prune.fallback.0.from: 'prune' does not run before 'prune'.",
    ),
    "a fallback of another kind": (
        lambda r: change(r, "quantize", fallback=(Fallback(run=("prune",)),)),
        "quantize.fallback.0: 'prune' needs a KerasModel, not a TFLiteModel.",
    ),
    "a fallback that starts": (
        lambda r: change(r, "quantize", fallback=(Fallback(run=("train",)),)),
        "quantize.fallback.0: 'train' needs a start, not a TFLiteModel.",
    ),
    "a fallback that gives another kind": (
        lambda r: change(r, "quantize", fallback=(Fallback(run=("prune",), start="train"),)),
        "quantize.fallback.0: it gives a KerasModel, but 'quantize' gives a TFLiteModel.",
    ),
    "a fallback that reads what comes later": (
        lambda r: change(
            add(r, teach=(fakes.FakeTeach(teacher="convert"),)), "prune", fallback=(Fallback(run=("teach",)),)
        ),
        "teach: it reads the output of 'convert', which does not run before 'prune'.",
    ),
    "judging without a budget": (
        lambda r: configured(r, fakes.FakeMixed(), pipeline=("train", "convert", "mixed")),
        "mixed.budget: pass 'fake_mixed' chooses by its budget, but has none; set e.g. "
        "mixed.budget.METRIC.max_drop=0.01.",
    ),
    "an unknown metric": (
        lambda r: change(r, "prune", limits=(replace(SCORE, metric="scor"),)),
        "prune.budget.scor: ",
    ),
    "since what does not run": (
        lambda r: change(r, "prune", limits=(replace(SCORE, since="trian"),)),
        "prune.budget.score.since: 'trian' is not in pipeline. Did you mean 'train'?",
    ),
    "a total since what does not run": (
        lambda r: replace(r, limits=(replace(SCORE, since="trian"),)),
        "budget.score.since: 'trian' is not in pipeline. Did you mean 'train'?",
    ),
    "a limit of a fallback's pass": (
        lambda r: change(
            add(r, gentle=(fakes.FakePrune(), replace(SCORE, since="trian"))),
            "prune",
            fallback=(Fallback(run=("gentle",)),),
        ),
        "gentle.budget.score.since: 'trian' is not in pipeline.",
    ),
    "another task": (
        lambda r: change(r, "prune", limits=(replace(SCORE, metric="foreign"),)),
        "prune.budget.foreign: 'foreign' is a metric for other, strange, but the data are for fake; there are "
        "fake_latency, file_bytes, of_files, score.",
    ),
    "another kind of file": (
        lambda r: change(r, "prune", limits=(replace(SCORE, metric="of_files"),)),
        "prune.budget.of_files: 'of_files' cannot be measured on a KerasModel.",
    ),
    "a figure of a target": (
        lambda r: change(r, "quantize", limits=(replace(SCORE, metric="npu"),)),
        "quantize.budget.npu: only a target measures it; put it in the recipe's total budget.",
    ),
    "a figure of another target": (
        lambda r: replace(r, limits=(replace(SCORE, metric="npu"),)),
        "budget.npu: no target of the recipe measures it (target=[any]); add a target of type 'fake_npu', e.g. "
        "target=[any,npu_55].",
    ),
    "stop after nothing": (
        lambda r: replace(r, run=RunOptions(stop_after="convrt")),
        "stop_after: 'convrt' does not run; there are train, prune, convert, quantize. Did you mean 'convert'?",
    ),
    "another task of the model": (
        lambda r: replace(r, model=Foreign()),
        "model: 'foreign' is for other, but data 'fake_data' is for fake.",
    ),
}


class Foreign(fakes.FakeModel):
    name = "foreign"
    task = "other"


@pytest.fixture(autouse=True)
def more_metrics(only_fakes: None) -> None:
    METRICS.declare("foreign")(type("ForeignTask", (Metric,), {"tasks": ("other", "strange")}))
    METRICS.declare("of_files")(type("OfFiles", (fakes.FileBytes,), {"kinds": ("TFLiteModel",)}))
    METRICS.declare("npu")(type("Npu", (TargetMetric,), {"target": "fake_npu", "choice": "npu_55"}))


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_together_is_said_by_its_key(recipe: Recipe, what: str) -> None:
    make, text = WRONG[what]
    with pytest.raises(RecipeError) as caught:
        check(make(recipe))
    if text.endswith(": "):
        assert str(caught.value).startswith(text)
    else:
        assert str(caught.value) == text or str(caught.value).startswith(f"{text} Did you mean")


@pytest.mark.parametrize(
    "make",
    [
        lambda r: change(r, "prune", on_breach="skip"),
        lambda r: change(r, "quantize", limits=(replace(SCORE, metric="of_files"),)),
        lambda r: replace(r, limits=(replace(SCORE, metric="of_files"), replace(SCORE, since="prune"))),
        lambda r: change(r, "quantize", fallback=(Fallback(run=("prune", "convert"), start="train"),)),
        lambda r: replace(r, run=RunOptions(stop_after="quantize")),
        lambda r: replace(r, model=type("Any", (fakes.FakeModel,), {"task": ""})()),
    ],
)
def test_what_fits_together_is_left_alone(recipe: Recipe, make: Any) -> None:
    assert check(make(recipe))[0] == ("train", "prune", "convert", "quantize")


def test_a_step_may_read_the_one_that_runs_just_before(recipe: Recipe) -> None:
    pipeline = ("train", "prune", "teach", "convert")
    for teacher in ("train", "prune"):
        taught = configured(recipe, fakes.FakeTeach(teacher=teacher), pipeline=pipeline)
        assert check(taught)[0] == pipeline
    for teacher in ("teach", "convert"):
        with pytest.raises(
            RecipeError, match=f"teach: it reads the output of '{teacher}', which does not run"
        ):
            check(configured(recipe, fakes.FakeTeach(teacher=teacher), pipeline=pipeline))


def test_a_step_is_placed_behind_the_last_of_those_it_comes_after(recipe: Recipe) -> None:
    extra = add(recipe, more=(fakes.FakePrune(),), most=(fakes.FakePrune(),))
    extra = change(change(extra, "more", after=("prune", "train")), "most", after=("train",))
    assert check(extra) == (("train", "most", "prune", "more", "convert", "quantize"), {})


def test_what_does_not_run_is_named_with_the_reason(recipe: Recipe) -> None:
    extra = add(recipe, gentle=(fakes.FakeQuantize(),), spare=(fakes.FakePrune(),))
    extra = change(extra, "quantize", fallback=(Fallback(run=("gentle",)),))
    extra = change(extra, "prune", enabled=False)
    order, unused = check(replace(extra, added=("gentle",)))
    assert order == ("train", "convert", "quantize")
    assert unused == {"prune": "prune.enabled is false", "spare": "not in pipeline"}


def test_a_fallback_from_a_step_that_this_build_leaves_out_is_no_fault(recipe: Recipe) -> None:
    extra = change(recipe, "quantize", fallback=(Fallback(run=("prune", "convert"), start="prune"),))
    assert check(change(extra, "prune", enabled=False))[0] == ("train", "convert", "quantize")


@pytest.mark.parametrize(
    ("cls", "who"),
    [
        (fakes.FakeQuantize, "pass 'quantize'"),
        (fakes.FakeMixed, "pass 'mixed'"),
        (fakes.FakeTarget, "target 'any'"),
    ],
)
def test_a_tool_that_is_missing_is_noticed_before_anything_runs(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, cls: Any, who: str
) -> None:
    extra = add(recipe, mixed=(fakes.FakeMixed(),))
    extra = change(extra, "quantize", fallback=(Fallback(run=("mixed",)),))
    monkeypatch.setattr(cls, "needs", ("no_such_tool",))
    with pytest.raises(MissingTool, match=f"{who} needs no_such_tool"):
        check(extra)
    assert toolchain.version("no_such_tool") is None


def test_the_base_is_what_starts_whatever_kind_of_model_it_gives(recipe: Recipe) -> None:
    for options in (fakes.FakeTrain(), fakes.FakeLoad(), FakeTake()):
        started = change(recipe, "train", options=options)
        for order in (("train",), ("train", "prune", "convert", "quantize"), ("train", "quantize")):
            assert base_label(started, order) == "train"
    assert base_label(recipe, ("convert", "quantize")) == "quantize", (
        "where nothing starts, what is delivered"
    )


def test_a_step_whose_work_is_done_already_is_left_out_and_said(recipe: Recipe) -> None:
    order, unused = check(change(recipe, "prune", done="its zeros are there"))
    assert (order, unused) == (("train", "convert", "quantize"), {"prune": "its zeros are there"})


def test_metrics_are_those_of_the_task_and_those_that_a_limit_names(recipe: Recipe) -> None:
    assert judged_metrics(recipe) == ["score"]
    total = replace(recipe, limits=(replace(SCORE, metric="fake_latency"),))
    assert judged_metrics(total) == ["fake_latency", "score"]
    assert judged_metrics(change(total, "prune", limits=(replace(SCORE, metric="file_bytes"),))) == [
        "fake_latency",
        "file_bytes",
        "score",
    ]
    METRICS.declare("second")(type("Second", (fakes.Score,), {"primary": False}))
    METRICS.declare("third")(type("Third", (fakes.Score,), {"tasks": ("other",)}))
    assert judged_metrics(recipe) == ["score"]


def test_defaults_follow_from_what_is_known_of_the_data(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[DataFacts] = []

    def note(self: Any, facts: DataFacts) -> Any:
        seen.append(facts)
        return replace(self, cost=0.5)

    monkeypatch.setattr(fakes.FakePrune, "resolve", note)
    wide = replace(recipe, model=fakes.FakeModel(width=96), data=fakes.FakeData(train=13))
    index = wide.data.index(lambda path: None)  # type: ignore[arg-type, return-value]
    resolved = resolve(wide, replace(index, classes=("a", "b", "c")))
    assert resolved.steps["prune"].options == fakes.FakePrune(cost=0.5)
    assert seen[0] == DataFacts(task="fake", train=13, classes=3, input_size=96)
    monkeypatch.setattr(fakes.FakeTarget, "integer_only", True)
    resolve(replace(wide, model=fakes.FakeOwn(path="m")), index)
    assert (seen[-1].integer_only, seen[-1].from_file, seen[-1].input_size) == (True, True, 1)


def test_a_plan_knows_as_far_as_results_are_there(recipe: Recipe, build_here: FakeBuild) -> None:
    first = planned(recipe)
    assert [(step.status, step.key != "", step.record) for step in first.steps] == [
        ("RUN", True, None),
        *[("UNKNOWN", False, None)] * 3,
    ]
    build_here(recipe)
    second = planned(recipe)
    assert [step.status for step in second.steps] == ["HIT"] * 4
    assert [step.reason for step in second.steps] == ["saves 2.5 s"] * 4
    assert second.steps[0].key == first.steps[0].key
    assert (second.unused, second.warnings) == ({}, ())
    changed = planned(change(recipe, "convert", options=fakes.FakeConvert(), limits=(SCORE,)))
    assert [step.status for step in changed.steps] == ["HIT"] * 4, "a limit decides no bytes"
    changed = planned(change(recipe, "prune", options=fakes.FakePrune(cost=0.5)))
    assert [step.status for step in changed.steps] == ["HIT", "RUN", "UNKNOWN", "UNKNOWN"]
    assert changed.steps[1].reason == "prune.cost 0.01 -> 0.5; took 2.5 s last time"
    assert changed.steps[3].reason == "its input is not known until convert has run"


def test_a_reason_is_the_difference_from_the_nearest_and_four_of_its_fields_at_most(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    build_here(recipe)
    build_here(change(recipe, "prune", options=fakes.FakePrune(cost=0.75)))
    near = planned(change(recipe, "prune", options=fakes.FakePrune(cost=0.5)))
    assert near.steps[1].reason.startswith("prune.cost 0.75 -> 0.5"), "the newest of two that are as near"
    build_here(change(replace(recipe, seed=3), "prune", options=fakes.FakePrune(cost=0.25)))
    assert (
        planned(change(recipe, "prune", options=fakes.FakePrune(cost=0.5))).steps[1].reason
        == near.steps[1].reason
    )
    far = replace(
        recipe,
        seed=4,
        device="gpu",
        model=fakes.FakeModel(width=2),
        worker=replace(recipe.worker, threads=7),
        data=fakes.FakeData(augment={"flip": 1}, train=11),
    )
    reason = planned(far).steps[0].reason
    assert re.fullmatch(r".*, .*, .*, .* and 3 more; took 2\.5 s last time", reason), reason


def test_a_result_that_is_gone_is_said_to_be(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(recipe)
    for step in planned(recipe).steps[:1]:
        sha256 = outcome.report["passes"][0]["output"]
        (recipe.store / "blobs" / sha256).unlink()
        assert planned(recipe).steps[0].reason == "its stored result is gone; took 2.5 s last time"
        assert step.status == "HIT"


def test_a_stored_result_of_another_kind_is_refused(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_here(recipe)
    key = planned(recipe).steps[0].key

    annotations = {"model": None, "ctx": Any, "return": TFLiteModel}
    monkeypatch.setattr(fakes.FakeTrain.run, "__annotations__", annotations)
    with pytest.raises(StoreError) as caught:
        planned(replace(recipe, pipeline=("train", "quantize")))
    assert str(caught.value) == (
        f"train: its stored result {key} is KerasModel, but 'fake_train' gives a TFLiteModel; remove "
        f"actions/{key}.json from {recipe.store}."
    )


def test_what_cannot_be_kept_is_said_only_where_something_would_run(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_here(recipe)
    monkeypatch.setattr("tflbuild.engine.storage.store.Store.obstacle", lambda self: "the store is closed")
    assert planned(recipe).warnings == ()
    changed = change(recipe, "quantize", options=fakes.FakeQuantize(size=20))
    assert planned(changed).warnings == ("the store is closed",)
    outcome = build_here(changed)
    assert isinstance(outcome.error, StoreError)
    assert str(outcome.error) == "the store is closed"
    assert outcome.report["passes"] == [], "before anything ran"
    until = replace(changed, run=RunOptions(stop_after="convert"))
    assert build_here(until).error is None, "nothing new up to there"


# prepare


def test_an_empty_split_is_named(recipe: Recipe) -> None:
    with pytest.raises(DataError, match="data: the train split of 'fake_data' is empty"):
        prepared_of(replace(recipe, data=fakes.FakeData(train=0)))


def test_what_was_left_out_of_a_recipe_is_said(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        fakes.FakeModel, "warnings", lambda self, preprocess: [f"scale {preprocess['scale']}"]
    )
    data = fakes.FakeData(preprocess={"scale": 2})
    prepared_of(replace(recipe, remarks=("prune is null",), data=data), warn=said.append)
    assert said == ["prune is null", "scale 2"]


def test_options_are_checked_as_they_were_resolved_and_named_by_their_step(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: fakes.FakeTrain) -> None:
        if self.steps == 20:
            raise ValueError("steps: 20 is too few for {step}")

    monkeypatch.setattr(fakes.FakeTrain, "check", refuse)
    with pytest.raises(RecipeError, match=r"^train\.steps: 20 is too few for train$"):
        prepared_of(recipe)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("data.test", "quantize: 'data.test' must not be used here; use data.train."),
        (
            "data.vla",
            "quantize: there is no 'data.vla'; use data.train, data.val, a folder, a glob or a file.",
        ),
    ],
)
def test_a_source_that_is_no_split_to_learn_from_is_refused(recipe: Recipe, source: str, text: str) -> None:
    reading = change(recipe, "quantize", options=fakes.FakeTrainsOn(sources=(source,)))
    with pytest.raises(RecipeError) as caught:
        prepared_of(reading)
    assert str(caught.value) == text


def test_pixels_that_may_be_decoded_are_one_or_more(recipe: Recipe) -> None:
    with pytest.raises(
        RecipeError, match=r"data\.max_pixels: 0 is not a number of pixels; expected 1 or more"
    ):
        prepared_of(replace(recipe, data=fakes.FakeData(max_pixels=0)))
    prepared_of(replace(recipe, data=fakes.FakeData(max_pixels=1)))


def test_jobs_of_a_grid_list_the_same_data_once(recipe: Recipe) -> None:
    listed: dict[str, Any] = {}
    first, second = prepared_of(recipe, listed=listed), prepared_of(replace(recipe, seed=1), listed=listed)
    assert first.index is second.index
    third = prepared_of(replace(recipe, data=fakes.FakeData(train=11)), listed=listed)
    assert len(third.index.splits["train"]) == 11
    assert len(listed) == 2
