"""Functions of the package hand on what the command line takes, and give values where it prints."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import own_files
import tflbuild
from tflbuild.api import compare as comparing
from tflbuild.api import diagnose as diagnosing
from tflbuild.commands.of_run import silent
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.cause import Cause
from tflbuild.core.errors import INTERRUPTED
from tflbuild.engine.diagnosis import Diagnosis
from tflbuild.show.file_comparison import FileComparison
from tflbuild.sweep import calling


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tflbuild.build("int8", "seed=1"), "overrides: 'seed=1' is one text; give a list"),
        (lambda: tflbuild.plan("int8", [1]), "overrides: 1 is not text; write it as KEY=VALUE"),  # type: ignore[list-item]
        (lambda: tflbuild.plan(3), "recipe: 3 is not the name of a recipe"),  # type: ignore[arg-type]
        (lambda: tflbuild.plan("int9"), "there is no recipe 'int9'"),
        (lambda: tflbuild.compare("one"), "compare: 1 given; name two or more runs, or two model files"),
        (lambda: tflbuild.diagnose("run", try_cures=-1), "try_cures: -1 is not a number of cures"),
        (lambda: tflbuild.predict("run", "x", threshold=-2), "threshold: -2 is not a score"),
        (lambda: tflbuild.load_report("nowhere"), "nowhere is not a report of a run"),
        (lambda: tflbuild.load_sweep("nowhere"), "nowhere is not a folder of a sweep"),
    ],
)
def test_what_is_wrong_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(tflbuild.RecipeError) as caught:
        call()
    assert message in str(caught.value)


def test_a_plan_says_each_step_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("best.tflite").write_bytes(own_files.classifier())
    own_files.write_photos(Path("photos"), 12)
    plan = tflbuild.plan("int8", ["model.path=best.tflite", "data.root=photos/"])
    assert [(step.label, step.pass_name, step.status) for step in plan.steps] == [
        ("load", "load_tflite", "RUN"),
        ("quantize", "quantize", "UNKNOWN"),
    ]
    assert not plan.cached
    assert plan.unused == {"convert": "model.path is a .tflite already"}
    assert sum(plan.splits.values()) == 12
    assert "task" in {entry["what"] for entry in plan.recognised}
    assert not Path("outputs").exists(), "a plan writes nothing"


def test_files_over_a_limit_raise_with_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit(metric="size", form="max", bound=1)
    verdict = Verdict(
        limit=limit, value=2, baseline=None, low=None, high=None, ok=False, decided=True, text="size"
    )
    made = FileComparison(files=("a", "b"), split="test", samples=3, rows={}, verdicts=(verdict,))
    asked: list[Any] = []
    monkeypatch.setattr(comparing, "compared", lambda words: asked.append(words) or made)
    with pytest.raises(tflbuild.BudgetExceeded) as caught:
        tflbuild.compare(Path("a"), "b", overrides=["data.root=photos"])
    assert asked == [["a", "b", "data.root=photos"]]
    assert caught.value.report == made.to_json()


def test_a_diagnosis_is_asked_for_in_the_words_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = Cause(name="labels.order", stage="base", text="The classes are in another order.")
    made = Diagnosis(subject={"run": "run"}, command=[], analyses=[], causes=[cause])
    asked: list[Any] = []

    def diagnosis_of(words: list[str], tell: Any) -> Any:
        asked.append((words, tell is silent))
        return made, Path("run/diagnosis")

    monkeypatch.setattr(diagnosing, "diagnosis_of", diagnosis_of)
    found = tflbuild.diagnose(
        Path("old.tflite"), ["data.root=photos"], base=Path("model.h5"), try_cures=2, show=False
    )
    tflbuild.diagnose("run")
    assert asked == [
        (["old.tflite", "base=model.h5", "data.root=photos", "--try", "2"], True),
        (["run"], False),
    ]
    assert dict(found) == made.to_json()
    assert found.causes == (cause,)
    assert found.page == Path("run/diagnosis/diagnosis.html")
    assert repr(found) == "Diagnosis(labels.order; run/diagnosis)"


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a sweep end as its `code` says, printing a line."""
    script = SimpleNamespace(code=5, asked=[])
    row = {"name": "a=1", "overrides": {"a": "1"}, "status": "over_budget", "metrics": {}, "pareto": False}
    content = {"schema": "tflbuild.summary/1", "metric": "map", "jobs": [row], "groups": []}
    (tmp_path / "summary.json").write_text(json.dumps(content))

    def run_sweep(words: list[str], began: Any) -> int:
        script.asked.append(words)
        began(tmp_path)
        print("a job has ended")  # noqa: T201
        return int(script.code)

    monkeypatch.setattr(calling, "run_sweep", run_sweep)
    return script


def test_a_sweep_is_its_summary_and_a_job_over_its_budget_a_row(
    swept: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tflbuild.sweep("int8", ["a=1,2"], show=False)
    assert capsys.readouterr().out == ""
    assert swept.asked == [["recipe=int8", "a=1,2"]]
    assert (made.folder, made["metric"], len(made)) == (tmp_path, "map", 4)
    assert [job["status"] for job in made.jobs] == ["over_budget"]
    assert made.reports() == {}
    assert "over_budget" in made._repr_html_()
    assert repr(made).startswith("Sweep(1 jobs: a=1 over_budget; ")
    tflbuild.sweep("int8", ["a=1,2"])
    assert "a job has ended" in capsys.readouterr().out


def test_a_sweep_that_was_interrupted_says_so(swept: SimpleNamespace) -> None:
    swept.code = INTERRUPTED
    with pytest.raises(KeyboardInterrupt):
        tflbuild.sweep("int8", ["a=1,2"], show=False)
