"""Composing with Hydra's parts against Hydra itself."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import hydra
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from tflbuild import plugins
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS
from tflbuild.recipe import compose, declared_source
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe import text as recipe_text
from tflbuild.recipe.declared_source import DECLARED, PRIMARY, root_node
from tflbuild.recipe.flat_source import RecipeSearchPath

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


class SearchPath(RecipeSearchPath):
    """Recipes and declarations on the path of Hydra's own composer."""

    def manipulate_search_path(self, search_path: Any) -> None:
        super().manipulate_search_path(search_path)
        search_path.append(provider="tflbuild", path=DECLARED)


def by_hydra(overrides: list[str]) -> dict[str, Any]:
    compose.register()
    GlobalHydra.instance().clear()
    known = Plugins.instance().plugin_type_to_subclass_list
    theirs = [cls for cls in known[SearchPathPlugin] if not issubclass(cls, RecipeSearchPath)]
    with (
        mock.patch.dict(known, {SearchPathPlugin: [*theirs, SearchPath]}),
        hydra.initialize(config_path=None, version_base="1.3"),
    ):
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


def test_a_variable_that_is_set_and_empty_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["recipe=ssd_mobilenet_int8", "description=${oc.env:TFLBUILD_NAME,none}"]
    monkeypatch.setenv("TFLBUILD_NAME", "")
    assert compose.compose(words)["description"] == ""
    monkeypatch.delenv("TFLBUILD_NAME")
    assert compose.compose(words)["description"] == "none"


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


def test_yaml_is_read_alike_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1e-3\nb: 2024-01-02\nc: 0o17\nd: yes\ne: &x [.5, 1_000]\nf: *x"
    by_libyaml = recipe_text.fast_loader()
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    recipe_text.fast_loader.cache_clear()
    try:
        by_python = recipe_text.fast_loader()
    finally:
        recipe_text.fast_loader.cache_clear()
    assert issubclass(by_libyaml, yaml.CSafeLoader)
    assert not issubclass(by_python, yaml.CSafeLoader)
    assert yaml.load(text, by_libyaml) == yaml.load(text, by_python) == OmegaConf.create(text)


def test_a_pass_that_is_declared_anew_is_composed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_tilde_is_written_out_in_values_of_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    given = {"a": "~", "b": ["~/x", {"c": "~/y", "~/d": "x~/y"}], "e": "~x", "f": None, "g": 7, "h": True}
    assert compose.at_home(given) == {
        "a": "/home/me",
        "b": ["/home/me/x", {"c": "/home/me/y", "~/d": "x~/y"}],
        "e": "~x",
        "f": None,
        "g": 7,
        "h": True,
    }


@pytest.mark.parametrize("name", ["HOME", "USER", "PWD", "TMPDIR", "TFLBUILD_X"])
def test_a_recipe_may_read_a_little_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "set")
    assert compose._environment(name, "other") == "set"
    monkeypatch.delenv(name)
    assert compose._environment(name, "other") == "other"
    assert compose._environment(name) is None


@pytest.mark.parametrize("name", ["AWS_SECRET", "PATH", "XTFLBUILD_X", "TFLBUILD", ""])
def test_a_recipe_may_not_read_the_rest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError) as caught:
        compose._environment(name, "x")
    assert str(caught.value) == (
        f"oc.env:{name}: a recipe may read HOME, USER, PWD, TMPDIR and TFLBUILD_* of the environment only."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    needed: int
    zero: int = 0
    nothing: str | None = None
    names: tuple[str, ...] = ("a",)
    loose: dict[str, Any] = dataclasses.field(default_factory=dict)


def test_a_step_may_say_its_keys_and_the_options_of_its_pass() -> None:
    node = declared_source.step_node("mine", Options, {"top1": None})  # type: ignore[arg-type]
    loose = node.pop("loose")
    assert node == {
        "pass": "mine",
        "enabled": True,
        "after": [],
        "budget": {"top1": None},
        "on_breach": "fail",
        "fallback": [],
        "timeout": None,
        "needed": "???",
        "zero": 0,
        "nothing": None,
        "names": ["a"],
    }
    loose["any key"] = 1


def test_limits_have_a_node_for_every_metric_and_form() -> None:
    nodes = declared_source.limit_nodes()
    assert set(nodes) == set(METRICS)
    forms = {"min", "max", "max_drop", "max_rise", "max_relative_drop", "since", "on"}
    assert all(node == dict.fromkeys(forms) for node in nodes.values())


def test_root_keys_have_the_defaults_of_the_typed_recipe() -> None:
    from tflbuild.core.recipe import Recipe, RunOptions, WorkerOptions
    from tflbuild.recipe.keys import RootOptions

    root = root_node()
    known = {field.name for field in dataclasses.fields(RootOptions)}
    assert set(root) == known - {"recipe"} | {"budget", "hooks", "analyses"}
    plain = {field.name: field.default for field in dataclasses.fields(Recipe)}
    for key in ("description", "seed", "device", "strict"):
        assert root[key] == plain[key]
    assert root["worker"] == dataclasses.asdict(WorkerOptions())
    for key in ("stop_after", "keep_intermediate", "time_passes", "tensorboard"):
        assert root[key] == getattr(RunOptions(), key)
    assert root["locked"] is False
    assert [root[key] for key in ("pipeline", "seeds", "objective")] == [[], [], []]
    assert [root[key] for key in ("budget", "hooks")] == [{}, {}]
    micro = root["preprocess"].pop("micro")
    assert {*root["preprocess"].values(), *micro.values()} == {None}
    assert root["analyses"] is None, "which a list or a mapping may take the place of"
    assert root["outputs"] == "outputs"


def test_the_environment_may_say_where_results_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLBUILD_STORE", "/kept")
    monkeypatch.setenv("TFLBUILD_REMOTE", "s3://x")
    assert compose.compose(CASES[0])["store"] == {"path": "/kept", "remote": "s3://x", "shared": None}
    monkeypatch.delenv("TFLBUILD_STORE")
    monkeypatch.delenv("TFLBUILD_REMOTE")
    assert compose.compose(CASES[0])["store"] == {"path": None, "remote": None, "shared": None}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("analyses=[a]", ["a"]),
        ("analyses={a: {b: 1}}", {"a": {"b": 1}}),
        ("+analyses.a.b=1", {"a": {"b": 1}}),
        ("analyses=null", None),
        ("seed=1", None),
    ],
)
def test_analyses_are_typed_as_a_list_or_as_a_mapping(typed: str, expected: Any) -> None:
    assert compose.compose([*CASES[0], typed])["analyses"] == expected


def test_hooks_that_are_null_are_none() -> None:
    assert compose.compose([*CASES[0], "hooks=null"])["hooks"] == {}


def test_a_text_in_the_place_of_a_step_is_shown_in_60_letters() -> None:
    with pytest.raises(RecipeError) as caught:
        compose.compose([*CASES[0], f"prune={'x' * 100}"])
    assert str(caught.value) == f"prune: {'x' * 59}… is not a mapping of the step's options."
