"""`tflbuild lint`, from words to exit code: of a recipe, a run and a file; small files, and no TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conforming import conforms
from foreign_networks import Draft
from tflbuild.core.dataset import Dataset, Index, Sample
from tflbuild.engine.leaks import in_test
from tflbuild.wiring import NAMES
from workspace import Workspace

ROWS = 96
BASE = ["recipe=int8", "model.path=a.tflite", "data.root=rows.npz"]


def rows(seed: int, count: int = ROWS) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with a model of vectors, its data, and sources of calibration."""
    folder = tmp_path_factory.mktemp("lint")
    draft = Draft(1, x=(1, 12))
    draft.dense("h", "x", 8)
    draft.dense("y", "h", 3)
    (folder / "a.tflite").write_bytes(draft.content("y"))
    np.savez(folder / "rows.npz", x=rows(1))
    np.savez(folder / "bytes.npz", x=rows(2, 40) * 127.5 + 127.5)
    np.savez(folder / "few.npz", x=rows(3, 4))
    np.savez(folder / "copies.npz", x=np.repeat(rows(4, 1), 20, axis=0))
    np.savez(folder / "whole.npz", x=np.round(rows(5, 40)).astype(np.int8))
    return Workspace(folder)


def linted(here: Workspace, *words: str, code: int = 0) -> dict[str, Any]:
    printed = here.run("lint", *words, "--json", code=code)
    made = json.loads(printed[printed.index("{") : printed.rindex("\n}") + 2])
    return dict(conforms("lint", made))


def named(made: dict[str, Any]) -> list[str]:
    return [finding["named"] for finding in made["findings"] if finding.get("level")]


def test_good_samples_are_said_to_be_good(here: Workspace) -> None:
    made = linted(here, *BASE)
    assert (made["schema"], made["ok"], named(made)) == ("tflbuild.lint/1", True, [])
    figures = made["findings"][0]["figures"]
    assert figures["source"] == "data.train"
    assert figures["growth"][-1][1] == 1.0
    assert "no problem found" in here.run("lint", *BASE)


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        ("bytes.npz", "calibration.scale"),
        ("few.npz", "calibration.few"),
        ("copies.npz", "calibration.copies"),
    ],
)
def test_each_fault_is_named_with_the_override_that_cures_it(here: Workspace, file: str, cause: str) -> None:
    made = linted(here, *BASE, f"quantize.calibration.source={file}")
    assert named(made) == [cause]
    (finding,) = [one for one in made["findings"] if one.get("level")]
    assert finding["cause"] == cause
    assert finding["stage"] == "activations"
    assert finding["cures"][0]["override"] == "quantize.calibration.source=data.train"


def test_samples_of_val_and_of_another_dtype_are_errors(here: Workspace) -> None:
    made = linted(here, *BASE, "quantize.calibration.source=data.val", code=2)
    assert (made["ok"], named(made)[0]) == (False, "calibration.overlap")
    made = linted(here, *BASE, "quantize.calibration.source=whole.npz", code=2)
    assert "calibration samples are integers, and training samples floats" in made["findings"][1]["text"]


def test_a_run_is_looked_at_with_its_file_and_the_pass_says_the_same(here: Workspace) -> None:
    here.run(
        *BASE,
        "quantize.method=fixed",
        "quantize.calibration.source=bytes.npz",
        "quantize.budget.fidelity.max_drop=1",
        "budget.fidelity.max_drop=1",
    )
    step = next(one for one in here.report("int8")["passes"] if one["label"] == "quantize")
    assert step["notes"]["calibration"] == {"source": "bytes.npz", "samples": 40, "of": 40}
    made = linted(here, "outputs/int8/latest")
    assert named(made) == ["calibration.scale"]
    assert made["findings"][0]["figures"]["held"]["wide"]
    file = here.folder / "outputs" / "int8" / "latest" / "model.tflite"
    alone = linted(here, str(file), "data.root=rows.npz")
    assert named(alone) == ["calibration.range"]
    assert "times too wide for training samples" in alone["findings"][1]["text"]


def test_what_is_neither_recipe_nor_run_is_refused(here: Workspace) -> None:
    assert "usage: tflbuild lint" in here.run("lint", code=2)
    assert "neither a model file nor a run" in here.run("lint", "nowhere", code=2)
    assert not (Path(here.folder) / "nowhere").exists()


@pytest.mark.parametrize(
    ("paths", "leaked"),
    [
        ({"train": ["a", "b"], "test": ["b"]}, ["train of b"]),
        ({"train": ["a", "a"], "test": ["a"]}, []),  # one file holds several samples
    ],
)
def test_training_files_in_test_are_found_by_content(
    paths: dict[str, list[str]], leaked: list[str], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        Image.fromarray(np.full((4, 4, 3), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    splits = {
        split: tuple(Sample(f"{split} of {name}", name, str(tmp_path / f"{name}.png")) for name in names)
        for split, names in paths.items()
    }
    prepared: Any = SimpleNamespace(
        index=Index(classes=(), splits=splits), recipe=SimpleNamespace(data=Dataset())
    )
    assert in_test(prepared, "data.train", NAMES) == leaked
    assert in_test(prepared, "photos/", NAMES) == []
