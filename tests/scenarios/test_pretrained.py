"""A classifier that starts from the weights of an earlier run: what is measured, keyed and told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from workspace import Workspace

pytestmark = pytest.mark.slow

SMALL = (
    "recipe=mobilenet_v1_int8",
    "data=sign_crops",
    "model.input_size=32",
    "model.alpha=0.1",
    "budget=null",
)
FEW = ("data.train=32", "data.val=16", "data.test=16", "train.batch_size=8", "stop_after=train")
START = ("model.weights=start.h5", "train.steps=0")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("pretrained"))


def test_weights_of_an_earlier_run_are_measured_as_they_are(here: Workspace) -> None:
    trained = here.build(*SMALL, *FEW, "train.steps=2")
    start = here.folder / "start.h5"
    shutil.copy(here.folder / "outputs" / "store" / "blobs" / step(trained, "train")["output"], start)

    report = here.build(*SMALL, *FEW, *START)
    note = step(report, "train")["notes"]["weights"]
    assert (note["file"], note["by"], note["tensors"], note["fresh"]) == ("start.h5", "name", note["of"], [])
    assert measured(report) == measured(trained)
    printed = here.run(*SMALL, *FEW, *START)
    assert (
        f"weights: {note['of']} of {note['of']} tensors are those of 'start.h5', matched by name" in printed
    )

    start.rename(here.folder / "other.h5")  # the same content
    again = here.build(*SMALL, *FEW, "model.weights=other.h5", "train.steps=0")
    assert step(again, "train")["outcome"] == "cached"
    _changed(here.folder / "other.h5")
    report = here.build(*SMALL, *FEW, "model.weights=other.h5", "train.steps=0")
    assert step(report, "train")["outcome"] == "ran"

    printed = here.run(*SMALL, *FEW, "model.weights=other.h5", "model.alpha=0.25", code=2)
    assert "model.weights: 'other.h5' does not fit mobilenet_v1: " in printed


def step(report: dict[str, Any], label: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["passes"] if one["label"] == label)
    return found


def measured(report: dict[str, Any]) -> float:
    return float(step(report, "train")["metrics"]["top1"]["value"])


def _changed(path: Path) -> None:
    import h5py

    with h5py.File(path, "a") as file:
        file["model_weights/logits/logits/bias:0"][0] += 1.0
