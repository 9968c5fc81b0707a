"""Composing with Hydra's parts against Hydra itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from tflbuild import compose, hydra_app, plugins, recipe_files, recipe_text
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import RecipeError
from tflbuild.declared_source import PRIMARY

PRUNE = "prune.sparsity=0.7"
CASES = [
    *([f"recipe={name}"] for name in ("ssd_mobilenet_int8", "ssd_mobilenet_qat", "mobilenet_v1_int8")),
    ["recipe=ssd_mobilenet_int8", PRUNE, "model.input_size=128", "data=coco", "data.root=here"],
    ["recipe=ssd_mobilenet_int8", "target=[cpu,ethos_u55]", "+passes@qat=qat", "qat.after=[prune]"],
    ["recipe=ssd_mobilenet_int8", "~passes@prune", "pipeline=[train,convert]", "budget.size.max=800_000"],
    ["recipe=ssd_mobilenet_int8", "prune.budget.map=null", "quantize.budget={map50: {max_drop: 0.1}}"],
    ["recipe=ssd_mobilenet_int8", "description=${oc.env:TFLBUILD_NAME,none}", "++seed=3", "train.epochs=1"],
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)


def by_hydra(overrides: list[str]) -> dict[str, Any]:
    compose.register()
    Plugins.instance().register(hydra_app.SearchPath)
    GlobalHydra.instance().clear()
    with hydra.initialize(config_path=None, version_base="1.3"):
        config = hydra.compose(PRIMARY, overrides, return_hydra_config=True)
    name = config.hydra.runtime.choices.recipe
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    mapping: Any = OmegaConf.to_container(config, resolve=True)
    return {"recipe": name, **mapping}


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_it_gives_what_hydra_gives(overrides: list[str]) -> None:
    ours, theirs = compose.compose(overrides), by_hydra(overrides)
    assert ours == theirs
    assert list(ours) == list(theirs)


@pytest.mark.parametrize(
    "path", sorted(recipe_files.packaged_recipes().rglob("*.yaml")), ids=lambda p: p.stem
)
def test_shipped_files_are_read_as_omegaconf_reads_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert recipe_text.parsed(text, path) == OmegaConf.to_container(OmegaConf.create(text), resolve=False)


def test_odd_yaml_is_read_as_omegaconf_reads_it() -> None:
    text = "a: 1e-3\nb: 2024-01-02\nc: 0o17\nd: yes\ne: '1e3'\nf: ~\ng: [.5, 1_000, +1, .inf]\nh: ${a}\ni: {j: é}"
    assert recipe_text.parsed(text, Path("odd.yaml")) == OmegaConf.to_container(
        OmegaConf.create(text), resolve=False
    )
    for wrong in ("a: 1\na: 2", "a: [1", "a: !!python/name:os.system"):
        with pytest.raises(RecipeError, match=r"odd\.yaml, line \d cannot be read: "):
            recipe_text.parsed(wrong, Path("odd.yaml"))
        with pytest.raises(yaml.YAMLError):
            OmegaConf.create(wrong)


def test_a_pass_that_is_declared_anew_is_composed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    compose.compose(CASES[0])
    prune = PASSES.get("prune")
    other = dataclasses.make_dataclass(
        "Prune", [("strength", float, 0.5)], bases=(prune,), kw_only=True, frozen=True
    )
    other.name = "prune"
    monkeypatch.setitem(PASSES._classes, "prune", other)
    assert compose.compose(CASES[0])["prune"]["strength"] == 0.5


def test_an_empty_mapping_takes_any_key_in_the_order_of_the_recipe() -> None:
    typed = ["recipe=ssd_mobilenet_int8", "prune.layers={class_*: 0.25, *: 0.5}"]
    assert list(compose.compose(typed)["prune"]["layers"].items()) == [("class_*", 0.25), ("*", 0.5)]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("recipe=ssd_mobilenet_int8 prune.budget.map.max_d", "prune.budget.map.max_drop="),
        ("recipe=ssd_mobilenet_in", "recipe=ssd_mobilenet_int8"),
        ("recipe=ssd_mobilenet_int8 model=ssd", "model=ssd_mobilenet_v1"),
    ],
)
def test_completion_offers_what_can_be_set(typed: str, offered: str) -> None:
    line = f"tflbuild {typed}"
    words = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": str(len(line.split()) - 1)}
    environment = {**os.environ, **words, "COMP_KEY": "9", "COMP_TYPE": "9"}
    command = [sys.executable, "-m", "tflbuild", "-sc", "query=bash"]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert offered in found.split()
