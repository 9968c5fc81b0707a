"""A file for a microcontroller, by one command: what is measured, what lies beside it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import micro_sources
from own_files import CLASSIFIER, write_classifier
from tflbuild.backends.micro import session
from tflbuild.core import toolchain
from workspace import Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"),
]

WORDS = [*CLASSIFIER, "target=tflite_micro"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("micro")
    write_classifier(folder)
    return Workspace(folder)


@pytest.fixture(scope="module")
def target(here: Workspace) -> dict[str, Any]:
    (found,) = here.build(*WORDS, "budget=null")["targets"]
    return dict(found)


@pytest.fixture(scope="module")
def run(here: Workspace, target: dict[str, Any]) -> Path:
    return (here.folder / "outputs/int8/latest").resolve()


def test_its_own_interpreter_measures_the_accuracy(target: dict[str, Any]) -> None:
    assert target["metrics"]["top1"]["kernels"] == "tflite_micro"
    assert target["metrics"]["arena"]["value"] == target["arena"] == target["micro"]["memory"]["smallest"]


def test_the_scores_are_int8_without_being_asked_for(target: dict[str, Any]) -> None:
    assert "AddSoftmax" in target["micro"]["resolver"]
    assert all(one["on"] for one in target["placement"]["operators"])
    assert not target.get("cautions")


def test_the_outputs_are_held_to_those_of_litert(target: dict[str, Any]) -> None:
    found = target["equality"]
    assert (found["split"], found["peer"]) == ("test", "reference")
    assert found["samples"] == target["metrics"]["top1"]["n"]
    (scores,) = found["outputs"].values()
    assert scores["values"] == 3 * found["samples"]  # classes
    # A dense layer in int8 is rounded twice by one and once by the other: a step or so, of 1/256 each.
    assert scores["largest"] <= 4 / 256


def test_the_sources_beside_it_run_the_sample(target: dict[str, Any], run: Path, tmp_path: Path) -> None:
    assert {Path(path).name for path in target["beside"]} >= {
        "main.cc",
        "model.cc",
        "resolver.h",
        "sample.cc",
    }
    for path in target["beside"]:
        (tmp_path / Path(path).name).write_text((run / path).read_text())
    checkout = micro_sources.real()
    if checkout is None:
        micro_sources.compiled(tmp_path)
    else:
        code, lines = micro_sources.run(
            micro_sources.linked(tmp_path, checkout), {"inputs": [], "outputs": []}
        )
        assert code == 0, lines


def test_a_second_build_measures_nothing_again(here: Workspace, target: dict[str, Any], run: Path) -> None:
    again = here.build(*WORDS, "budget=null")
    assert again["targets"][0]["equality"] == target["equality"]
    second = (here.folder / "outputs/int8/latest").resolve()
    assert second != run
    assert (second / "micro/sample.cc").read_bytes() == (run / "micro/sample.cc").read_bytes()


def test_a_limit_on_the_arena_refuses_the_file(here: Workspace, target: dict[str, Any]) -> None:
    printed = here.run(*WORDS, "budget.fidelity=null", f"budget.arena.max={target['arena'] - 1}", code=5)
    assert "arena" in printed
    here.run(*WORDS, "budget.fidelity=null", f"budget.arena.max={target['arena']}")


def test_scores_in_16_bits_are_refused_with_the_cure(here: Workspace) -> None:
    printed = " ".join(here.run(*WORDS, "budget=null", "quantize.scores=int16", code=4).split())
    assert "(SOFTMAX) makes an int16 output" in printed
    assert "cure: quantize.scores=int8" in printed


def test_check_needs_no_package_and_no_build(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    printed = here.run("check", "classifier.tflite", "target=tflite_micro")
    assert "LiteRT Micro" in printed or "tflite_micro" in printed
