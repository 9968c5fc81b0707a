"""What goes with a delivered file: whether its runtime computes what its peer does, and files beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild
from tflbuild.core.errors import StoreError
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import RUNTIMES, Runtime
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.beside import SAMPLES, put_beside
from tflbuild.engine.build import Outcome


@pytest.fixture(autouse=True)
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare a runtime with a peer, and a target whose file has company."""

    class Twin(Runtime):
        kinds = ("TFLiteModel",)
        second: bool = False

        def peer(self) -> Runtime | None:
            return None if self.second else RUNTIMES.get("fake_twin")(second=True)

    class Accompanied(Target):
        runtime = "fake_twin"
        alone: bool = False

        def runtime_options(self) -> Mapping[str, Any]:
            return {"second": self.alone}

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"words": "and figures"}

        def companions(self, model: Any, figures: Any, sample: Any) -> Mapping[str, str]:
            size = len(model.path.read_bytes())
            return {"with/company.txt": f"{size} {figures['words']} {json.dumps(sample)}"}

    monkeypatch.setattr(RUNTIMES, "_classes", dict(RUNTIMES._known))
    RUNTIMES.declare("fake_twin")(Twin)
    TARGETS.declare("fake_accompanied")(Accompanied)


def accompanied(recipe: Recipe, **options: Any) -> Recipe:
    return replace(recipe, targets={"any": TARGETS.get("fake_accompanied")(**options)})


def built(outcome: Outcome) -> dict[str, Any]:
    (target,) = outcome.report["targets"]
    return dict(target)


def test_outputs_are_held_to_those_of_the_peer(recipe: Recipe, build_here: FakeBuild, here: AtOnce) -> None:
    found = built(build_here(accompanied(recipe)))["equality"]
    assert (found["split"], found["runtime"], found["peer"]) == ("test", "fake", "other")
    assert found["equal"] == found["samples"] > 0
    assert "file" not in found


def test_a_runtime_without_a_peer_is_held_to_nothing(recipe: Recipe, build_here: FakeBuild) -> None:
    found = built(build_here(accompanied(recipe, alone=True)))
    assert "equality" not in found
    assert "equality" not in built(build_here(recipe))


def test_files_lie_beside_the_delivered_one_and_are_listed(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(accompanied(recipe))
    assert built(outcome)["beside"] == ["with/company.txt"]
    size, *words = (outcome.report.folder / "with/company.txt").read_text().split(" ", 3)
    assert int(size) == built(outcome)["bytes"]
    sample = json.loads(words[-1])
    assert (words[:2], sample["inputs"][0]["name"]) == (["and", "figures"], "x")


def test_of_several_targets_each_has_its_own_company(recipe: Recipe, build_here: FakeBuild) -> None:
    two = accompanied(recipe)
    outcome = build_here(replace(two, targets={**two.targets, "plain": fakes.FakeTarget()}))
    listed = {given["name"]: given.get("beside") for given in outcome.report["targets"]}
    assert listed == {"any": ["any/with/company.txt"], "plain": None}
    assert (outcome.report.folder / "any/with/company.txt").is_file()


def test_at_most_so_many_samples_are_compared(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    monkeypatch.setattr("tflbuild.engine.beside.SAMPLES", 1)
    found = built(build_here(accompanied(recipe)))["equality"]
    assert (found["samples"], SAMPLES) == (1, 64)
    assert "equality test of 1" in log.read_text()


def test_what_was_compared_is_not_compared_again(recipe: Recipe, build_here: FakeBuild, log: Path) -> None:
    build_here(accompanied(recipe))
    build_here(accompanied(recipe))
    assert log.read_text().count("equality test") == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "micro").write_text("a file")
    with pytest.raises(StoreError, match="cannot write to"):
        put_beside({"micro/main.cc": "int main() {}"}, tmp_path)
