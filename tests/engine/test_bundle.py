"""A bundle, field by field, and what is said of a pass that is run again by it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

import fakes
from at_once import AtOnce
from building import FakeBuild, drop, steps
from tflbuild.core import digest, toolchain
from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.recipe import Recipe, WorkerOptions
from tflbuild.engine import bundle as module
from tflbuild.engine.bundle import environment, read_bundle, run_bundle
from tflbuild.engine.prepare import prepare
from tflbuild.engine.workers.worker import Reply, Worker


@pytest.fixture
def failing(recipe: Recipe) -> Recipe:
    """Give a recipe whose last pass reads earlier steps, judges, and fails."""
    limits = (drop(0.15, since="train"), drop(0.25))
    mixed = fakes.FakeMixed(fails=True)
    made = {**recipe.steps, **steps(mixed, mixed={"limits": limits, "timeout": 11.0})}
    return replace(
        recipe,
        steps=made,
        pipeline=("train", "prune", "convert", "mixed"),
        seed=5,
        device="gpu",
        worker=WorkerOptions(threads=3),
        overrides=("seed=5",),
        mapping={"recipe": "fake", "seed": 5, "twice": [["a"]] * 2},
        plugins=Path("plugins"),
    )


def test_a_bundle_holds_what_the_failed_pass_was_given(
    failing: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cpu_name", lambda: "this processor")
    report = build_here(failing).report
    train, _, convert, mixed = report["passes"]
    text = (report.folder / "reproduce.yaml").read_text()
    content = yaml.safe_load(text)
    assert "&" not in text.replace("&&", ""), "no anchors: our own reader refuses aliases"
    assert read_bundle(report.folder) == content
    told = {key: content[key] for key in ("schema", "command", "error", "action", "recipe")}
    assert told == {
        "schema": "tflbuild.reproduce/1",
        "command": f"tflbuild reproduce {report.folder}",
        "error": "pass 'mixed' failed: ValueError: nothing holds the budget",
        "action": mixed["action"],
        "recipe": {
            "resolved": {"recipe": "fake", "seed": 5, "twice": [["a"], ["a"]]},
            "overrides": ["seed=5"],
            "plugins": "plugins",
        },
    }
    assert content["pass"] == {
        "label": "mixed",
        "name": "fake_mixed",
        "options": {"costs": [0.2, 0.1, 0.0], "fails": True},
    }
    assert digest.of_json(content["causes"]) == content["action"]
    assert (content["input"]["kind"], content["input"]["digest"]) == ("TFLiteModel", convert["output"])
    assert content["input"]["path"] == str(failing.store / "blobs" / convert["output"])
    assert content["input"]["meta"] == {"facts": fakes.FACTS}
    assert [{k: v for k, v in held.items() if k != "baseline"} for held in content["held"]] == [
        {"metric": "score", "max_drop": 0.15, "since": "train"},
        {"metric": "score", "max_drop": 0.25},
    ]
    assert [held["baseline"]["digest"] for held in content["held"]] == [train["output"], convert["output"]]
    assert {key: content["environment"][key] for key in ("device", "threads", "seed", "cpu")} == {
        "device": "gpu",
        "threads": 3,
        "seed": 5,
        "cpu": "this processor",
    }
    assert content["environment"]["toolchain"] == {"tflbuild": toolchain.version("tflbuild")}
    assert content["environment"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert os.uname().machine in content["environment"]["platform"]


def again(content: dict[str, Any], recipe: Recipe, here: AtOnce) -> tuple[Reply, list[str]]:
    said: list[str] = []
    prepared = prepare(recipe, names=fakes.NAMES)
    worker = cast(Worker, here)
    answer = run_bundle(content, prepared, worker, lambda done, total, note: None, said.append)
    prepared.store.close()
    return answer, said


def test_a_bundle_gives_the_pass_again_what_it_was_given(
    failing: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    content = read_bundle(build_here(failing).report.folder)
    first = [
        arguments
        for (_, name, _), arguments in zip(here.asked, here.arguments, strict=True)
        if name == "run_pass"
    ][-1]
    here.asked.clear()
    here.timeouts.clear()
    with pytest.raises(PassError, match="pass 'mixed' failed: ValueError: nothing holds the budget"):
        again(content, failing, here)
    assert here.asked == [("tensorflow", "run_pass", "pass 'mixed'")]
    assert here.timeouts == [11.0]
    second = here.arguments[-1]
    assert second[:2] == first[:2]
    assert replace(second[2], staging=Path(), checkpoints=Path()) == replace(
        first[2], staging=Path(), checkpoints=Path()
    )
    assert [held.limit.bound for held in second[2].held] == [0.15, 0.25]
    assert (second[2].label, second[2].seed, second[2].strict) == ("mixed", 5, False)
    assert second[2].checkpoints == second[2].staging / "checkpoints"
    assert not second[2].staging.exists()


def test_a_model_that_a_pass_read_is_found_again(recipe: Recipe, build_here: FakeBuild, here: AtOnce) -> None:
    made = {**recipe.steps, **steps(fakes.FakeTeach())}
    wanted = replace(recipe, steps=made, pipeline=("train", "prune", "teach", "convert", "quantize"))

    def refuse(self: Any, model: Any, ctx: Any) -> Any:
        raise ValueError(f"taught by {fakes.score_of(ctx.model('train').path)}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fakes.FakeTeach, "run", refuse)
        patch.setattr("tflbuild.engine.workers.worker_process.kinds_of", lambda cls: (None, object))
        for room in ("plan", "checks", "order", "kinds"):
            patch.setattr(f"tflbuild.engine.{room}.kinds_of", kinds_of_teach)
        patch.setattr("tflbuild.engine.keys.kinds_of", kinds_of_teach)
        outcome = build_here(wanted)
        content = read_bundle(outcome.report.folder)
        assert content["models"]["train"]["digest"] == outcome.report["passes"][0]["output"]
        with pytest.raises(PassError, match=r"taught by 0\.9"):
            again(content, wanted, here)


def kinds_of_teach(cls: Any) -> Any:
    from tflbuild.core.artifact import KerasModel
    from tflbuild.core.compiler_pass import kinds_of

    return (KerasModel, KerasModel) if cls is fakes.FakeTeach else kinds_of(cls)


def test_every_difference_from_then_is_said(
    failing: Recipe, build_here: FakeBuild, here: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read_bundle(build_here(failing).report.folder)
    then = content["environment"]
    now = environment(failing)
    then |= {"python": "3.0", "cpu": "old", "device": "tpu", "threads": 9, "platform": "x", "seed": 1}
    then["toolchain"] = {"tflbuild": "0.0", "gone": "1", "never": None}
    made = {**failing.steps, "mixed": replace(failing.steps["mixed"], options=fakes.FakeMixed())}
    answer, said = again(content, replace(failing, steps=made), here)
    assert answer.value[0].kind == "TFLiteModel"
    assert said == [
        f"python is {now['python']}, it failed on 3.0",
        f"cpu is {now['cpu']}, it failed on old",
        "device is gpu, it failed on tpu",
        "threads is 3, it failed on 9",
        f"tflbuild is {now['toolchain']['tflbuild']}; it failed with 0.0",
        "gone is None; it failed with 1",
        "its key differs from that of the failed pass: code, data or tools have changed",
    ]


def test_an_input_is_taken_from_where_it_was_if_the_store_has_lost_it(
    failing: Recipe, build_here: FakeBuild, here: AtOnce, tmp_path: Path
) -> None:
    content = read_bundle(build_here(failing).report.folder)
    blob = failing.store / "blobs" / content["input"]["digest"]
    (tmp_path / "kept.tflite").write_bytes(blob.read_bytes())
    content["input"]["path"] = str(tmp_path / "kept.tflite")
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    with pytest.raises(
        RecipeError, match=r"reproduce: the input of 'mixed', TFLiteModel .{12}, is no longer in the store"
    ):
        again(content, failing, here)
    for held in content["held"]:
        held["baseline"]["path"] = content["input"]["path"]
    with pytest.raises(PassError, match="nothing holds the budget"):
        again(content, failing, here)
    assert here.arguments[-1][1].path == tmp_path / "kept.tflite"


def test_a_bundle_of_another_recipe_is_refused(failing: Recipe, build_here: FakeBuild, here: AtOnce) -> None:
    content = read_bundle(build_here(failing).report.folder)
    with pytest.raises(RecipeError, match=r"held\.0 holds 2 limits; expected one"):
        again(content | {"held": [content["held"][0] | {"max_rise": 1.0}]}, failing, here)
    content["pass"]["label"] = "mxied"
    with pytest.raises(RecipeError) as caught:
        again(content, failing, here)
    assert str(caught.value) == (
        "reproduce: pass.label: 'mxied' is not a step of the bundle's recipe; there are train, prune, "
        "convert, quantize, "
        "mixed."
    )


def test_a_total_that_is_exceeded_is_no_step_s_failure(
    recipe: Recipe, build_here: FakeBuild, events: list[Any]
) -> None:
    build_here(replace(recipe, limits=(drop(0.001),)))
    failed = [event.fields for event in events if event.kind == "failed"]
    assert [(f["label"], f["exit_code"], f["command"]) for f in failed] == [("", 5, None)]


def test_who_listens_is_told_of_a_failure_by_its_step_and_exit_code(
    failing: Recipe, recipe: Recipe, build_here: FakeBuild, events: list[Any]
) -> None:
    folder = build_here(failing).report.folder
    failed = [event.fields for event in events if event.kind == "failed"]
    assert failed == [
        {
            "label": "mixed",
            "error": "pass 'mixed' failed: ValueError: nothing holds the budget",
            "command": f"tflbuild reproduce {folder}",
            "exit_code": 4,
        }
    ]
    events.clear()
    build_here(
        replace(
            recipe, steps={**recipe.steps, "prune": replace(recipe.steps["prune"], limits=(drop(0.001),))}
        )
    )
    failed = [event.fields for event in events if event.kind == "failed"]
    assert [(f["label"], f["exit_code"], f["command"]) for f in failed] == [("prune", 5, None)]
    assert [event.fields["status"] for event in events if event.kind == "finished"] == ["over_budget"]


def test_a_model_in_a_bundle_is_found_again_with_all_that_it_said(recipe: Recipe) -> None:
    prepared = prepare(recipe, names=fakes.NAMES)
    blob = prepared.store.blob(digest.of_bytes(b"model"))
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"model")
    model = KerasModel(path=blob, digest=blob.name, fingerprint="its own", meta={"facts": fakes.FACTS})
    written = module._written(model)
    assert written == {
        "kind": "KerasModel",
        "digest": blob.name,
        "fingerprint": "its own",
        "path": str(blob),
        "meta": {"facts": fakes.FACTS},
    }
    found = module._found(written, {"pass": {"label": "thin"}}, prepared)
    assert (found, type(found)) == (model, KerasModel)
    assert module._found(None, {}, prepared) is module._written(None) is None
