"""The same recipe gives the same bytes: from empty stores, in other processes, in a warm worker as in a fresh one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workspace import FEW, SHORT, TINY, Workspace

pytestmark = pytest.mark.slow

DETECTOR = ["recipe=ssd_mobilenet_int8", *TINY, "pipeline=[train,convert,quantize]"]
GATES = [f"{key}budget.top1.max_drop=1" for key in ("", "prune.", "qat.", "convert.")]
QAT = ["+passes@qat=qat", "qat.steps=10", "qat.batch_size=8", "pipeline=[train,prune,qat,convert]"]
CLASSIFIER = ["recipe=mobilenet_v1_int8", "model=resnet", *SHORT, *FEW, *GATES, *QAT]
RECIPES = ["ssd_mobilenet_int8", "mobilenet_v1_int8"]
A_WORKER_A_PASS = ["worker.max_rss=500"]  # MiB: a pass finds the worker above it, and gets a fresh one


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build both recipes with a worker for each build."""
    here = Workspace(tmp_path_factory.mktemp("warm"))
    for words in (DETECTOR, CLASSIFIER):
        here.build(*words)
    return here


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build both recipes with a worker for each pass, in another order."""
    here = Workspace(tmp_path_factory.mktemp("fresh") / "in a folder" / "of another length")
    here.folder.mkdir(parents=True)
    for words in (CLASSIFIER, DETECTOR):
        here.build(*words, *A_WORKER_A_PASS)
    return here


def made(here: Workspace, recipe: str) -> dict[str, Any]:
    """Give the digest of every pass's output."""
    return {step["label"]: (step["action"], step["output"]) for step in here.report(recipe)["passes"]}


def delivered(here: Workspace, recipe: str) -> bytes:
    path: Path = here.folder / "outputs" / recipe / "latest" / "model.tflite"
    return path.read_bytes()


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_empty_stores_give_the_same_bytes_whether_workers_are_warm_or_fresh(
    warm: Workspace, fresh: Workspace, recipe: str
) -> None:
    assert made(fresh, recipe) == made(warm, recipe)
    assert delivered(fresh, recipe) == delivered(warm, recipe)


def test_every_pass_had_a_fresh_worker_where_it_was_asked_for(warm: Workspace, fresh: Workspace) -> None:
    def replaced(here: Workspace) -> int:
        logs = here.folder.glob("outputs/*/2*/log.txt")
        return sum(path.read_text().count("above worker.max_rss") for path in logs)

    assert replaced(warm) == 0
    assert replaced(fresh) >= 4


@pytest.mark.parametrize("recipe", RECIPES)
def test_figures_are_the_same_too(warm: Workspace, fresh: Workspace, recipe: str) -> None:
    def figures(here: Workspace) -> Any:
        report = here.report(recipe)
        metrics = [step["metrics"] for step in report["passes"]]
        exact = {name: value for name, value in report["targets"][0]["metrics"].items() if name != "latency"}
        return json.dumps([metrics, exact, [v["text"] for v in report["budget"]["verdicts"]]], sort_keys=True)

    assert figures(fresh) == figures(warm)
