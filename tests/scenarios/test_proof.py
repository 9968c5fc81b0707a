"""`--locked`, `verify`, `reproduce` and `bisect` as a user runs them, on a real build that other files share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from small_detector import INT8
from workspace import Workspace

pytestmark = pytest.mark.slow

BROKEN = """
from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass


@compiler_pass("fragile")
class Fragile(Pass):
    \"\"\"Fail while `broken` is there.\"\"\"

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        from pathlib import Path

        ctx.log("looking for it")
        if Path("broken").exists():
            raise ValueError("it is broken")
        return ctx.emit(TFLiteModel, model.path.read_bytes())
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("proof"), trained)
    made.build(*INT8)
    return made


@pytest.fixture(scope="module")
def run(here: Workspace) -> Path:
    return (here.folder / "outputs" / "ssd_mobilenet_int8" / "latest").resolve()


def test_a_locked_build_that_did_not_drift_is_built(here: Workspace, run: Path) -> None:
    report = here.build(*INT8, "--locked")
    assert report["status"] == "built"
    assert report["locked"] == str(run / "recipe.lock.yaml")


def test_a_locked_build_names_what_drifted(here: Workspace, run: Path) -> None:
    lock = f"locked={run / 'recipe.lock.yaml'}"
    said = here.run(*INT8, "data.train=323", "prune.sparsity=0.6", lock, code=7)
    assert "data.train is 323, locked is 320" in said
    assert "prune.sparsity is 0.6, locked is 0.5" in said
    assert "data.train content changed" in said


def test_a_lock_beside_the_recipe_is_found(here: Workspace, run: Path) -> None:
    recipes = here.folder / "recipes"
    recipes.mkdir()
    (recipes / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [ssd_mobilenet_int8, _self_]\nprune: {sparsity: 0.6}\n"
    )
    (recipes / "mine.lock.yaml").write_text((run / "recipe.lock.yaml").read_text())
    said = here.run("recipe=mine", *INT8[1:], "--locked", code=7)
    assert "mine.lock.yaml: " in said
    assert "prune.sparsity is 0.6, locked is 0.5" in said
    assert "mine.lock" not in here.run("list", "recipes")


def test_verify_measures_the_shipped_file_again(here: Workspace, run: Path) -> None:
    said = here.run("verify", str(run))
    assert "ok     cpu: map " in said
    assert "ok     cpu: sha256 " in said
    assert said.rstrip().endswith("the file agrees with its lock")


def test_verify_refuses_an_altered_file_and_a_false_claim(here: Workspace, run: Path, tmp_path: Path) -> None:
    for name in ("model.tflite", "recipe.lock.yaml"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with (tmp_path / "model.tflite").open("ab") as file:
        file.write(bytes(16))
    assert "DRIFT  cpu: sha256" in here.run("verify", str(tmp_path), code=7)
    (tmp_path / "model.tflite").write_bytes((run / "model.tflite").read_bytes())
    lock = yaml.safe_load((tmp_path / "recipe.lock.yaml").read_text())
    lock["targets"]["cpu"]["metrics"]["map"]["value"] += 0.001
    (tmp_path / "recipe.lock.yaml").write_text(yaml.safe_dump(lock))
    said = here.run("verify", str(tmp_path), code=7)
    assert "cpu: map is " in said
    (tmp_path / "model.tflite").unlink()
    assert "cpu: file is missing" in here.run("verify", str(tmp_path), code=7)
    assert "cannot be read as a lock" in here.run("verify", str(here.folder), code=2)


def test_the_bundle_of_a_failed_pass_runs_it_alone(here: Workspace) -> None:
    (here.folder / "plugins").mkdir()
    (here.folder / "plugins" / "fragile.py").write_text(BROKEN)
    (here.folder / "broken").touch()
    pipeline = "pipeline=[train,prune,convert,quantize,fragile]"
    said = here.run(*INT8, "+passes@fragile=fragile", pipeline, code=4)
    command = next(line for line in said.splitlines() if "to run only the failed pass" in line)
    words = command.partition(": tflbuild ")[2].split()
    again = here.run(*words, code=4)
    assert "fragile failed with: pass 'fragile' failed: ValueError: it is broken" in again
    assert "looking for it" in again
    (here.folder / "broken").unlink()
    assert "fragile: it succeeded this time" in here.run(*words)


def test_bisect_says_what_each_pass_cost(here: Workspace) -> None:
    said = here.run("bisect", *INT8, "metric=map", "max_drop=0.5")
    assert "lost since train" in said
    assert "no pass lost the budget of 0.5000; " in said


def test_a_run_can_stop_after_a_pass_and_print_times(here: Workspace) -> None:
    said = here.run(*INT8, "stop_after=prune", "--time-passes")
    assert "stopped after prune: a KerasModel of " in said
    assert "in sum" in said


def test_samples_that_the_file_brings_are_replayed_by_the_processor_alike(here: Workspace) -> None:
    """The steps are in the store, so that only the delivery is made: the file brings its samples, and replays equal."""
    report = here.build(*INT8, "export.samples=3", "export.embed=true")
    assert {step["outcome"] for step in report["passes"]} == {"cached"}
    (target,) = report["targets"]
    made = (here.folder / "outputs" / "ssd_mobilenet_int8" / "latest").resolve()
    index = json.loads((made / target["samples"]["path"] / "samples.json").read_text())
    assert len(index["samples"]) == target["samples"]["n"] == 3
    replayed = here.run("verify", str(made), "--on", "cpu")
    assert "3 samples" in replayed
    alone = here.folder / "app.tflite"
    alone.write_bytes((made / target["path"]).read_bytes())
    assert "3 samples" in here.run("verify", str(alone), "--on", "cpu")
