"""Sweeps as a user types them, with fake passes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from sweep_place import RECIPE, Place
from tflbuild.cli import main
from tflbuild.engine.workers.worker import Worker
from tflbuild.sweep.batch import exit_code_of

pytestmark = pytest.mark.slow  # whole sweeps


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in summary(folder)["jobs"]}


def statuses(folder: Path) -> dict[str, str]:
    return {name: row["status"] for name, row in rows(folder).items()}


def test_shared_prefixes_run_once_and_folders_are_named_by_what_differs(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02", "quantize.size=50,60"]) == 0
    # train; prune twice; convert and bad behind each; then four each of quantize, edit, wait
    assert "4 jobs, 19 distinct passes, 19 to run" in capsys.readouterr().out
    assert here.ran() == ["prune 0.01", "prune 0.02"]
    names = [f"prune.cost={cost},quantize.size={size}" for cost in (0.01, 0.02) for size in (50, 60)]
    assert list(rows(here.sweep())) == names
    assert all((here.sweep() / name / "report.json").is_file() for name in names)
    assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02", "quantize.size=50,60"]) == 0
    assert "4 jobs, 19 distinct passes, 0 to run" in capsys.readouterr().out
    assert len(here.ran()) == 2


def test_a_recipe_that_is_edited_while_a_job_runs_changes_nothing(here: Place) -> None:
    file = here.folder / "recipes" / "fake.yaml"
    edited = here.folder / "edited.yaml"
    edited.write_text(RECIPE.replace("bad: {how: well}", "bad: {how: raise}"))
    assert main(["-m", "recipe=fake", f"edit.file={file}", f"edit.by={edited}", "prune.cost=0.01,0.02"]) == 0
    assert "how: raise" in file.read_text()
    assert set(statuses(here.sweep()).values()) == {"built"}


def test_the_sweep_goes_on_behind_jobs_that_fail_are_over_budget_or_invalid(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["prune.cost=0.01,0.2", "bad.how=well,abort", "data.train=10,-1"]
    assert main(["-m", "recipe=fake", *grid]) == 4
    found = rows(here.sweep())
    by_what = {tuple(row["overrides"].values()): (row["status"], row["exit_code"]) for row in found.values()}
    assert by_what == {
        ("0.01", "well", "10"): ("built", 0),
        ("0.01", "well", "-1"): ("invalid", 2),
        ("0.01", "abort", "10"): ("failed", 4),
        ("0.01", "abort", "-1"): ("invalid", 2),
        ("0.2", "well", "10"): ("over_budget", 5),
        ("0.2", "well", "-1"): ("invalid", 2),
        ("0.2", "abort", "10"): ("over_budget", 5),
        ("0.2", "abort", "-1"): ("invalid", 2),
    }
    printed = capsys.readouterr().out
    assert "8 jobs, " in printed
    assert "; 4 invalid" in printed
    assert "data: the train split of 'fake_data' is empty" in printed
    with (here.sweep() / "summary.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == [row["status"] for row in found.values()]
    page = (here.sweep() / "summary.html").read_text()
    assert all(row["error"] is None or row["name"] for row in found.values())
    assert page.count('class="badge pareto"') == 1
    assert [name for name, row in found.items() if row["pareto"]] == [
        "prune.cost=0.01,bad.how=well,data.train=10"
    ]


def test_a_sweep_of_which_no_job_is_valid_makes_no_folder(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-m", "recipe=fake", "nonsense=1,2"]) == 2
    assert "no job of the sweep is valid: nonsense" in capsys.readouterr().err
    assert not (here.folder / "outputs").exists()


def test_what_passes_took_is_shown_behind_each_job(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02", "--time-passes"]) == 0
    assert capsys.readouterr().out.count("peak MiB") == 2


def test_a_launcher_without_a_sweep_is_refused(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe=fake", "hydra/launcher=joblib"]) == 2
    assert "add -m, or remove it" in capsys.readouterr().err


def test_one_process_at_a_time_builds_a_sweep(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    gate = here.folder / "go"
    process = here.start("-m", "recipe=fake", f"wait.file={gate}", "prune.cost=0.01,0.02")
    here.wait_until(lambda: "wait: started" in here.printed())
    assert main(["rerun", str(here.sweep())]) == 2
    assert "another process is building this sweep" in capsys.readouterr().err
    gate.touch()
    assert process.wait(timeout=60) == 0


def test_a_sweep_that_was_killed_is_finished_by_rerun_without_composing(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = here.folder / "go"
    words = [f"wait.file={gate}", "wait.below=0.885", "prune.cost=0.01,0.02,0.03"]
    process = here.start("-m", "recipe=fake", *words)
    here.wait_until(lambda: here.printed().count("wait: started") == 2)
    process.kill()
    process.wait()
    gate.touch()
    first = here.sweep() / "prune.cost=0.01" / "report.json"
    kept = first.stat().st_mtime_ns
    (here.folder / "recipes" / "fake.yaml").write_text("# @package _global_\nnothing: right\n")
    assert main(["rerun", str(here.sweep())]) == 0
    assert "3 jobs, 2 to run, the others are already built" in capsys.readouterr().out
    assert list(statuses(here.sweep()).values()) == ["built"] * 3
    assert first.stat().st_mtime_ns == kept
    assert here.ran() == ["prune 0.01", "prune 0.02", "prune 0.03"]


def test_rerun_builds_what_failed_and_leaves_what_was_over_budget(here: Place) -> None:
    flag = here.folder / "flag"
    words = ["-m", "recipe=fake", "prune.cost=0.01,0.2", f"wait.file={flag}", "wait.patient=false"]
    assert main(words) == 4
    assert list(statuses(here.sweep()).values()) == ["failed", "over_budget"]
    flag.touch()
    assert main(["rerun", str(here.sweep())]) == 5
    assert list(statuses(here.sweep()).values()) == ["built", "over_budget"]
    assert main(["rerun", str(here.sweep())]) == 5, "nothing is left to run"


def test_rerun_of_one_run_builds_its_resolved_recipe_in_a_new_folder(here: Place) -> None:
    assert main(["recipe=fake", "prune.cost=0.02"]) == 0
    runs = here.folder / "outputs" / "fake"
    first = (runs / "latest").resolve()
    (here.folder / "recipes" / "fake.yaml").write_text("# @package _global_\nnothing: right\n")
    assert main(["rerun", str(first)]) == 0
    again = (runs / "latest").resolve()
    assert again != first
    old, new = (json.loads((run / "report.json").read_text()) for run in (first, again))
    assert new["resolved"] == old["resolved"]
    assert new["overrides"] == old["overrides"] == ["prune.cost=0.02"]
    assert [step["outcome"] for step in new["passes"]] == ["cached"] * 7
    assert here.ran() == ["prune 0.02"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "usage: tflbuild rerun"),
        (["nowhere"], "contains neither sweep.json nor report.json"),
        (["nowhere", "seed=1"], "a run is rebuilt unchanged"),
    ],
)
def test_a_wrong_rerun_is_one_clear_sentence(
    words: list[str], message: str, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rerun", *words]) == 2
    assert message in capsys.readouterr().err


def test_an_interrupted_sweep_lists_every_job_and_is_continued_by_rerun(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = Worker.ask

    def interrupt(self: Worker, name: str, *arguments: Any, **rest: Any) -> Any:
        asked.append(rest.get("who", ""))
        if asked.count("pass 'prune'") == 2:
            raise KeyboardInterrupt
        return ask(self, name, *arguments, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(Worker, "ask", interrupt)
        assert main(["-m", "recipe=fake", "prune.cost=0.01,0.02,0.03"]) == 130
    assert list(statuses(here.sweep()).values()) == ["built", "interrupted", "interrupted"]
    assert main(["rerun", str(here.sweep())]) == 0
    assert list(statuses(here.sweep()).values()) == ["built"] * 3


def test_seeds_build_a_recipe_several_times_and_report_the_spread(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["recipe=fake", "passes@train=fake_seeded", "seeds=[0,1,2]"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "3 jobs, " in printed
    assert "3 of 3" in printed
    assert list(rows(here.sweep())) == ["seed=0", "seed=1", "seed=2"]
    (group,) = summary(here.sweep())["groups"]
    assert (group["overrides"], group["jobs"]) == ({}, ["seed=0", "seed=1", "seed=2"])
    # scores are 0.5, 0.6, 0.7 less 0.01 of prune: mean 0.59, sample variance (0.1^2 + 0 + 0.1^2) / 2
    assert group["figures"]["score"] == pytest.approx(
        {"n": 3, "mean": 0.59, "sd": 0.1, "min": 0.49, "max": 0.69}
    )
    assert group["figures"]["bytes"]["sd"] == pytest.approx(0, abs=20)
    assert group["figures"]["latency_ms"]["mean"] == 1.0
    report = json.loads((here.sweep() / "seed=1" / "report.json").read_text())
    assert report["seed"] == 1
    typed = ["recipe=fake", *report["overrides"]]
    assert typed == ["recipe=fake", "passes@train=fake_seeded", "seed=1", "seeds=[]"]
    assert main(typed) == 0
    assert "cached" in capsys.readouterr().out, "what the report says was typed builds this job again"


def test_seeds_of_a_recipe_file_group_a_grid(here: Place) -> None:
    file = here.folder / "recipes" / "fake.yaml"
    file.write_text(
        RECIPE.replace("/passes@train: fake_train", "/passes@train: fake_seeded") + "seeds: [3, 4]\n"
    )
    assert main(["-m", "recipe=fake", "quantize.size=50,60"]) == 0
    groups = summary(here.sweep())["groups"]
    assert [group["overrides"] for group in groups] == [{"quantize.size": "50"}, {"quantize.size": "60"}]
    assert [group["figures"]["score"]["n"] for group in groups] == [2, 2]


def test_a_seed_that_occurs_twice_is_refused(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe=fake", "seeds=[1,1]"]) == 2
    assert "seeds: 1 occurs 2 times" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({0}, 0),
        ({0, 7}, 7),
        ({0, 5, 7}, 5),
        ({0, 2, 5}, 2),
        ({0, 2, 6}, 6),
        ({2, 3, 6}, 3),
        ({3, 4, 5}, 4),
        ({0, 4, 130}, 130),
    ],
)
def test_a_sweep_exits_with_the_first_code_of_the_contract(codes: set[int], expected: int) -> None:
    assert exit_code_of(codes) == expected
