"""What each target gets, what is measured on it, and the total budget: by hand."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, change, drop
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.errors import BudgetExceeded
from tflbuild.core.metric import METRICS, FileMetric, Measurement, TargetMetric
from tflbuild.core.recipe import Recipe
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.build import Outcome
from tflbuild.engine.deliver import _judge_total
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.events import Event
from tflbuild.engine.workers.worker_process import Server

DELEGATED = {"name": "npu", "delegated": 3, "total": 4}
# Scores on every split: train, the base, 0.9; delivered 0.89. A difference is known to 0.001, a value to 0.1.


@pytest.fixture(autouse=True)
def npu() -> None:
    """Declare a target that this machine cannot execute, and a figure that only it gives."""

    class Npu(Target):
        executes = False
        compiles = True

        def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
            return model.path.read_bytes() + b"npu", {"npu_share": 0.75}

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"delegate": DELEGATED}

    class Lossy(Target):
        compiles = True

        def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
            return fakes.content(fakes.score_of(model.path) - 0.25), {}

    class Share(TargetMetric):
        target = "fake_npu"
        unit = "share"

    class Timing(Target):
        """Times files itself, half a millisecond a byte."""

        executes = False

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"timed_ms": {"median": 0.5 * len(model.path.read_bytes()), "threads": 4}}

    class Timed(FileMetric):
        unit = "ms"
        higher_is_better = False
        exact = False
        figure = "timed_ms"

        def measure(self, model: Any) -> Measurement:
            return Measurement(value=1.0, unit=self.unit)

        def from_figure(self, figure: Any) -> Measurement:
            return Measurement(value=figure["median"], unit=self.unit, details=figure)

    TARGETS.declare("fake_npu")(Npu)
    TARGETS.declare("fake_lossy")(Lossy)
    TARGETS.declare("fake_timing")(Timing)
    METRICS.declare("npu_share")(Share)
    METRICS.declare("timed")(Timed)


@pytest.fixture
def several(recipe: Recipe) -> Recipe:
    targets = {"any": fakes.FakeTarget(), "small": fakes.FakeCompiler(), "npu": TARGETS.get("fake_npu")()}
    return replace(recipe, targets=targets)


def targets(outcome: Outcome) -> dict[str, Any]:
    return {given["name"]: given for given in outcome.report["targets"]}


def verdicts(outcome: Outcome) -> list[Any]:
    found: list[Any] = outcome.report["budget"]["verdicts"]
    return found


def test_each_target_has_a_folder_of_its_own(several: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(several)
    folder = outcome.report.folder
    assert {name: given["path"] for name, given in targets(outcome).items()} == {
        "any": "any/model.tflite",
        "small": "small/model.tflite",
        "npu": "npu/model.tflite",
    }
    plain = (folder / "any/model.tflite").read_bytes()
    assert (folder / "small/model.tflite").read_bytes() == plain + b" "
    assert (folder / "npu/model.tflite").read_bytes() == plain + b"npu"


def test_two_targets_have_folders_too(several: Recipe, build_here: FakeBuild) -> None:
    two = {name: several.targets[name] for name in ("any", "small")}
    given = targets(build_here(replace(several, targets=two)))
    assert [target["path"] for target in given.values()] == ["any/model.tflite", "small/model.tflite"]


def test_one_target_has_its_file_in_the_run_s_folder(recipe: Recipe, build_here: FakeBuild) -> None:
    assert targets(build_here(recipe))["any"]["path"] == "model.tflite"


def test_a_delivery_says_what_its_file_is(several: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(several)
    for name, given in targets(outcome).items():
        content = (outcome.report.folder / given["path"]).read_bytes()
        assert given["bytes"] == len(content), name
        assert given["compressed_bytes"] == len(zlib.compress(content, 9))
        assert given["labels"] == ["a"]
        assert (given["inputs"], given["outputs"]) == ([], [])
        assert given["metrics"]["file_bytes"]["value"] == len(content)
    digests = {given["sha256"] for given in targets(outcome).values()}
    assert len(digests) == 3


def test_what_was_measured_of_the_compressed_file_is_not_measured_again(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    @METRICS.declare("packed")
    class Compressed(fakes.FileBytes):
        figure = "compressed_bytes"

        def measure(self, model: Any) -> Any:
            return replace(super().measure(model), value=12.0)

    assert targets(build_here(recipe))["any"]["compressed_bytes"] == 12
    assert Compressed.exact


def test_accuracy_is_measured_on_the_test_split_and_only_where_the_file_can_be_executed(
    several: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    given = targets(build_here(several))
    assert given["any"]["metrics"]["score"]["split"] == "test"
    assert given["small"]["metrics"]["score"]["value"] == pytest.approx(0.89)
    assert "score" not in given["npu"]["metrics"]
    assert given["npu"]["not_executed"] == (
        "This machine cannot execute a file for npu, so no accuracy was measured on it."
    )
    assert "not_executed" not in given["any"]


def test_what_is_measured_and_judged_is_the_delivered_file(recipe: Recipe, build_here: FakeBuild) -> None:
    targets_ = {"any": fakes.FakeTarget(), "lossy": TARGETS.get("fake_lossy")()}
    limits = (drop(0.1), Limit(metric="score", form="min", bound=0.8))
    outcome = build_here(replace(recipe, targets=targets_, limits=limits))
    assert [(v["target"], v["ok"], v["value"]) for v in verdicts(outcome)] == [
        ("any", True, pytest.approx(0.89)),
        ("any", True, pytest.approx(0.89)),
        ("lossy", False, pytest.approx(0.64)),
        ("lossy", False, pytest.approx(0.64)),
    ]
    assert verdicts(outcome)[2]["low"] == pytest.approx(0.9 - 0.64 - 0.001)


def test_a_compressed_size_is_that_of_the_best_compression(tmp_path: Path) -> None:
    content = "".join(map(str, range(3000))).encode()
    (tmp_path / "m").write_bytes(content)
    model = TFLiteModel(
        path=tmp_path / "m",
        digest="its digest",
        fingerprint="",
        meta={"facts": fakes.FACTS, "signature": {"inputs": [{"name": "i"}], "outputs": [{"name": "o"}]}},
    )
    delivery = Delivery(target="npu", model=model, figures={"cycles": 3}, metrics={})
    assert delivery.to_json("here.tflite") == {
        "name": "npu",
        "path": "here.tflite",
        "sha256": "its digest",
        "bytes": len(content),
        "compressed_bytes": len(zlib.compress(content, 9)),
        "labels": ["a"],
        "metrics": {},
        "differences": {},
        "inputs": [{"name": "i"}],
        "outputs": [{"name": "o"}],
        "cycles": 3,
    }
    assert len(zlib.compress(content, 9)) != len(zlib.compress(content, 1))


def test_a_figure_of_a_target_is_a_metric_in_its_unit(several: Recipe, build_here: FakeBuild) -> None:
    given = targets(build_here(several))
    assert given["npu"]["metrics"]["npu_share"] == {"value": 0.75, "unit": "share"}
    assert given["npu"]["delegate"] == DELEGATED
    assert "npu_share" not in given["any"]["metrics"]


def test_what_needs_execution_is_not_measured_where_there_is_none(
    several: Recipe, build_here: FakeBuild
) -> None:
    given = targets(build_here(replace(several, limits=(Limit(metric="fake_latency", form="max", bound=9),))))
    assert set(given["any"]["metrics"]) == {"score", "file_bytes", "fake_latency"}
    assert set(given["npu"]["metrics"]) == {"file_bytes", "npu_share"}


def test_metrics_that_a_sweep_aims_at_are_measured_too(recipe: Recipe, build_here: FakeBuild) -> None:
    assert "fake_latency" not in targets(build_here(recipe))["any"]["metrics"]
    aimed = replace(recipe, objective=("fake_latency",))
    assert targets(build_here(aimed))["any"]["metrics"]["fake_latency"]["value"] == 1.0


TIMED = Limit(metric="timed", form="max", bound=1e9)


@pytest.fixture
def timing(recipe: Recipe) -> Recipe:
    return replace(recipe, targets={"board": TARGETS.get("fake_timing")(), "any": fakes.FakeTarget()})


def test_what_a_target_times_itself_is_said_once(timing: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(replace(timing, limits=(TIMED,)))
    board, plain = targets(outcome)["board"], targets(outcome)["any"]
    assert board["metrics"]["timed"]["value"] == board["timed_ms"]["median"] == 0.5 * board["bytes"]
    assert board["metrics"]["timed"]["details"] == board["timed_ms"]
    assert plain["metrics"]["timed"]["value"] == 1.0, "this machine's own, where the target times nothing"
    assert {step["metrics"]["timed"]["value"] for step in outcome.report["passes"]} == {1.0}


def test_a_budget_judges_what_the_target_timed(timing: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(replace(timing, limits=(replace(TIMED, bound=1.5),)))
    assert {v["target"]: v["ok"] for v in verdicts(outcome)} == {"board": False, "any": True}
    assert isinstance(outcome.error, BudgetExceeded)


def test_what_no_budget_asks_for_is_no_metric(timing: Recipe, build_here: FakeBuild) -> None:
    board = targets(build_here(timing))["board"]
    assert "timed_ms" in board
    assert "timed" not in board["metrics"]


def test_a_rise_of_what_a_target_times_is_held_against_the_base_on_the_same_target(tmp_path: Path) -> None:
    def model(size: int) -> TFLiteModel:
        path = tmp_path / f"{size}.tflite"
        path.write_bytes(b" " * size)
        return TFLiteModel(path=path, digest=path.name, fingerprint="", meta={})

    def deliver(target: str, model: TFLiteModel) -> Any:
        return SimpleNamespace(value=TARGETS.get("fake_timing")().inspect(model))

    def file_metrics(model: TFLiteModel, metrics: list[str]) -> dict[str, Measurement]:
        return dict.fromkeys(metrics, Measurement(value=1.0, unit="ms"))

    measurer: Any = SimpleNamespace(deliver=deliver, file_metrics=file_metrics)
    rise = Limit(metric="timed", form="max_rise", bound=1.0)
    targets = {"board": TARGETS.get("fake_timing")()}
    recipe: Any = SimpleNamespace(limits=(rise,), strict=False, targets=targets)
    figures = deliver("board", model(6)).value
    metrics = {"timed": METRICS.get("timed")().from_figure(figures["timed_ms"])}
    for figures_, baseline in ((figures, 2.0), ({}, 1.0)):
        delivery = Delivery(target="board", model=model(6), figures=figures_, metrics=metrics)
        _judge_total(recipe, measurer, [delivery], model(4))
        (verdict,) = delivery.verdicts
        assert (verdict.value, verdict.baseline) == (3.0, baseline)


@pytest.mark.parametrize(
    ("limit", "decided", "ok"),
    [
        (Limit(metric="score", form="min", bound=0.85), False, True),
        (Limit(metric="score", form="min", bound=0.5), True, True),
        (drop(0.0105), False, True),
        (drop(0.02), True, True),
        (Limit(metric="score", form="max_relative_drop", bound=0.0117), False, True),
        (Limit(metric="file_bytes", form="max", bound=500), True, True),
        (Limit(metric="file_bytes", form="max", bound=5), True, False),
    ],
    ids=lambda value: str(value),
)
def test_a_strict_recipe_is_strict_in_total_for_every_form_of_limit(
    recipe: Recipe, build_here: FakeBuild, limit: Limit, decided: bool, ok: bool
) -> None:
    recipe = replace(recipe, limits=(limit,))
    loose = build_here(recipe)
    assert [verdict["decided"] for verdict in verdicts(loose)] == [decided]
    assert (loose.error is None) is ok
    strict = build_here(replace(recipe, strict=True))
    assert isinstance(strict.error, BudgetExceeded) is not (decided and ok)
    assert strict.report["budget"]["ok"] is (decided and ok)


def test_the_total_is_held_against_the_base_and_not_the_last_step(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    recipe = change(recipe, "prune", options=fakes.FakePrune(cost=0.2))
    outcome = build_here(replace(recipe, limits=(drop(0.3),)))
    verdict = verdicts(outcome)[0]
    assert (verdict["baseline"], verdict["value"]) == (pytest.approx(0.9), pytest.approx(0.7))
    assert verdict["target"] == "any"
    assert outcome.report["base"]["label"] == "train"
    assert outcome.report["base"]["metrics"]["score"]["value"] == pytest.approx(0.9)
    told = next(event.fields for event in events if event.kind == "gate")
    assert told["label"] == ""
    assert told["text"] == f"in total: {verdict['text']}"
    assert told["verdict"] == verdict


def test_every_target_is_held_to_every_limit_that_is_measured_on_it(
    several: Recipe, build_here: FakeBuild
) -> None:
    limits = (
        Limit(metric="file_bytes", form="max", bound=10_000),
        Limit(metric="npu_share", form="min", bound=0.9),
        Limit(metric="score", form="min", bound=0.1),
    )
    outcome = build_here(replace(several, limits=limits))
    said = {(v["target"], v["metric"]): v["ok"] for v in verdicts(outcome)}
    assert said == {
        ("any", "file_bytes"): True,
        ("any", "score"): True,
        ("small", "file_bytes"): True,
        ("small", "score"): True,
        ("npu", "file_bytes"): True,
        ("npu", "npu_share"): False,
    }
    share = next(v for v in verdicts(outcome) if v["metric"] == "npu_share")
    assert str(outcome.error) == f"budget: {share['text']}"
    assert outcome.report["targets"] == []
    assert not (outcome.report.folder / "any").exists()
    assert (outcome.report.folder / "rejected" / "model.tflite").exists()


def test_a_limit_that_no_target_could_be_measured_on_is_a_breach_once(
    several: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = {"npu": several.targets["npu"], "other": TARGETS.get("fake_npu")()}
    monkeypatch.setattr(type(only["npu"]), "compile", lambda self, model, folder: (b"npu", {}))
    limits = (Limit(metric="npu_share", form="min", bound=0.1),)
    outcome = build_here(replace(several, targets=only, limits=limits))
    assert [(v["ok"], v["text"]) for v in verdicts(outcome)] == [(False, "npu_share could not be measured")]
    assert isinstance(outcome.error, BudgetExceeded)
    outcome = build_here(replace(several, targets=only, limits=(replace(limits[0], on="other"),)))
    assert [(v["target"], v["text"]) for v in verdicts(outcome)] == [
        ("other", "npu_share could not be measured on other")
    ]


def test_a_limit_on_a_target_is_held_against_its_figure_alone(several: Recipe, build_here: FakeBuild) -> None:
    limits = (
        Limit(metric="file_bytes", form="max", bound=10, on="small"),
        Limit(metric="score", form="max_drop", bound=0.5, on="any"),
        Limit(metric="npu_share", form="min", bound=0.5),
    )
    outcome = build_here(replace(several, limits=limits))
    said = [(v["target"], v["metric"], v["limit"], v["ok"], v["text"]) for v in verdicts(outcome)]
    assert said == [
        (
            "any",
            "score",
            {"max_drop": 0.5, "on": "any"},
            True,
            "score fell by 0.0100 [0.0090, 0.0110] on any, from 0.9000 to 0.8900; a fall of at most 0.5000 allowed",
        ),
        (
            "small",
            "file_bytes",
            {"max": 10.0, "on": "small"},
            False,
            said[1][4],
        ),
        ("npu", "npu_share", {"min": 0.5}, True, "npu_share 0.75 share on npu, at least 0.5 share allowed"),
    ]
    assert said[1][4].endswith(" B on small, at most 10 B allowed")
    assert str(outcome.error) == f"budget: {said[1][4]}"


def test_a_rise_of_what_the_base_s_kind_does_not_have_is_a_breach(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FileBytes, "kinds", ("TFLiteModel",))
    outcome = build_here(replace(recipe, limits=(Limit(metric="file_bytes", form="max_rise", bound=1e9),)))
    assert [v["text"] for v in verdicts(outcome)] == ["file_bytes of the baseline could not be measured"]


def test_a_rise_of_a_file_is_held_against_the_base_s_file(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(replace(recipe, limits=(Limit(metric="file_bytes", form="max_rise", bound=0),)))
    verdict = verdicts(outcome)[0]
    assert verdict["baseline"] == outcome.report["passes"][0]["bytes"]
    assert verdict["value"] == outcome.report["targets"][0]["bytes"]
    assert verdict["ok"] is True


def test_the_report_s_figures_are_the_lock_s(several: Recipe, build_here: FakeBuild) -> None:
    import yaml

    outcome = build_here(several)
    lock = yaml.safe_load((outcome.report.folder / "recipe.lock.yaml").read_text())
    assert set(lock["targets"]) == {"any", "small", "npu"}
    assert json.loads(json.dumps(lock["targets"]["npu"]["metrics"])) == targets(outcome)["npu"]["metrics"]


@pytest.mark.parametrize(("target", "made"), [("fake_target", b"bytes"), ("fake_npu", b"bytesnpu")])
def test_a_delivered_file_is_described_behind_the_compiler_and_looked_at_as_it_is_delivered(
    tmp_path: Path, target: str, made: bytes
) -> None:
    seen = []

    class Looking(TARGETS.get(target)):  # type: ignore[misc]
        def inspect(self, model: Any) -> dict[str, Any]:
            seen.append(model.path.read_bytes())
            return super().inspect(model)

    path = tmp_path / "pass.tflite"
    path.write_bytes(b"bytes")
    model = TFLiteModel(path=path, digest=digest.of_file(path), fingerprint="f", meta={"of": "mine"})
    server = Server(None)  # type: ignore[arg-type]
    server._names = replace(fakes.NAMES, describe="fakes:tagged")
    delivered, figures = server.deliver(Looking(), model, tmp_path)
    assert delivered.path.read_bytes() == made + b" of mine"
    assert delivered.digest == digest.of_bytes(made + b" of mine")
    assert seen == [made + b" of mine"]
    assert figures["metadata"] == "a tag"
    assert path.read_bytes() == b"bytes", "the pass's own file stays as it is"


def test_a_total_budget_since_a_step_counts_from_what_that_step_gave(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    for since in ("", "train", "prune"):
        outcome = build_here(replace(recipe, limits=(drop(0.5, since=since),)))
        (verdict,) = verdicts(outcome)
        given = {step["label"]: step["metrics"]["score"]["value"] for step in outcome.report["passes"]}
        assert verdict["baseline"] == pytest.approx(given[since or "train"])
        assert (f" since {since}," in verdict["text"]) == bool(since)
    assert given["prune"] != given["train"]


def test_a_file_of_the_user_s_own_is_told_from_what_was_made_of_it_sample_by_sample(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    path = recipe.outputs.parent / "m.h5"
    path.write_bytes(b"user")
    own = replace(
        recipe,
        model=fakes.FakeOwn(path=str(path)),
        steps={**recipe.steps, "train": replace(recipe.steps["train"], options=fakes.FakeLoad())},
    )
    (given,) = targets(build_here(own)).values()
    base = build_here(own).report["base"]["metrics"]["score"]["value"]
    found = given["differences"]["score"]
    assert found["value"] == pytest.approx(given["metrics"]["score"]["value"] - base)
    assert found["low"] < found["value"] < found["high"]


def test_every_delivered_file_is_held_against_the_base_and_every_pass_against_its_input(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    report = build_here(recipe).report
    (given,) = report["targets"]
    changes = {step["label"]: step["differences"] for step in report["passes"]}
    assert given["differences"]["score"]["value"] == pytest.approx(-0.01)
    assert changes["train"] == {}, "the base itself"
    assert changes["prune"]["score"]["value"] == pytest.approx(-0.01)
    assert changes["convert"]["score"]["value"] == pytest.approx(0)
    assert {"low", "high", "n"} <= changes["prune"]["score"].keys()
