"""The engine with fake passes: caching, gates, policies, failures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, change, drop, outcomes, steps
from tflbuild.core.budget import Fallback
from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.errors import BrokenPromise, BudgetExceeded, PassError, RecipeError, StoreError, WorkerDied
from tflbuild.core.recipe import Recipe, RunOptions
from tflbuild.engine.build import Build, Outcome
from tflbuild.engine.events import Event
from tflbuild.engine.first_look import is_foreign
from tflbuild.engine.report import Report
from tflbuild.engine.run_folder import make_run_folder
from tflbuild.engine.workers.worker import Worker


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process: few tests here are about others."""
    return build_here


def test_a_build_delivers_a_file_and_a_report(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(recipe)
    assert outcome.error is None
    folder = outcome.report.folder
    assert fakes.score_of(folder / "model.tflite") == pytest.approx(0.89)
    report = json.loads((folder / "report.json").read_text())
    assert report["schema"] == "tflbuild.report/1"
    assert report["status"] == "built"
    assert report["base"]["label"] == "train"
    assert report["base"]["metrics"]["score"]["split"] == "test"
    assert report["passes"][1]["metrics"]["score"] == {
        "value": pytest.approx(0.89),
        "unit": "1",
        "split": "val",
        "n": 4,
        "low": pytest.approx(0.79),
        "high": pytest.approx(0.99),
        "kernels": "fake",
    }
    assert report["targets"][0]["metrics"]["score"]["split"] == "test"
    assert (folder.parent / "latest").resolve() == folder.resolve()
    for name in ("recipe.lock.yaml", "events.jsonl", "log.txt"):
        assert (folder / name).exists()


def test_a_second_build_runs_nothing(recipe: Recipe, build: FakeBuild, log: Path) -> None:
    first = build(recipe)
    done = log.read_text()
    second = build(recipe)
    assert set(outcomes(first).values()) == {"ran"}
    assert set(outcomes(second).values()) == {"cached"}
    assert log.read_text() == done
    assert first.report.folder != second.report.folder


def test_changing_one_option_reruns_from_there(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    again = build(change(recipe, "prune", options=fakes.FakePrune(cost=0.02)))
    assert outcomes(again) == {"train": "cached", "prune": "ran", "convert": "ran", "quantize": "ran"}
    assert "prune.cost 0.01 -> 0.02" in again.report["passes"][1]["reason"]


def test_the_same_bytes_from_another_option_cut_the_rebuild_short(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    renamed = replace(recipe, data=fakes.FakeData(version=2))
    assert outcomes(build(renamed))["prune"] == "cached"


@pytest.mark.parametrize("damage", ["truncate", "delete", "alter"])
def test_a_damaged_blob_is_noticed_and_built_again(recipe: Recipe, build: FakeBuild, damage: str) -> None:
    first = build(recipe)
    sha256 = first.report["targets"][0]["sha256"]
    blob = recipe.store / "blobs" / sha256
    good = blob.read_bytes()
    blob.chmod(0o644)
    if damage == "delete":
        blob.unlink()
    else:
        blob.write_bytes(good[:20] if damage == "truncate" else good.replace(b"x", b"y"))
    second = build(recipe)
    assert second.error is None
    assert second.report["targets"][0]["sha256"] == sha256
    assert (second.report.folder / "model.tflite").read_bytes() == good
    assert "is not used" in " ".join(second.report["warnings"])


def test_a_closed_gate_ends_the_build_and_keeps_the_rejected_file(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(recipe, "quantize", options=fakes.FakeQuantize(cost=0.3), limits=(drop(0.1),))
    outcome = build(recipe)
    assert isinstance(outcome.error, BudgetExceeded)
    folder = outcome.report.folder
    assert outcome.report.status == "over_budget"
    assert not (folder / "model.tflite").exists()
    assert (folder / "rejected" / "quantize.tflite").exists()
    verdict = outcome.report["passes"][3]["verdicts"][0]
    assert verdict["ok"] is False
    assert verdict["baseline"] == pytest.approx(0.89)
    assert verdict["value"] == pytest.approx(0.59)
    assert outcome.report["budget"]["ok"] is False


def test_an_exceeded_total_budget_ends_the_build(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(replace(recipe, limits=(drop(0.005),)))
    assert isinstance(outcome.error, BudgetExceeded)
    assert "budget" in str(outcome.error)
    assert not (outcome.report.folder / "model.tflite").exists()
    assert (outcome.report.folder / "rejected" / "model.tflite").exists()
    assert outcome.report["budget"]["verdicts"][0]["split"] == "test"


def test_on_breach_warn_keeps_the_step(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(recipe, "prune", limits=(drop(0.001),), on_breach="warn")
    outcome = build(recipe)
    assert outcome.error is None
    assert outcome.report["passes"][1]["outcome"] == "ran"
    assert "prune exceeds its limit and is kept (on_breach: warn)" in " ".join(outcome.report["warnings"])


def test_on_breach_skip_goes_on_from_the_input(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(change(recipe, "prune", limits=(drop(0.001),), on_breach="skip"))
    assert outcome.error is None
    skipped = outcome.report["passes"][1]
    assert skipped["outcome"] == "skipped"
    assert skipped["output"] == skipped["input"]
    assert fakes.score_of(outcome.report.folder / "model.tflite") == pytest.approx(0.9)


def test_a_fallback_stands_in_the_place_of_a_step(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(
        recipe,
        "quantize",
        options=fakes.FakeQuantize(cost=0.3),
        limits=(drop(0.1),),
        fallback=(Fallback(run=("worse",)), Fallback(run=("gentle",))),
    )
    extra = {
        "worse": replace(
            recipe.steps["quantize"], label="worse", options=fakes.FakeQuantize(cost=0.5), fallback=()
        ),
        "gentle": replace(
            recipe.steps["quantize"], label="gentle", options=fakes.FakeQuantize(cost=0.05), fallback=()
        ),
    }
    outcome = build(replace(recipe, steps={**recipe.steps, **extra}))
    assert outcome.error is None
    report = outcome.report["passes"][3]
    assert report["outcome"] == "replaced"
    assert [(t["run"], t["ok"]) for t in report["tried"]] == [
        ("quantize", False),
        ("worse", False),
        ("gentle", True),
    ]
    assert fakes.score_of(outcome.report.folder / "model.tflite") == pytest.approx(0.84)


def test_a_fallback_can_go_back_to_an_earlier_step(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(
        recipe,
        "quantize",
        options=fakes.FakeQuantize(cost=0.3),
        limits=(drop(0.1),),
        fallback=(Fallback(run=("prune2", "convert"), start="train"),),
    )
    prune2 = replace(recipe.steps["prune"], label="prune2", options=fakes.FakePrune(cost=0.002))
    outcome = build(replace(recipe, steps={**recipe.steps, "prune2": prune2}))
    assert outcome.error is None
    assert outcome.report["passes"][3]["tried"][1]["run"] == "prune2 -> convert from train"
    assert fakes.score_of(outcome.report.folder / "model.tflite") == pytest.approx(0.898)


def test_a_fallback_that_goes_back_to_a_step_that_does_not_run_is_left_out(
    recipe: Recipe, build: FakeBuild
) -> None:
    gentle = replace(recipe.steps["quantize"], label="gentle", options=fakes.FakeQuantize(cost=0.05))
    recipe = change(
        recipe,
        "quantize",
        options=fakes.FakeQuantize(cost=0.3),
        limits=(drop(0.1),),
        fallback=(Fallback(run=("convert",), start="prune"), Fallback(run=("gentle",))),
    )
    recipe = change(recipe, "prune", enabled=False)
    outcome = build(replace(recipe, steps={**recipe.steps, "gentle": gentle}))
    assert outcome.error is None
    assert [tried["run"] for tried in outcome.report["passes"][-1]["tried"]] == ["quantize", "gentle"]


def test_an_undecided_gate_counts_by_its_point_value_unless_strict(recipe: Recipe, build: FakeBuild) -> None:
    recipe = change(recipe, "prune", limits=(drop(0.0105),))
    assert build(recipe).error is None
    strict = build(replace(recipe, strict=True))
    assert isinstance(strict.error, BudgetExceeded)
    verdict = strict.report["passes"][1]["verdicts"][0]
    assert verdict["decided"] is False
    assert "would decide" in verdict["text"]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("raise", PassError, "pass 'bad' failed: ValueError: seven is right out"),
        ("abort", WorkerDied, "SIGABRT"),
        ("kill", WorkerDied, "memory"),
        pytest.param("hang", WorkerDied, "time limit", marks=pytest.mark.slow),
        ("wrong kind", BrokenPromise, "returned KerasModel, not TFLiteModel"),
        ("does not run", BrokenPromise, "cannot be allocated"),
        ("broken promise", BrokenPromise, "0.5 was promised"),
        ("undeclared data", PassError, "without declaring it"),
        ("full disk", StoreError, "No space left on device"),
    ],
)
def test_a_pass_that_goes_wrong_ends_with_its_name(
    recipe: Recipe,
    build_apart: FakeBuild,
    build_here: FakeBuild,
    how: str,
    error: type[Exception],
    message: str,
) -> None:
    build = build_apart if how in ("abort", "kill", "hang") else build_here
    bad = steps(fakes.FakeBad(how=how), bad={"timeout": 2.0 if how == "hang" else None})
    broken = replace(recipe, steps={**recipe.steps, **bad}, pipeline=("train", "convert", "bad"))
    outcome = build(broken)
    assert type(outcome.error) is error
    assert message in str(outcome.error)
    assert outcome.report.status == "failed"
    assert outcome.report["passes"][-1]["outcome"] == "failed"
    assert not (outcome.report.folder / "model.tflite").exists()
    again = build(broken)
    assert type(again.error) is error, "a failure is never cached"
    assert build(recipe).error is None, "the worker is there again, and what was built is not lost"


def test_the_log_of_a_pass_is_kept(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(recipe)
    assert (outcome.report.folder / "events.jsonl").read_text().count("pass_ended") == 4


def test_a_store_of_another_key_schema_is_refused_and_left_alone(recipe: Recipe, build: FakeBuild) -> None:
    recipe.store.mkdir(parents=True)
    (recipe.store / "schema").write_text("0\n")
    with pytest.raises(RecipeError, match=r"store\.path: .* schema 0"):
        build(recipe)
    assert [path.name for path in recipe.store.iterdir()] == ["schema"]


def test_a_full_disk_while_committing_leaves_a_valid_store(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.engine.storage import shelf

    assert build(change(recipe, "prune", options=fakes.FakePrune(cost=0.5))).error is None
    commits = []

    def full(path: Path) -> None:
        commits.append(path)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shelf, "flush", full)
        outcome = build(recipe)
    assert commits
    assert isinstance(outcome.error, StoreError)
    assert "No space left on device" in str(outcome.error)
    again = build(recipe)
    assert again.error is None
    assert outcomes(again)["train"] == "cached", "what was built before is not lost"


def test_an_unwritable_outputs_folder_is_one_clear_sentence(
    recipe: Recipe, build: FakeBuild, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write to"):
        build(replace(recipe, outputs=tmp_path / "file" / "outputs"))


def test_ctrl_c_leaves_a_valid_report_and_store(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.engine import measure

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measure.Measurer, "compare", interrupt)
        outcome = build(change(recipe, "prune", limits=(drop(0.1),)))
    assert outcome.report.status == "interrupted"
    assert json.loads((outcome.report.folder / "report.json").read_text())["status"] == "interrupted"
    assert outcomes(build(recipe))["prune"] == "cached"


def told(events: list[Event], kind: str) -> list[dict[str, Any]]:
    return [event.fields for event in events if event.kind == kind]


UNTIMED = {"about_seconds": None, "about_tail_seconds": None}


def test_who_listens_is_told_first_what_would_run(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    extra = {**recipe.steps, "spare": replace(recipe.steps["prune"], label="spare")}
    build_here(replace(recipe, steps=extra, run=RunOptions(stop_after="prune")))
    assert told(events, "plan") == [
        {
            "steps": [
                {"label": "train", "status": "RUN", "reason": "never run before", **UNTIMED},
                {
                    "label": "prune",
                    "status": "UNKNOWN",
                    "reason": "its input is not known until train has run",
                    **UNTIMED,
                },
            ],
            "about_delivery_seconds": None,
            "about_loading_seconds": None,
            "unused": {"spare": "not in pipeline"},
            "subject": "fake_model on fake_data",
            "classes": ["a"],
            "label_noun": "class",
            "recognised": [],
        }
    ]
    order = [
        event.kind for event in events if event.kind in ("plan", "pass_started", "pass_ended", "finished")
    ]
    assert events[0] == Event("started", told(events, "started")[0], time=events[0].time)
    assert order == ["plan", *["pass_started", "pass_ended"] * 2, "finished"]


def test_what_data_left_out_and_labels_that_disagree_are_warnings(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = fakes.FakeData.index

    def index(self: fakes.FakeData, look: Any) -> Index:
        return replace(known(self, look), dropped=(Dropped("a.jpg", "broken"),))

    monkeypatch.setattr(fakes.FakeData, "index", index)
    monkeypatch.setattr(fakes.FakeModel, "listed_labels", lambda self: {"labels.txt": ("b",)})
    report = build_here(recipe).report
    said = json.loads((report.folder / "report.json").read_text())
    assert said["labels"] == {"labels.txt": ["b"]}
    assert said["data"]["dropped"] == [{"file": "a.jpg", "reason": "broken"}]
    assert len(said["warnings"]) == 2
    assert "labels.txt" in said["warnings"][0]
    assert "broken" in said["warnings"][1]


def test_what_shows_a_build_and_raises_is_left_out_and_the_build_goes_on(
    recipe: Recipe, build_here: FakeBuild, events: list[Event]
) -> None:
    seen: list[str] = []

    def breaks(event: Event) -> None:
        seen.append(event.kind)
        raise ValueError("no terminal")

    outcome = build_here(recipe, breaks)
    assert outcome.error is None
    assert seen == ["started"]
    warned = [
        text for text in outcome.report["warnings"] if text.startswith("the display of this build stops here")
    ]
    assert len(warned) == 1
    assert "no terminal" in warned[0]


def ending(recipe: Recipe, here: AtOnce, publish: Any) -> Outcome:
    return Build(recipe, lambda: make_run_folder(recipe), cast(Worker, here), (), publish).run()


def test_a_page_that_cannot_be_made_fails_the_build_that_went_well(recipe: Recipe, here: AtOnce) -> None:
    def publish(report: Report) -> None:
        raise ValueError("no page")

    outcome = ending(recipe, here, publish)
    assert "no page" in str(outcome.error)
    written = json.loads((outcome.report.folder / "report.json").read_text())
    assert written == outcome.report.content
    assert written["status"] == "failed"
    assert "no page" in written["error"]
    assert (outcome.report.folder / "recipe.lock.yaml").exists(), "what was built is there all the same"
    assert (outcome.report.folder.parent / "latest").exists()


def test_a_page_that_cannot_be_made_is_a_warning_of_a_build_that_failed(recipe: Recipe, here: AtOnce) -> None:
    def publish(report: Report) -> None:
        raise ValueError("no page")

    outcome = ending(replace(recipe, limits=(drop(0.001),)), here, publish)
    assert isinstance(outcome.error, BudgetExceeded)
    assert outcome.report.status == "over_budget"
    assert not (outcome.report.folder / "recipe.lock.yaml").exists()


def test_the_lock_and_the_page_come_after_the_report(recipe: Recipe, here: AtOnce) -> None:
    there: list[set[str]] = []

    def publish(report: Report) -> None:
        there.append({path.name for path in report.folder.iterdir()} & {"report.json", "recipe.lock.yaml"})
        assert not (report.folder.parent / "latest").exists()

    assert ending(recipe, here, publish).error is None
    assert there == [{"report.json", "recipe.lock.yaml"}]


def test_a_build_that_was_interrupted_is_not_the_latest(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch, events: list[Event]
) -> None:
    first = build_here(recipe).report.folder
    events.clear()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("SIGTERM")

    monkeypatch.setattr("tflbuild.engine.build.plan", interrupt)
    second = build_here(recipe)
    assert second.report.status == "interrupted"
    assert second.report["error"] == "interrupted by SIGTERM"
    assert (first.parent / "latest").resolve() == first
    assert told(events, "failed")[0]["exit_code"] == 130
    assert told(events, "finished") == [{"status": "interrupted", "seconds": second.report["seconds"]}]


def test_a_lock_is_checked_before_at_each_step_and_at_the_end(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_here(recipe)
    checked: list[str] = []
    for name in ("check_causes", "check_step", "check_delivery"):
        monkeypatch.setattr(
            f"tflbuild.engine.lock.Lock.{name}", lambda self, *given, name=name: checked.append(name)
        )
    outcome = build_here(replace(recipe, run=RunOptions(locked="true")))
    assert outcome.error is None
    assert checked == ["check_causes", *["check_step"] * 4, "check_delivery"]
    assert outcome.report["locked"].endswith("recipe.lock.yaml")


def test_what_the_worker_prints_is_in_the_run_s_log(
    recipe: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    def listener(event: Event) -> None:
        if event.kind == "pass_started":
            here.log(f"a line of {event.fields['label']}\x1b[2J")

    folder = build_here(recipe, listener).report.folder
    log = (folder / "log.txt").read_text()
    assert [line[:14] for line in log.splitlines()] == [
        "a line of trai",
        "a line of prun",
        "a line of conv",
        "a line of quan",
    ]
    assert "\x1b" not in log


def test_a_foreign_base_alone_is_looked_at_first(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "own.h5").touch()
    own = replace(recipe, model=fakes.FakeOwn(path=str(tmp_path / "own.h5")))
    load, train, prune = steps(fakes.FakeLoad(), fakes.FakeTrain(), fakes.FakePrune()).values()
    assert [is_foreign(own, step) for step in (load, train, prune)] == [True, False, False]
    assert not is_foreign(recipe, load)
