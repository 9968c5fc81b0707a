"""Runs side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep_place import Place
from tflbuild.cli import main
from tflbuild.show.comparison import compare


@pytest.fixture
def runs(built_once: Callable[..., Place], here: Place) -> list[str]:
    """Two jobs of a sweep and a run with other data and another seed."""
    place = built_once(
        ["-m", "recipe=fake", "prune.cost=0.01,0.02"], ["recipe=fake", "data.version=2", "seed=3"]
    )
    latest = place.folder / "outputs" / "fake" / "latest"
    return [*map(str, sorted(place.sweep().glob("prune*"))), str(latest)]


def compared(runs: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["compare", *runs, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_what_differs_is_shown_and_what_does_not_is_counted(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(runs[:2], capsys)
    assert found["schema"] == "tflbuild.compare/1"
    assert found["runs"] == runs[:2]
    assert found["recipe"] == {"prune.cost": [0.01, 0.02]}
    assert found["causes"]["prune.action"][1] == "prune.cost 0.01 -> 0.02"
    assert found["causes"]["convert.action"][1] == "its input changed"
    assert [m["value"] for m in found["figures"]["score"]] == pytest.approx([0.89, 0.88])
    assert [m["value"] for m in found["figures"]["prune.score"]] == pytest.approx([0.89, 0.88])
    assert "train.score" in found["equal"]["figures"]
    assert "quantize.size" in found["equal"]["recipe"]
    assert "data.content.train" in found["equal"]["causes"]
    assert "seed" in found["equal"]["causes"]


def test_other_data_and_another_seed_are_causes(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = compared([runs[0], runs[2]], capsys)
    assert found["recipe"]["data.version"] == [1, 2]
    assert found["causes"]["seed"] == [0, 3]
    first, second = found["causes"]["data.content.train"]
    assert first != second
    assert "seed 0 -> 3" in found["causes"]["train.action"][1]


def test_more_than_two_runs_stand_side_by_side(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(runs, capsys)
    assert found["recipe"]["prune.cost"] == [0.01, 0.02, 0.01]
    assert found["causes"]["seed"] == [0, 0, 3]
    capsys.readouterr()
    assert main(["compare", *runs]) == 0
    printed = capsys.readouterr().out
    assert "change" not in printed.splitlines()[0]


def test_the_table_shows_the_change_between_two(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["compare", *runs[:2]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["prune.cost=0.01", "prune.cost=0.02", "change"]
    assert [line.split() for line in lines if "prune.cost  " in line] == [
        ["prune.cost", "0.01", "0.02", "+0.0100"]
    ]
    assert any(line.split()[-1] == "-0.0100" for line in lines if line.strip().startswith("score"))
    assert lines[-1].startswith("equal: ")


def test_a_run_that_failed_can_be_compared(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "recipe=fake", "bad.how=well,raise"]) == 4
    found = compared([str(here.sweep() / f"bad.how={how}") for how in ("well", "raise")], capsys)
    assert found["figures"]["status"] == ["built", "failed"]
    assert found["figures"]["score"][1] is None
    assert "keeps no lock" in found["causes"]["bad.action"][1]


def test_a_changed_source_is_named() -> None:
    step = {"label": "prune", "pass": "prune", "options": {"sparsity": 0.5}, "metrics": {}, "bytes": 1}
    step |= {"cost_seconds": 1.0, "output": "x", "outcome": "ran"}
    report: dict[str, Any] = {
        "recipe": "r",
        "status": "built",
        "resolved": {"prune": {"sparsity": 0.5}},
        "seed": 0,
        "toolchain": {"tensorflow": "2.20.0"},
        "environment": {"threads": 2},
        "data": {"splits": {"train": {"n": 1, "digest": "d"}}, "dropped": []},
        "base": {"label": "train", "metrics": {}},
        "targets": [],
        "passes": [{**step, "action": "a"}],
    }
    other = {**report, "toolchain": {"tensorflow": "2.21.0"}, "passes": [{**step, "action": "b"}]}
    causes = [{"code": "1"}, {"code": "2"}]
    made = compare(["one", "two"], [report, other], lambda position, label: causes[position])
    assert made.differing["recipe"] == {}
    assert made.differing["causes"] == {
        "toolchain.tensorflow": ["2.20.0", "2.21.0"],
        "prune.action": ["a", "source of pass prune changed"],
    }
    assert made.differing["figures"] == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["outputs"], "usage: tflbuild compare"),
        (["nowhere", "nowhere"], "is not a report of a run"),
        (["--all", "nowhere", "nowhere"], "usage: tflbuild compare"),
    ],
)
def test_a_wrong_comparison_is_one_clear_sentence(
    words: list[str], message: str, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_sweep_is_compared_by_its_jobs(
    runs: list[str], here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = str(Path(runs[0]).parent)
    assert compared([sweep], capsys)["runs"] == runs[:2]
    assert compared([sweep, runs[2]], capsys)["runs"] == runs
    paired = compared([sweep, sweep], capsys)
    assert list(paired["jobs"]) == [Path(run).name for run in runs[:2]]
    assert all(one["recipe"] == {} for one in paired["jobs"].values())
    assert paired["others"] == {sweep: []}
