"""Analyses that a recipe asks for: run on the models of a build, kept in the store, never the end of a build."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, change
from tflbuild.core import digest
from tflbuild.core.analysis import Analysis, Variant
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.recipe import Recipe
from tflbuild.engine.analyses import models_of
from tflbuild.engine.build import Outcome
from tflbuild.engine.events import Event
from tflbuild.engine.measure import Measurer
from tflbuild.engine.prepare import prepare


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    return build_here


def asking(recipe: Recipe, **analyses: Analysis) -> Recipe:
    return replace(recipe, analyses=analyses)


def found(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.error is None
    written: list[dict[str, Any]] = json.loads((outcome.report.folder / "report.json").read_text())[
        "analyses"
    ]
    return written


def model(kind: Any, name: str, **meta: Any) -> Any:
    return kind(path=Path(name), digest=name, fingerprint=name, meta=meta)


def test_an_analysis_finds_something_about_the_model_that_is_delivered(
    recipe: Recipe, build: FakeBuild, events: list[Event]
) -> None:
    (entry,) = found(build(asking(recipe, mine=fakes.FakeAnalysis())))
    assert entry == {"name": "fake_analysis", "key": entry["key"], "findings": [{"text": "model: 0.89"}]}
    assert len(entry["key"]) == 64
    assert [event.fields for event in events if event.kind == "analysis"] == [entry]


def test_what_was_found_is_recalled_until_something_that_decides_it_changes(
    recipe: Recipe, build: FakeBuild, log: Path
) -> None:
    def times() -> int:
        return log.read_text().split().count("analyse")

    wanted = asking(recipe, mine=fakes.FakeAnalysis())
    first = found(build(wanted))
    assert (found(build(wanted)), times()) == (first, 1)
    assert found(build(asking(recipe, other=fakes.FakeAnalysis()))) == first, "a name decides nothing"
    assert times() == 1
    again = found(build(asking(recipe, mine=fakes.FakeAnalysis(strength=0.7))))
    assert times() == 2
    assert again[0]["key"] != first[0]["key"]
    build(change(wanted, "quantize", options=fakes.FakeQuantize(cost=0.1)))
    assert times() == 3


def test_a_heavy_analysis_runs_where_tensorflow_is_and_a_light_one_beside_it(
    recipe: Recipe, build: FakeBuild, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakeHeavyAnalysis, "reads", lambda self: ("data.train",))
    monkeypatch.setattr(fakes.FakeHeavyAnalysis, "needs", ())
    light, heavy = found(build(asking(recipe, a=fakes.FakeAnalysis(), b=fakes.FakeHeavyAnalysis())))
    asked = [(place, who) for place, name, who in here.asked if name == "analyse"]
    assert asked == [("crew", "analysis 'a'"), ("tensorflow", "analysis 'b'")]
    assert [finding["text"] for finding in heavy["findings"]] == ["model: 0.89", "base: 0.9"]
    assert light["findings"] == heavy["findings"][:1]


def test_an_analysis_of_a_model_that_the_build_lacks_is_left_out_with_a_warning(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakeAnalysis, "of", ("model", "teacher"))
    outcome = build(asking(recipe, mine=fakes.FakeAnalysis()))
    assert found(outcome) == []
    said = "analyses.mine is skipped: it needs 'teacher', which this build does not have"
    assert outcome.report["warnings"] == [said]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ValueError("seven is right out"),
            "analyses.mine: analysis 'mine' failed: ValueError: seven is right out",
        ),
        (NotImplementedError(), "analyses.mine: analysis 'mine' failed: NotImplementedError"),
    ],
)
def test_an_analysis_that_fails_costs_itself_alone(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*given: Any) -> Any:
        raise error

    monkeypatch.setattr(fakes.FakeAnalysis, "run", fail)
    monkeypatch.setattr(fakes.FakeHeavyAnalysis, "run", lambda *given: [{"text": "well"}])
    monkeypatch.setattr(fakes.FakeHeavyAnalysis, "reads", lambda self: ())
    monkeypatch.setattr(fakes.FakeHeavyAnalysis, "needs", ())
    outcome = build(asking(recipe, mine=fakes.FakeAnalysis(), other=fakes.FakeHeavyAnalysis()))
    assert [entry["name"] for entry in found(outcome)] == ["fake_heavy_analysis"]
    (warning,) = outcome.report["warnings"]
    assert warning.startswith(said)
    assert outcome.report["targets"]


def test_data_that_an_analysis_did_not_declare_is_refused(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fakes.FakeAnalysis, "run", lambda self, models, ctx: [{"n": len(ctx.dataset("data.test"))}]
    )
    outcome = build(asking(recipe, mine=fakes.FakeAnalysis()))
    assert found(outcome) == []
    assert "data.test" in outcome.report["warnings"][0]
    monkeypatch.setattr(
        fakes.FakeAnalysis, "run", lambda self, models, ctx: [{"n": len(ctx.dataset("data.val"))}]
    )
    assert found(build(asking(recipe, mine=fakes.FakeAnalysis())))[0]["findings"] == [{"n": 4}]


def test_a_run_that_ends_early_analyses_nothing(recipe: Recipe, build: FakeBuild) -> None:
    wanted = asking(recipe, mine=fakes.FakeAnalysis())
    assert found(build(replace(wanted, run=replace(wanted.run, stop_after="prune")))) == []


def test_what_an_analysis_reads_is_held_to_the_data_while_planning(recipe: Recipe) -> None:
    from tflbuild.core.errors import RecipeError

    class Odd(fakes.FakeAnalysis):
        def reads(self) -> tuple[str, ...]:
            return ("data.vall",)

    with pytest.raises(
        RecipeError, match=r"^analyses\.mine: there is no 'data\.vall'; use data\.train, data\.val"
    ):
        prepare(asking(recipe, mine=Odd()), fakes.NAMES)


def test_models_are_named_by_what_they_are_in_a_build() -> None:
    base, trained = model(KerasModel, "base"), model(KerasModel, "trained")
    first, equalized = model(TFLiteModel, "first"), model(TFLiteModel, "equalized")
    quantized = model(TFLiteModel, "quantized", quantized="int8")
    outputs = dict(enumerate((base, trained, first, equalized, quantized)))
    named = models_of({str(key): one for key, one in outputs.items()}, base)
    assert {"base": base, "float": equalized, "model": quantized}.items() <= named.items()
    steps = [name for name in named if name.startswith("step:")]
    assert steps == ["step:0", "step:1", "step:2", "step:3", "step:4"]
    assert named["step:3"] is equalized
    assert models_of({"a": trained}, None) == {"model": trained, "step:a": trained}
    assert models_of({}, None) == {}


def test_variants_are_asked_again_with_what_was_measured_and_measured_on_some_samples(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    def variants(self: Any, models: Any, ctx: Any) -> list[Variant]:
        before = [one.variant.name for one in ctx.measured]
        model = models["model"]
        if not before:
            return [Variant(name=name, model=model, samples=2) for name in "abc"]
        if len(before) == 3:
            return [Variant(name=f"{before[-1]}{count}", model=model, samples=count) for count in (2, 0, 0)]
        return []

    def run(self: Any, models: Any, ctx: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": one.variant.name,
                "metrics": len(one.metrics),
                "changes": len(one.changes),
                "totals": len(one.totals),
            }
            for one in ctx.measured
        ]

    counts: list[int] = []
    of_samples = Measurer.of_samples

    def counted(self: Measurer, split: str, most: int) -> Measurer:
        made = of_samples(self, split, most)
        counts.append(len(made._keys.index.splits[split]))
        return made

    monkeypatch.setattr(Measurer, "of_samples", counted)
    for name, value in {"measures": "val", "rounds": 3, "variants": variants, "run": run}.items():
        monkeypatch.setattr(fakes.FakeAnalysis, name, value)
    rows = found(build(asking(recipe, mine=fakes.FakeAnalysis())))[0]["findings"]
    assert [row["name"] for row in rows] == ["a", "b", "c", "c2", "c0", "c0"]
    assert counts == [2, 2, 2, 2, 4, 4]
    assert all(row["metrics"] == 1 for row in rows)
    assert [row["changes"] for row in rows] == [0, 1, 1, 0, 0, 1]
    assert [row["totals"] for row in rows] == [0, 1, 1, 0, 0, 1]
    monkeypatch.setattr(fakes.FakeAnalysis, "series", False)
    rows = found(build(asking(recipe, mine=fakes.FakeAnalysis(strength=0.7))))[0]["findings"]
    assert [(row["changes"], row["totals"]) for row in rows[:3]] == [(0, 0), (0, 1), (0, 1)]


def test_files_that_an_analysis_keeps_are_named_with_their_digests_and_recalled(
    recipe: Recipe, build: FakeBuild, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Any, models: Any, ctx: Any) -> list[dict[str, Any]]:
        ctx.keep("conv_1/input.npz", b"numbers")
        ctx.keep("README.txt", b"words")
        return [{"text": "kept"}]

    monkeypatch.setattr(fakes.FakeAnalysis, "run", run)
    (entry,) = found(build(asking(recipe, mine=fakes.FakeAnalysis())))
    digests = {
        name: digest.of_bytes(content)
        for name, content in (("README.txt", b"words"), ("conv_1/input.npz", b"numbers"))
    }
    assert entry["files"] == digests
    (again,) = found(build(asking(recipe, other=fakes.FakeAnalysis())))
    assert again == entry


class OfDelivered(fakes.FakeAnalysis):
    """Tell what was predicted."""

    delivered = True
    of = ("base", "model")

    def reads(self) -> tuple[str, ...]:
        return ("data.test",)

    def run(self, models: Any, ctx: Any) -> Any:
        fakes.note("look at predictions")
        return [{name: json.loads(path.read_text()) for name, path in ctx.predicted.items()}]


PREDICTED = {"base": {"score": 0.9}, "model": {"score": 0.89}, "truth": 4}


def test_an_analysis_of_what_is_delivered_is_given_what_its_accuracy_was_measured_by(
    recipe: Recipe, build: FakeBuild, log: Path
) -> None:
    wanted = asking(recipe, mine=OfDelivered())
    (entry,) = found(build(wanted))
    assert entry["findings"] == [PREDICTED], "the base is what train gave; the file is what is delivered"
    lines = log.read_text().splitlines()
    predicted = [line for line in lines if line == "predict test"]
    assert len(predicted) == 2, "nothing is executed for it again"
    assert lines.index("look at predictions") > max(k for k, line in enumerate(lines) if line == predicted[0])
    assert found(build(wanted)) == [entry]
    assert log.read_text().splitlines().count("look at predictions") == 1
    worse = change(wanted, "quantize", options=fakes.FakeQuantize(cost=0.1))
    (other,) = found(build(worse))
    assert other["findings"][0]["model"] == {"score": pytest.approx(0.79)}
    assert other["key"] != entry["key"]


def test_every_build_runs_the_analysis_that_it_is_given_for_what_it_delivers(
    recipe: Recipe, build: FakeBuild, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        here, "names", replace(here.names, delivered=("test_analyses_delivered:OfDelivered",))
    )
    monkeypatch.setitem(sys.modules, "test_analyses_delivered", sys.modules[__name__])
    (entry,) = found(build(recipe))
    assert entry["findings"] == [PREDICTED]
    assert found(build(replace(recipe, silenced=frozenset({OfDelivered.name})))) == [], "it is switched off"
    monkeypatch.setattr(OfDelivered, "fits", lambda self, models: "there is nothing to see")
    outcome = build(recipe)
    assert (found(outcome), outcome.report["warnings"]) == ([], []), "nobody asked for it"


class Choosing(OfDelivered):
    """Tell what was predicted on val, too."""

    chooses = "val"


def test_an_analysis_that_chooses_is_given_val_without_executing_anything_again(
    recipe: Recipe, build: FakeBuild, log: Path
) -> None:
    (entry,) = found(build(asking(recipe, mine=Choosing())))
    (finding,) = entry["findings"]
    assert finding == PREDICTED | {"val:model": {"score": 0.89}, "val:truth": finding["val:truth"]}
    gates = log.read_text().splitlines().count("predict val")
    assert gates == len(recipe.steps), "one of each step, by its gate"


def test_a_file_that_a_target_compiles_is_executed_on_val_itself(
    recipe: Recipe, build: FakeBuild, log: Path
) -> None:
    compiled = replace(recipe, targets={"npu": fakes.FakeCompiler()})
    assert found(build(asking(compiled, mine=Choosing())))
    gates = log.read_text().splitlines().count("predict val")
    assert gates == len(recipe.steps) + 1


def test_a_build_over_its_budget_is_looked_at_too(recipe: Recipe, build: FakeBuild) -> None:
    wanted = asking(recipe, mine=OfDelivered())
    limit = Limit(metric="score", form="min", bound=0.95)
    outcome = build(replace(wanted, limits=(limit,)))
    assert outcome.report.status == "over_budget"
    assert [entry["findings"] for entry in outcome.report["analyses"]] == [[PREDICTED]]


def test_a_file_that_this_machine_cannot_execute_has_no_predictions_to_look_at(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target in recipe.targets.values():
        monkeypatch.setattr(type(target), "executes", False)
    assert found(build(asking(recipe, mine=OfDelivered()))) == []
