"""What a run leaves: every field of a step, a report that is read back, and a folder of its own."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild
from durability import Recorded
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.curve import NOTE
from tflbuild.core.dataset import Dropped, Index, Sample
from tflbuild.core.errors import BudgetExceeded, PassError, RecipeError, StoreError
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.recipe import Recipe
from tflbuild.engine import run_folder
from tflbuild.engine.ending import status_of, text_of
from tflbuild.engine.report import Report, StepReport, describe_data, recognised
from tflbuild.engine.report_form import read_report, typed_words
from tflbuild.engine.run_folder import (
    keep_index,
    keep_model,
    make_run_folder,
    make_stamped_folder,
    newest_run,
    point_latest,
)

VERDICT = Verdict(
    limit=Limit(metric="score", form="min", bound=0.5),
    baseline=None,
    value=0.75,
    low=0.5,
    high=1.0,
    ok=True,
    decided=True,
    text="fine",
    split="val",
)
CURVE = {
    "step": [1, 20],
    "loss": [2.0, 0.5],
    "learning_rate": [0.1, 0.0],
    "images_per_second": [None, 80.0],
    "epoch": [0.5, 10.0],
}
STEP = StepReport(
    label="thin",
    pass_name="prune",
    outcome="ran",
    reason="never run before",
    cached=True,
    action="action",
    input="input",
    output="output",
    kind="TFLiteModel",
    bytes=17,
    options={"cost": 0.5},
    cost={"seconds": 1.23456, "cpu_seconds": 2.34567, "peak_rss_mib": 3.6},
    seconds=4.56789,
    measuring_seconds=5.67891,
    notes={"sparsity": 0.25, NOTE: CURVE},
    metrics={"score": Measurement(value=0.75, unit="1")},
    differences={
        "score": Difference(value=-0.25, low=-0.5, high=-0.125, n=4),
        "endless": Difference(value=-0.25, low=-math.inf, high=math.nan, n=1),
    },
    verdicts=[VERDICT],
    tried=[{"run": "thin"}],
)


def test_every_field_of_a_step_is_in_the_report() -> None:
    assert STEP.to_json() == {
        "label": "thin",
        "pass": "prune",
        "outcome": "ran",
        "cached": True,
        "reason": "never run before",
        "tried": [{"run": "thin"}],
        "action": "action",
        "input": "input",
        "output": "output",
        "kind": "TFLiteModel",
        "bytes": 17,
        "options": {"cost": 0.5},
        "seconds": 4.568,
        "cpu_seconds": 2.346,
        "peak_rss_mib": 4,
        "measuring_seconds": 5.679,
        "cost_seconds": 1.235,
        "notes": {"sparsity": 0.25},
        "curve": CURVE,
        "metrics": {"score": {"value": 0.75, "unit": "1"}},
        "differences": {"score": {"value": -0.25, "low": -0.5, "high": -0.125, "n": 4, "variance": None}},
        "verdicts": [VERDICT.to_json()],
    }
    empty = StepReport(label="thin", pass_name="prune").to_json()
    default = [name for name, value in STEP.to_json().items() if empty[name] == value]
    assert default == ["label", "pass"], "each other field says something here that it does not by default"
    covered = {field.name for field in dataclasses.fields(StepReport)} - {
        "pass_name",
        "cost",
        "takes",
        "wanted",
    }
    assert covered <= empty.keys()


def test_a_step_that_has_not_ended_has_failed() -> None:
    assert StepReport(label="a", pass_name="b").to_json() | {"label": "", "pass": ""} == {
        **dict.fromkeys(("label", "pass", "reason"), ""),
        **dict.fromkeys(("action", "input", "output", "kind", "bytes", "curve")),
        **dict.fromkeys(("seconds", "cpu_seconds", "measuring_seconds", "cost_seconds", "peak_rss_mib"), 0),
        "options": {},
        "notes": {},
        "metrics": {},
        "differences": {},
        "verdicts": [],
        "tried": [],
        "outcome": "failed",
        "cached": False,
    }


def test_a_step_took_the_model_s_digest_kind_and_size(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"12345")
    step = StepReport(label="a", pass_name="b")
    step.took(TFLiteModel(path=tmp_path / "m", digest="its digest", fingerprint="another"))
    assert (step.output, step.kind, step.bytes) == ("its digest", "TFLiteModel", 5)


def test_a_report_gives_a_metric_of_the_first_target_or_of_one_by_name(tmp_path: Path) -> None:
    targets = [
        {"name": name, "metrics": {"score": {"value": value}}}
        for name, value in (("cpu", 0.5), ("npu", 0.25))
    ]
    report = Report(folder=tmp_path, content={"targets": targets, "status": "built"})
    assert (report.metric("score"), report.metric("score", "npu")) == (0.5, 0.25)
    assert report.status == report["status"] == "built"
    for arguments in (("score", "gpu"), ("map",)):
        with pytest.raises(KeyError):
            report.metric(*arguments)
    with pytest.raises(KeyError):
        Report(folder=tmp_path, content={"targets": []}).metric("score")


def test_a_report_is_flushed_before_it_takes_the_place_of_an_earlier_one(
    tmp_path: Path, recorded: Recorded
) -> None:
    Report(folder=tmp_path, content={"a": 1}).write()
    Report(folder=tmp_path, content={"b": "ü"}).write()
    assert [what for what, *_ in recorded.done] == ["flush", "rename"] * 2
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == {"b": "ü"}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        Report(folder=tmp_path, content={"c": float("nan")}).write()
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == {"b": "ü"}


def test_a_report_of_a_build_is_read_back_as_it_is(recipe: Recipe, build_here: FakeBuild) -> None:
    report = build_here(recipe).report
    assert read_report(report.folder) == read_report(report.folder / "report.json") == report.content
    assert report["schema"] == "tflbuild.report/1"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no such file or folder; a run is named by its folder, e.g. "),
        ("{", "Expecting property name"),
        ("[]", "it holds a list, not a mapping"),
        ('{"schema": "other"}', "schema is 'other'"),
    ],
)
def test_what_is_no_report_is_said(tmp_path: Path, content: str | None, why: str) -> None:
    file = tmp_path / "report.json"
    if content is not None:
        file.write_text(content)
    for path in (file, tmp_path) if content else (file,):
        with pytest.raises(RecipeError) as caught:
            read_report(path)
        said = str(caught.value)
        assert said.startswith(f"{file} is not a report of a run: ")
        assert said.removeprefix(f"{file} is not a report of a run: ").startswith(why), said


def test_a_folder_of_runs_leads_to_its_latest(tmp_path: Path) -> None:
    run = tmp_path / "int8" / "latest"
    run.mkdir(parents=True)
    with pytest.raises(RecipeError, match=r"it has no report\.json\."):
        read_report(tmp_path)
    (run / "report.json").touch()
    for path in (tmp_path, tmp_path / "int8"):
        with pytest.raises(RecipeError) as caught:
            read_report(path)
        assert str(caught.value).endswith(f"it has no report.json; did you mean {run}?")
    (run / "report.json").rename(run / "sweep.json")
    job = tmp_path / "int8" / "job" / "latest"
    job.mkdir(parents=True)
    (job / "report.json").touch()
    with pytest.raises(RecipeError) as caught:
        read_report(tmp_path / "int8")
    assert str(caught.value).endswith(f"did you mean {run}?"), "a sweep is one, too"


def test_what_a_report_says_of_the_recipe_is_the_recipe_s(recipe: Recipe, build_here: FakeBuild) -> None:
    wanted = dataclasses.replace(
        recipe,
        description="small",
        overrides=("seed=7", "device=gpu"),
        file="conf/fake.yaml",
        seed=7,
        device="gpu",
        worker=dataclasses.replace(recipe.worker, threads=3),
        mapping={"recipe": "fake", "seed": 7},
    )
    report = build_here(wanted).report
    assert typed_words(report.content) == ["recipe=conf/fake.yaml", "seed=7", "device=gpu"]
    assert typed_words({**report.content, "file": ""})[0] == "recipe=fake"
    assert {name: report[name] for name in ("recipe", "description", "subject", "seed", "overrides")} == {
        "recipe": "fake",
        "description": "small",
        "subject": "fake_model on fake_data",
        "seed": 7,
        "overrides": ["seed=7", "device=gpu"],
    }
    assert report["environment"] == {"device": "gpu", "threads": 3}
    assert report["resolved"] == {"recipe": "fake", "seed": 7}
    assert report["model"] == {"type": "fake_model", "width": 1}
    assert (report["error"], report["reproduce"], report["stopped_after"], report["locked"]) == (None,) * 4
    assert set(report["toolchain"]) == {"tflbuild", "ai_edge_litert"}
    began = datetime.fromisoformat(report["started"])
    assert timedelta(0) <= datetime.now().astimezone() - began < timedelta(minutes=5)
    assert 0 < report["seconds"] < 300
    assert {name: split["n"] for name, split in report["data"]["splits"].items()} == {
        "train": 10,
        "val": 4,
        "test": 4,
    }


def test_what_was_dropped_is_in_the_report_and_said(tmp_path: Path) -> None:
    splits = {"train": (Sample("a", "1"), Sample("b", "2")), "val": (Sample("c", "3"),)}
    index = Index(classes=("x", "y"), splits=splits, dropped=(Dropped("z.jpg", "broken"),))
    assert describe_data(index, {"root": "photos", "other": 1}, "folder") == {
        "type": "folder",
        "root": "photos",
        "classes": ["x", "y"],
        "dropped": [{"file": "z.jpg", "reason": "broken"}],
        "splits": {
            "train": {"n": 2, "digest": digest.of_json([["x", "y"], ["1", "2"]])},
            "val": {"n": 1, "digest": digest.of_json([["x", "y"], ["3"]])},
        },
    }


def test_what_loading_showed_stands_before_what_planning_saw(recipe: Recipe) -> None:
    own = dataclasses.replace(recipe, model=fakes.FakeOwn(path="m"))
    notes = {"recognised": [{"what": "outputs", "value": "two\x1b[2J", "more": 1}, "text", {"value": "x"}]}
    step = StepReport(label="load", pass_name="load", notes=notes)
    quiet = StepReport(label="b", pass_name="b", notes={"recognised": None})
    assert recognised(own, [step, quiet]) == [
        {"what": "outputs", "value": "two\\x1b[2J", "evidence": ""},
        {"what": "input", "value": "nothing", "evidence": ""},
    ]


def test_what_the_recipe_says_is_not_called_assumed_by_what_loading_showed(recipe: Recipe) -> None:
    said = {"what": "preprocess", "value": "scale 1", "evidence": "the recipe says so"}
    own = dataclasses.replace(recipe, model=fakes.FakeOwn(path="m"), recognised=(said,))
    assumed = {"what": "preprocess", "value": "assumed", "evidence": "nothing in the file"}
    other = {"what": "preprocess of b", "value": "assumed", "evidence": ""}
    step = StepReport(label="load", pass_name="load", notes={"recognised": [assumed, other]})
    found = recognised(own, [step])
    assert assumed not in found
    assert [entry for entry in found if "preprocess" in entry["what"]] == [other, said]
    contradicted = {"what": "preprocess", "value": "contradicted", "evidence": "the file"}
    step = StepReport(label="load", pass_name="load", notes={"recognised": [contradicted]})
    assert [entry for entry in recognised(own, [step]) if entry["what"] == "preprocess"] == [contradicted]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (None, "built", None),
        (KeyboardInterrupt(), "interrupted", "interrupted by the user"),
        (KeyboardInterrupt("SIGTERM"), "interrupted", "interrupted by SIGTERM"),
        (BudgetExceeded("too much"), "over_budget", "too much"),
        (PassError("broken"), "failed", "broken"),
    ],
)
def test_how_a_build_ended_is_a_status_and_a_text(error: Any, status: str, text: str | None) -> None:
    assert (status_of(error), text_of(error)) == (status, text)


class At(datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz: Any = None) -> At:
        return cls(2026, 3, 4, 5, 6, 7)


def test_folders_of_one_second_are_told_apart(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "datetime", At)
    made = [make_run_folder(recipe) for _ in range(3)]
    assert [folder.relative_to(recipe.outputs).as_posix() for folder in made] == [
        "fake/2026-03-04_05-06-07",
        "fake/2026-03-04_05-06-07-2",
        "fake/2026-03-04_05-06-07-3",
    ]
    assert make_stamped_folder(recipe.outputs, "sweep-").name == "sweep-2026-03-04_05-06-07"


def run(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "report.json").touch()
    return folder


def test_the_newest_run_is_that_which_latest_points_to_else_the_last_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "datetime", At)
    assert newest_run(tmp_path, "report.json") is None
    first, second = run(tmp_path, "2026-03-04_05-06-06"), run(tmp_path, "2026-03-04_05-06-07")
    (tmp_path / "2026-03-04_05-06-07-4").mkdir()  # left nothing
    assert newest_run(tmp_path, "report.json") == second
    point_latest(first)
    assert newest_run(tmp_path, "report.json") == first
    assert os.readlink(tmp_path / "latest") == first.name
    assert newest_run(tmp_path, "recipe.lock.yaml") is None
    (second / "recipe.lock.yaml").touch()
    assert newest_run(tmp_path, "recipe.lock.yaml") == second


@pytest.mark.parametrize(("name", "refused"), [("2026-03-05_05-06-07", False), ("2026-03-05_05-06-08", True)])
def test_a_clock_may_be_ahead_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, refused: bool
) -> None:
    monkeypatch.setattr(run_folder, "datetime", At)
    ahead = run(tmp_path, name)
    if not refused:
        assert newest_run(tmp_path, "report.json") == ahead
        return
    with pytest.raises(RecipeError, match=re.escape(f"locked: {ahead} is dated in the future")):
        newest_run(tmp_path, "report.json")


def test_latest_points_to_the_last_that_was_pointed_to(tmp_path: Path) -> None:
    for name in ("a", "b"):
        point_latest(run(tmp_path, name))
    assert os.readlink(tmp_path / "latest") == "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "latest"]


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "blob"
    path.write_bytes(b"model")
    path.chmod(0o444)
    return TFLiteModel(path=path, digest=digest.of_bytes(b"model"), fingerprint="")


def test_a_model_is_copied_whole_and_is_the_user_s(
    model: TFLiteModel, tmp_path: Path, recorded: Recorded
) -> None:
    keep_model(model, tmp_path / "run" / "cpu.v1")
    made = tmp_path / "run" / "cpu.v1.tflite"
    assert [path.name for path in made.parent.iterdir()] == ["cpu.v1.tflite"]
    assert made.read_bytes() == b"model"
    assert made.stat().st_mode & stat.S_IWUSR
    left = recorded.left(len(recorded.done))
    assert left[str(made)][0], "its content was flushed before it got its name"


def test_a_model_that_was_damaged_is_not_delivered(model: TFLiteModel, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    said = "was damaged during the build; run the same command again to rebuild it"
    model.path.chmod(0o644)
    model.path.write_bytes(b"molde")
    with pytest.raises(StoreError, match=said):
        keep_model(model, tmp_path / "run" / "model")
    model.path.unlink()
    with pytest.raises(StoreError, match=f"{re.escape(str(model.path))} {said}"):
        keep_model(model, tmp_path / "run" / "model")
    assert list((tmp_path / "run").iterdir()) == []


def test_an_index_is_kept_by_its_content_and_put_right(tmp_path: Path) -> None:
    index = Index(classes=("a",), splits={"train": (Sample("k", "d", "p", ((0.0, 0.5, 1.0, 1.0),), (2,)),)})
    (tmp_path / "memo").mkdir()
    path = keep_index(index, tmp_path)
    assert Index.from_json(json.loads(path.read_text())) == index
    assert re.fullmatch(r"index-[0-9a-f]{32}\.json", path.name)
    assert path.name == f"index-{digest.of_file(path)[:32]}.json"
    path.write_text("damaged")
    assert keep_index(index, tmp_path) == path
    assert Index.from_json(json.loads(path.read_text())) == index
    other = keep_index(dataclasses.replace(index, classes=("b",)), tmp_path)
    assert other != path
    assert len(list(path.parent.iterdir())) == 2
