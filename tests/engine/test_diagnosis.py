"""Causes of several analyses as one list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.engine.diagnosis import Diagnosis, causes_of, write

COST = {"metric": "map", "value": 0.2, "low": 0.1, "high": 0.3, "n": 40}


def entry(name: str, *findings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "key": "", "findings": list(findings)}


LADDER = entry(
    "ladder",
    {"text": "map fell", "rungs": []},
    {
        "cause": "activations",
        "stage": "activations",
        "general": True,
        "text": "rounding",
        "cost": COST,
        "cures": [],
    },
)


NORMS = entry(
    "ladder",
    {
        "cause": "batch_norm",
        "stage": "base",
        "general": True,
        "text": "statistics",
        "cost": {**COST, "value": 0.3, "low": 0.2, "high": 0.4},
        "cures": [],
    },
)


def test_a_step_that_nothing_else_explains_is_a_cause_itself() -> None:
    (found,) = causes_of([LADDER])
    assert (found.name, found.cost, found.n) == ("activations", 0.2, 40)


def test_an_analysis_that_explains_a_step_takes_its_place_and_its_cost() -> None:
    lint = entry("calibration", {"cause": "calibration.noise", "stage": "activations", "text": "noise"})
    (found,) = causes_of([LADDER, lint])
    assert (found.name, found.cost, found.low, found.high, found.n) == (
        "calibration.noise",
        0.2,
        0.1,
        0.3,
        40,
    )


def test_an_own_figure_stays_and_decides_the_order() -> None:
    own = {"cause": "labels.order", "stage": "base", "cost": {**COST, "value": 0.5}}
    assert [cause.name for cause in causes_of([LADDER, entry("chance", own)])] == [
        "labels.order",
        "activations",
    ]


def test_what_explains_no_step_that_lost_anything_stands_last() -> None:
    lint = entry("calibration", {"cause": "calibration.few", "stage": "weights", "text": "few"})
    found = causes_of([LADDER, lint])
    assert [(cause.name, cause.cost) for cause in found] == [("activations", 0.2), ("calibration.few", None)]


def test_a_cause_that_two_analyses_name_is_told_once_with_the_larger_figure() -> None:
    one = {"cause": "pixels.channels", "stage": "base", "text": "one", "cost": {**COST, "value": 0.1}}
    other = {"cause": "pixels.channels", "stage": "base", "text": "other", "cost": {**COST, "value": 0.2}}
    chance = {"cause": "base.chance", "stage": "base", "text": "chance"}
    found = causes_of([entry("chance", one, chance), entry("preprocessing", other)])
    assert [(cause.text, cause.cost) for cause in found] == [("other", 0.2)]
    assert [cause.name for cause in causes_of([entry("chance", chance)])] == ["base.chance"]


def test_a_base_at_chance_is_explained_by_its_batch_norm() -> None:
    chance = {"cause": "base.chance", "stage": "base", "text": "chance"}
    assert [cause.name for cause in causes_of([entry("chance", chance), NORMS])] == ["batch_norm"]


@pytest.mark.parametrize(
    ("cost", "names"),
    [
        (0.5, ["pixels.scale"]),  # another reading gives back as much
        (0.25, ["pixels.scale"]),  # nobody knows which of the two
        (0.1, ["batch_norm", "pixels.scale"]),  # less than batch norm is sure to give
    ],
)
def test_pixels_explain_a_base_unless_its_batch_norm_costs_more_beyond_doubt(
    cost: float, names: list[str]
) -> None:
    pixels = {"cause": "pixels.scale", "stage": "base", "text": "pixels", "cost": {**COST, "value": cost}}
    assert [cause.name for cause in causes_of([entry("preprocessing", pixels), NORMS])] == names


class Shelf:
    """A store that holds one file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "blob"
        self.path.write_bytes(b"numbers")

    def blob(self, sha256: str) -> Path:
        return self.path


def test_files_that_an_analysis_kept_lie_in_the_folder_and_nowhere_else(tmp_path: Path) -> None:
    """An entry may come from a store of somebody else: a name that leads elsewhere is left out."""
    names = [
        "conv_1/input.npz",
        "README.txt",
        "../up",
        "/tmp/root",
        "a/../../b",
        "a/.hidden",
        "C:\\x",
        "a\nb",
    ]
    entries = [{"name": "operators", "key": "", "findings": [], "files": dict.fromkeys(names, "0" * 64)}]
    made = Diagnosis(subject={}, command=[], analyses=entries, causes=[])
    folder = tmp_path / "out" / "diagnosis"
    store: Any = Shelf(tmp_path)
    write(made, folder, store)
    assert (folder / "conv_1/input.npz").read_bytes() == b"numbers"
    written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert written == ["README.txt", "conv_1/input.npz", "diagnosis.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blob", "out"]


def test_a_cause_of_two_steps_speaks_for_both_with_the_figure_of_the_costlier_one() -> None:
    ends = {
        "cause": "ends",
        "stage": "ends",
        "general": True,
        "text": "rounding the input",
        "cost": {**COST, "value": 0.4, "low": 0.3, "high": 0.5},
        "cures": [],
    }
    both = entry("ladder", *LADDER["findings"], ends)
    scale = {"cause": "calibration.scale", "stage": "activations", "also": ["ends"], "text": "another scale"}
    (found,) = causes_of([both, entry("calibration", scale)])
    assert (found.name, found.stage, found.cost, found.low) == ("calibration.scale", "ends", 0.4, 0.3)
    alone = causes_of([entry("ladder", {"text": "", "rungs": []}, ends), entry("calibration", scale)])
    assert [(cause.name, cause.stage) for cause in alone] == [("calibration.scale", "ends")]
    assert [cause.name for cause in causes_of([both])] == ["ends", "activations"]
