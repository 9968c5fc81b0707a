"""What other engines got wrong, each as a test of ours; the probes stand in the design's page on engines.

probe of Olive 0.13                               test here or elsewhere
------------------------------------------------  --------------------------------------------------------------------
A  truncated cached model delivered               test_build: a_damaged_blob_is_noticed_and_built_again[truncate]
B  deleted cached model, nothing delivered        test_build: a_damaged_blob_is_noticed_and_built_again[delete]
C  the pass's source edited, old result           editing_a_pass_or_what_it_imports_runs_it_again_and_says_so
S  calibration code edited, old result            editing_what_reads_the_data_runs_what_reads_them_again
                                                  changing_a_calibration_file_runs_its_pass_again
F  contents swapped between names, same key       swapping_two_calibration_files_runs_their_pass_again
                                                  swapping_two_images_of_a_split_changes_its_digest
G  prefix reused (it works there)                 changing_the_last_pass_runs_only_the_last_pass
E  two processes, both compute                    two_processes_on_one_cold_store_compute_every_action_once
H  unreachable threshold reported as met          an_unreachable_threshold_is_never_reported_as_met
H2 missed goal, exit code 0, nothing said         a_missed_goal_ends_with_5_and_says_by_how_much
I  failing pass, exit code 0                      a_pass_that_raises_ends_the_process_with_4_and_its_name

Further pitfalls: damage of every kind, kills, races and full disks in test_faults; NaN and missing metrics in
test_gate; failures that are never cached, guilty passes by name, closed gates in test_build; names taken twice and
broken plugins in test_bad_input.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, OpenWorkshop, steps
from processes import Workshop, kill
from tflbuild.core import digest, toolchain
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.dataset import Index, Sample
from tflbuild.core.errors import BudgetExceeded, StoreError
from tflbuild.core.recipe import Recipe, WorkerOptions
from tflbuild.engine.build import Outcome
from tflbuild.engine.events import Event
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare

OWN_PASS = """
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass


@compiler_pass("own_pass")
class OwnPass(Pass):
    '''Append bytes.'''

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        from own_package.tail import TAIL

        return ctx.emit(TFLiteModel, model.path.read_bytes() + TAIL + b" ")
"""

OWN_DATA = """
from fakes import FakeData
from tflbuild.core.dataset import dataset


@dataset("own_data")
class OwnData(FakeData):
    '''Samples as the fake has them.'''

    def read(self, sample):
        return 1
"""


def limit(metric: str, form: str, bound: float, since: str = "") -> tuple[Limit, ...]:
    return (Limit(metric=metric, form=form, bound=bound, since=since),)


def change(recipe: Recipe, label: str, **fields: Any) -> Recipe:
    return replace(recipe, steps={**recipe.steps, label: replace(recipe.steps[label], **fields)})


def outcomes(outcome: Outcome) -> dict[str, str]:
    return {step["label"]: step["outcome"] for step in outcome.report["passes"]}


def reason(outcome: Outcome, label: str) -> str:
    return str(next(step["reason"] for step in outcome.report["passes"] if step["label"] == label))


ALL_CACHED = {"train": "cached", "prune": "cached", "convert": "cached", "quantize": "cached"}


@pytest.mark.slow
def test_editing_a_pass_or_what_it_imports_runs_it_again_and_says_so(shop: Workshop) -> None:
    package = shop.folder / "own_package"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "own": OWN_PASS,
        "tail": "TAIL = b' '\n",
        "apart": "UNUSED = 1\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    job = shop.job(steps={"quantize": ("own_pass", {})}, modules=["own_package.own"])
    before = shop.run(job)[0]

    (package / "apart.py").write_text("UNUSED = 2\n")
    assert shop.run(job)[0]["outcomes"] == ALL_CACHED, "what a pass does not reach decides nothing"

    for name, text in (("tail", "TAIL = b'  '\n"), ("own", OWN_PASS.replace('b" "', 'b"   "'))):
        (package / f"{name}.py").write_text(text)
        after = shop.run(job)[0]
        assert after["outcomes"] == {**ALL_CACHED, "quantize": "ran"}
        assert "source of pass own_pass changed" in after["reasons"]["quantize"]
        assert after["delivered"] != before["delivered"]
        before = after
    clean = shop.run({**job, "store": str(shop.folder / "fresh")})[0]
    assert clean["delivered"] == before["delivered"]


@pytest.mark.slow
def test_editing_what_reads_the_data_runs_what_reads_them_again(shop: Workshop) -> None:
    module = shop.folder / "own_data.py"
    module.write_text(OWN_DATA)
    job = shop.job(data=("own_data", {}), modules=["own_data"])
    shop.run(job)
    assert shop.run(job)[0]["outcomes"] == ALL_CACHED
    module.write_text(OWN_DATA.replace("return 1", "return 50"))
    again = shop.run(job)[0]
    assert again["outcomes"]["train"] == "ran"
    assert "source of the data's reader changed" in again["reasons"]["train"]


def calibrated(shop: Workshop) -> tuple[Path, dict[str, Any]]:
    folder = shop.folder / "calibration"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.png").write_text(f"pixels of {name}")
    job = shop.job(steps={"quantize": ("slow_quantize", {"source": str(folder)})})
    shop.run(job)
    assert shop.run(job)[0]["outcomes"] == ALL_CACHED
    return folder, job


def test_changing_a_calibration_file_runs_its_pass_again(shop: Workshop) -> None:
    folder, job = calibrated(shop)
    (folder / "b.png").write_text("pixels of c")
    again = shop.run(job)[0]
    assert again["outcomes"] == {**ALL_CACHED, "quantize": "ran"}
    assert str(folder) in again["reasons"]["quantize"]
    assert "changed" in again["reasons"]["quantize"]


@pytest.mark.slow
def test_swapping_two_calibration_files_runs_their_pass_again(shop: Workshop) -> None:
    folder, job = calibrated(shop)
    (folder / "a.png").rename(folder / "kept")
    (folder / "b.png").rename(folder / "a.png")
    (folder / "kept").rename(folder / "b.png")
    assert shop.run(job)[0]["outcomes"] == {**ALL_CACHED, "quantize": "ran"}


def test_swapping_two_images_of_a_split_changes_its_digest() -> None:
    def index(first: str, second: str) -> Index:
        return Index(
            classes=("a",), splits={"train": (Sample(key="x", digest=first), Sample(key="y", digest=second))}
        )

    assert index("1" * 64, "2" * 64).digest("train") != index("2" * 64, "1" * 64).digest("train")


def test_changing_the_last_pass_runs_only_the_last_pass(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    again = build(change(recipe, "quantize", options=fakes.FakeQuantize(size=51)))
    assert outcomes(again) == {**ALL_CACHED, "quantize": "ran"}


@pytest.mark.slow
def test_two_processes_on_one_cold_store_compute_every_action_once(workshop: OpenWorkshop) -> None:
    shop, alone = workshop("shop", pause=0.01), workshop("alone")
    alone.run(alone.job())
    both = [shop.finish(process) for process in [shop.start(shop.job()), shop.start(shop.job())]]
    assert [code for _, _, code in both] == [0, 0]
    assert both[0][0][0]["steps"] == both[1][0][0]["steps"]
    assert both[0][0][0]["delivered"] == both[1][0][0]["delivered"]
    computed = [what for _, what in shop.computed()]
    assert sorted(computed) == sorted(what for _, what in alone.computed())


@pytest.mark.parametrize("where", ["gate", "total"])
def test_an_unreachable_threshold_is_never_reported_as_met(
    recipe: Recipe, build: FakeBuild, where: str
) -> None:
    wanted = limit("file_bytes", "max", 1e-9)
    outcome = build(
        replace(recipe, limits=wanted) if where == "total" else change(recipe, "quantize", limits=wanted)
    )
    assert isinstance(outcome.error, BudgetExceeded)
    assert outcome.error.exit_code == 5
    assert outcome.report.status == "over_budget"
    assert outcome.report["budget"]["ok"] is False
    assert outcome.report["targets"] == []
    assert not (outcome.report.folder / "model.tflite").exists()


def test_a_missed_goal_ends_with_5_and_says_by_how_much(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(change(recipe, "quantize", limits=limit("score", "min", 1000)))
    assert isinstance(outcome.error, BudgetExceeded)
    assert "score 0.8900" in str(outcome.error)
    assert "at least 1000.0000" in str(outcome.error)


def test_a_pass_that_raises_ends_the_process_with_4_and_its_name(shop: Workshop) -> None:
    job = shop.job(steps={"quantize": ("fake_bad", {"how": "raise"})})
    said, errors, code = shop.finish(shop.start(job))
    assert code == 4
    assert "pass 'quantize' failed: ValueError: seven is right out" in errors
    assert said[0]["status"] == "failed"
    assert said[0]["delivered"] == []


def test_a_key_is_the_whole_sha256_of_a_preimage_that_is_kept(recipe: Recipe, build: FakeBuild) -> None:
    for step in build(recipe).report["passes"]:
        record = json.loads((recipe.store / "actions" / f"{step['action']}.json").read_text())
        assert len(step["action"]) == 64
        assert digest.of_json(record["preimage"]) == step["action"]


def test_what_decides_no_result_is_in_no_key(recipe: Recipe, build: FakeBuild, tmp_path: Path) -> None:
    build(recipe)
    elsewhere = replace(
        recipe,
        outputs=tmp_path / "elsewhere",
        worker=WorkerOptions(max_rss=7000, evaluators=1, checkpoint_seconds=1.0),
        description="other words",
        overrides=("x=1",),
        mapping={"x": 1},
    )
    assert outcomes(build(elsewhere)) == ALL_CACHED
    moved = replace(recipe, store=recipe.store.rename(tmp_path / "moved"))
    assert outcomes(build(moved)) == ALL_CACHED


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"seed": 7}, "seed 0 -> 7"), ({"worker": WorkerOptions(threads=3)}, "threads 2 -> 3")],
)
def test_what_decides_training_runs_it_again_and_is_named(
    recipe: Recipe, build: FakeBuild, changed: dict[str, Any], said: str
) -> None:
    build(recipe)
    again = build(replace(recipe, **changed))
    assert outcomes(again)["train"] == "ran"
    assert said in reason(again, "train")


def test_threads_are_no_part_of_what_does_not_train(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    again = build(replace(recipe, worker=WorkerOptions(threads=3)))
    assert outcomes(again) == {**ALL_CACHED, "train": "ran"}, (
        "the same bytes came out, so what follows is a hit"
    )


def test_another_version_of_a_tool_runs_what_needs_it_again(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = toolchain.version
    monkeypatch.setattr(fakes.FakeConvert, "needs", ("numpy",))
    build(recipe)
    monkeypatch.setattr(toolchain, "version", lambda tool: "9.9" if tool == "numpy" else version(tool))
    again = build(recipe)
    assert outcomes(again) == {**ALL_CACHED, "convert": "ran"}
    assert "numpy " in reason(again, "convert")
    assert "-> 9.9" in reason(again, "convert")


def test_another_target_runs_no_pass_again(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    again = build(replace(recipe, targets={**recipe.targets, "other": fakes.FakeTarget()}))
    assert outcomes(again) == ALL_CACHED


def test_the_delivered_file_is_the_users_own_copy(recipe: Recipe, build: FakeBuild) -> None:
    first = build(recipe)
    delivered = first.report.folder / "model.tflite"
    good = delivered.read_bytes()
    delivered.write_bytes(b"the user's edit")
    again = build(recipe)
    assert (again.report.folder / "model.tflite").read_bytes() == good
    assert again.report["warnings"] == []
    for blob in (recipe.store / "blobs").iterdir():
        assert blob.stat().st_mode & 0o222 == 0, "blobs are read-only"
        assert blob.stat().st_nlink == 1, "and nobody else has them"


def test_drift_that_no_single_gate_sees_is_seen_against_an_earlier_step(
    recipe: Recipe, build: FakeBuild
) -> None:
    recipe = change(
        recipe, "prune", options=fakes.FakePrune(cost=0.04), limits=limit("score", "max_drop", 0.05)
    )
    recipe = change(
        recipe, "quantize", options=fakes.FakeQuantize(cost=0.04), limits=limit("score", "max_drop", 0.05)
    )
    assert build(recipe).error is None
    since = limit("score", "max_drop", 0.05, since="train")
    outcome = build(change(recipe, "quantize", limits=since))
    assert isinstance(outcome.error, BudgetExceeded)
    assert "since train" in str(outcome.error)


def test_another_budget_measures_nothing_again(recipe: Recipe, build: FakeBuild, log: Path) -> None:
    build(change(recipe, "quantize", limits=limit("score", "max_drop", 0.5)))
    done = log.read_text()
    build(change(recipe, "quantize", limits=limit("score", "max_drop", 0.4)))
    assert log.read_text() == done


def test_a_fallback_that_fails_gives_way_to_the_next(recipe: Recipe, build: FakeBuild) -> None:
    tried = (Fallback(run=("bad",)), Fallback(run=("gentle",)))
    worse = fakes.FakeQuantize(cost=0.3)
    recipe = change(recipe, "quantize", options=worse, limits=limit("score", "max_drop", 0.1), fallback=tried)
    extra = steps(fakes.FakeBad(how="abort"))
    gentle = replace(recipe.steps["quantize"], label="gentle", options=fakes.FakeQuantize(), fallback=())
    outcome = build(replace(recipe, steps={**recipe.steps, **extra, "gentle": gentle}))
    assert outcome.error is None
    assert outcomes(outcome)["quantize"] == "replaced"
    assert [attempt["ok"] for attempt in outcome.report["passes"][3]["tried"]] == [False, False, True]


def test_planning_writes_nothing_and_admits_what_it_cannot_know(recipe: Recipe, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    prepared = prepare(recipe, names=fakes.NAMES)
    planned = plan(prepared.recipe, prepared.keys, prepared.store)
    assert [step.status for step in planned.steps] == ["RUN", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_killed_build_leaves_its_events_and_the_next_one_clears_its_rubbish(workshop: OpenWorkshop) -> None:
    shop = workshop(pause=0.05)
    process = shop.start(shop.job())
    shop.wait_for("begin:slow_prune")
    kill(process, "both", shop.workers())
    shop.finish(process)
    run = next((shop.outputs / "slow").iterdir())
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert (events[-1]["event"], events[-1]["label"]) == ("pass_started", "prune")
    assert not (run / "model.tflite").exists()
    after = shop.run(shop.job())[0]
    assert after["outcomes"]["train"] == "cached"
    assert os.listdir(shop.store / "tmp") == []
    assert os.listdir(shop.store / "checkpoints") == []


def test_a_file_that_is_damaged_while_the_build_runs_is_not_delivered(
    recipe: Recipe, build: FakeBuild
) -> None:
    good = build(recipe).report["targets"][0]["sha256"]
    damaged: list[Path] = []

    def damage(event: Event) -> None:
        if event.kind == "gate" and not damaged:
            damaged.append(recipe.store / "blobs" / good)
            damaged[0].chmod(0o644)
            damaged[0].write_bytes(b"cut short")

    watched = replace(recipe, limits=limit("score", "max_drop", 0.5))
    outcome = build(watched, damage)
    assert isinstance(outcome.error, StoreError)
    assert "was damaged during the build" in str(outcome.error)
    assert outcome.report.status == "failed"
    assert outcome.report["targets"] == []
    assert not (outcome.report.folder / "model.tflite").exists()
    again = build(watched)
    assert again.error is None
    assert digest.of_file(again.report.folder / "model.tflite") == good


@pytest.mark.slow
@pytest.mark.parametrize("where", ["memo", "recent"])
def test_what_is_only_remembered_may_be_lost(shop: Workshop, where: str) -> None:
    folder, job = calibrated(shop)
    changed = {**job, "steps": {**job["steps"], "prune": ("slow_prune", {"amount": 0.7})}}
    for content in ("{", "5", "[1]", '{"a": 1}', "\udcff"):
        first = shop.run(job)[0]
        remembered = [path for path in (shop.store / where).rglob("*") if path.is_file()]
        assert remembered
        for path in remembered:
            path.write_bytes(content.encode(errors="surrogateescape"))
        assert shop.run(job)[0]["delivered"] == first["delivered"], content
        (folder / "b.png").write_text(f"other pixels: {content!a}")
        for said in shop.run(job, changed):
            assert said["outcomes"]["quantize"] == "ran", content


def test_a_metric_that_is_no_number_is_a_breach_and_a_whole_report(shop: Workshop) -> None:
    content = 'ctx.emit(TFLiteModel, b\'{"score": NaN, "state": "none"}\')'
    own = OWN_PASS.replace("        from own_package.tail import TAIL\n\n", "")
    (shop.folder / "own.py").write_text(
        own.replace('ctx.emit(TFLiteModel, model.path.read_bytes() + TAIL + b" ")', content)
    )
    job = shop.job(steps={"quantize": ("own_pass", {})}, modules=["own"])
    said, errors, code = shop.finish(shop.start(job))
    assert code == 5, errors
    assert "score could not be measured" in errors
    assert said[0]["status"] == "over_budget"
    report = json.loads((Path(said[0]["folder"]) / "report.json").read_text())
    assert report["passes"][-1]["metrics"]["score"]["value"] is None
