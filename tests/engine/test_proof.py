"""The proof of delivered files in a build: for whom, of what, and where it goes; on fakes that write bytes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import fakes
from building import FakeBuild, change
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import Drift, RecipeError, StoreError
from tflbuild.core.export import Export
from tflbuild.core.recipe import Recipe, RunOptions
from tflbuild.core.runtime import RUNTIMES, Runtime
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.build import Outcome
from tflbuild.engine.proof import Samples, runtime_for, unpack
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.pages.links import links_of


@pytest.fixture(autouse=True)
def npu(only_fakes: None) -> None:
    class Npu(Target):
        executes = False
        compiles = True

        def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
            return model.path.read_bytes() + b"npu", {}

    TARGETS.declare("fake_npu")(Npu)


@pytest.fixture
def proving(recipe: Recipe) -> Recipe:
    return replace(recipe, export=Export(samples=3))


def samples_of(outcome: Outcome, target: str = "any") -> dict[str, Any]:
    (given,) = (one for one in outcome.report["targets"] if one["name"] == target)
    found: dict[str, Any] = given["samples"]
    return found


def index_of(outcome: Outcome, target: str = "any") -> dict[str, Any]:
    path = outcome.report.folder / samples_of(outcome, target)["path"] / "samples.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_recipe_that_wants_no_samples_has_none(recipe: Recipe, build_here: FakeBuild) -> None:
    outcome = build_here(recipe)
    assert "samples" not in outcome.report["targets"][0]
    assert not (outcome.report.folder / "samples").exists()


def test_samples_of_the_test_split_lie_beside_the_file(
    proving: Recipe, build_here: FakeBuild, log: Path
) -> None:
    outcome = build_here(proving)
    folder = outcome.report.folder
    said = samples_of(outcome)
    assert (said["path"], said["n"], said["kernels"], said["embedded"]) == ("samples", 3, "fake", False)
    assert index_of(outcome)["keys"] == ["test0", "test2", "test3"], "3 of 4, evenly over the split"
    assert index_of(outcome)["delivered"] == digest.of_file(folder / "model.tflite")
    assert (folder / "samples/000/input_0.bin").read_bytes() == b"pixels"
    assert log.read_text().count("samples test 3 of 4") == 1
    again = build_here(proving)
    assert log.read_text().count("samples test") == 1, "the second build takes them from the store"
    assert samples_of(again) == said
    addresses = dict(links_of(folder, outcome.report.content).files)
    assert addresses["samples/samples.json"] == "samples with the outputs of the model for any"
    lines = outcome_lines(outcome.report.content, "F")
    assert "  3 samples with outputs of fake kernels beside the file: samples/" in lines


def test_every_target_has_its_own_samples(proving: Recipe, build_here: FakeBuild) -> None:
    both = {"any": fakes.FakeTarget(), "small": fakes.FakeCompiler(), "npu": TARGETS.get("fake_npu")()}
    outcome = build_here(replace(proving, targets=both))
    paths = {name: samples_of(outcome, name)["path"] for name in both}
    assert paths == {"any": "any/samples", "small": "small/samples", "npu": "npu/samples"}
    for name in both:
        found = index_of(outcome, name)
        (given,) = (one for one in outcome.report["targets"] if one["name"] == name)
        assert found["delivered"] == given["sha256"]
    last = outcome.report["passes"][-1]["output"]
    assert index_of(outcome, "small")["model"] == index_of(outcome, "small")["delivered"]
    assert index_of(outcome, "npu")["model"] == last, (
        "what cannot be executed has the outputs of what it was made of"
    )


def test_a_file_with_samples_in_it_is_what_is_delivered_and_measured(
    proving: Recipe, build_here: FakeBuild
) -> None:
    plain = build_here(proving).report["targets"][0]
    outcome = build_here(replace(proving, export=Export(samples=3, embed=True)))
    given = outcome.report["targets"][0]
    content = (outcome.report.folder / "model.tflite").read_bytes()
    assert content.endswith(b"\n\n")
    assert given["sha256"] == digest.of_bytes(content) != plain["sha256"]
    assert given["samples"]["embedded"] is True
    assert given["metrics"]["file_bytes"]["value"] == len(content)
    assert given["metrics"]["score"]["value"] == plain["metrics"]["score"]["value"]
    assert "beside the file and in it" in "\n".join(outcome_lines(outcome.report.content, "F"))


def test_another_number_of_samples_or_another_tolerance_is_computed_anew(
    proving: Recipe, build_here: FakeBuild, log: Path
) -> None:
    for export in (
        Export(samples=3),
        Export(samples=2),
        Export(samples=3, relative=0.5),
        Export(samples=100),
    ):
        build_here(replace(proving, export=export))
    counts = [line for line in log.read_text().splitlines() if line.startswith("samples")]
    assert counts == [
        "samples test 3 of 4",
        "samples test 2 of 4",
        "samples test 3 of 4",
        "samples test 4 of 4",
    ]


def test_a_lock_holds_the_samples(
    proving: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    proving = replace(proving, mapping={**proving.mapping, "export": {"samples": 3}})
    outcome = build_here(proving)
    lock = outcome.report.folder / "recipe.lock.yaml"
    said = yaml.safe_load(lock.read_text())
    assert said["targets"]["any"]["samples"] == samples_of(outcome)
    assert said["resolved"]["export"] == {"samples": 3}
    locked = replace(proving, run=RunOptions(locked=str(lock)))
    assert build_here(locked).error is None
    said["targets"]["any"]["samples"]["sha256"] = "a" * 64
    lock.write_text(yaml.safe_dump(said))
    error = build_here(locked).error
    assert isinstance(error, Drift)
    assert "any: samples" in str(error)
    assert "locked is aaaa" in str(error)


def test_a_lock_from_before_there_were_samples_is_none_that_drifts(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    outcome = build_here(recipe)
    lock = outcome.report.folder / "recipe.lock.yaml"
    nothing = {"export": {"samples": 0, "embed": False, "steps": None, "relative": None}}
    locked = replace(recipe, mapping={**recipe.mapping, **nothing}, run=RunOptions(locked=str(lock)))
    assert build_here(locked).error is None


def test_no_step_sees_another_key_for_samples(recipe: Recipe, proving: Recipe, build_here: FakeBuild) -> None:
    first, second = build_here(recipe), build_here(proving)
    actions = [[step["action"] for step in outcome.report["passes"]] for outcome in (first, second)]
    assert actions[0] == actions[1]
    assert all(step["cached"] for step in second.report["passes"])


def test_a_build_over_its_budget_leaves_no_samples(proving: Recipe, build_here: FakeBuild) -> None:
    from building import drop

    outcome = build_here(
        replace(change(proving, "prune", options=fakes.FakePrune(cost=0.5)), limits=(drop(0.1),))
    )
    assert outcome.report.status == "over_budget"
    assert not (outcome.report.folder / "samples").exists()


@dataclass(frozen=True, kw_only=True)
class Two(Runtime):
    kinds = ("TFLiteModel",)
    usual = True
    kernels: str = "fast"

    def others(self) -> Mapping[str, Runtime]:
        return {name: Two(kernels=name) for name in ("fast", "exact") if name != self.kernels}


def test_a_target_names_the_kernels_that_compute_as_it_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(RUNTIMES, "_classes", {"two": Two})
    monkeypatch.setattr(RUNTIMES, "items", lambda: [("two", Two)], raising=False)
    model = TFLiteModel(path=tmp_path, digest="", fingerprint="")

    class Exact(Target):
        kernels = "exact"

    class Wrong(Target):
        kernels = "slow"

    assert runtime_for(fakes.FakeTarget(), model) == Two()
    assert runtime_for(Exact(), model) == Two(kernels="exact")
    with pytest.raises(RecipeError, match="its kernels 'slow' are not those of"):
        runtime_for(Wrong(), model)


def test_an_archive_that_was_damaged_or_leads_elsewhere_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "samples.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside", b"x")
    samples = Samples(archive=path, sha256=digest.of_file(path), said={}, embedded=False)
    with pytest.raises(StoreError, match="names a file outside of its folder"):
        unpack(samples, tmp_path / "in")
    assert not (tmp_path / "outside").exists()
    with pytest.raises(StoreError, match="was damaged during the build"):
        unpack(replace(samples, sha256="a" * 64), tmp_path / "in")


def test_unpacking_leaves_nothing_of_earlier_samples(tmp_path: Path) -> None:
    path = tmp_path / "samples.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("000/input_0.bin", b"x")
    (tmp_path / "in/007").mkdir(parents=True)
    (tmp_path / "in/007/input_0.bin").write_bytes(b"old")
    unpack(Samples(archive=path, sha256=digest.of_file(path), said={}, embedded=False), tmp_path / "in")
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["000"]
