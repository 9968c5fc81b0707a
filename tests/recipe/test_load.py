"""From a composed mapping to a typed recipe; the mapping here is written by hand, so that nothing is composed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bare_passes import Convert, Load, Quantize, Take
from tflbuild import plugins
from tflbuild.core.analysis import ANALYSES, Analysis
from tflbuild.core.architecture import ARCHITECTURES, Architecture
from tflbuild.core.artifact import KerasModel
from tflbuild.core.budget import Limit
from tflbuild.core.compiler_pass import PASSES, Pass, PassContext
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.errors import PluginError, RecipeError
from tflbuild.core.export import Export
from tflbuild.core.form import check, fields
from tflbuild.core.hook import HOOKS, Hook, Unmade
from tflbuild.core.metric import METRICS, Metric
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe, RunOptions, WorkerOptions
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.report_form import RECIPE
from tflbuild.modalities.image.augment import Augment
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe import load as module
from tflbuild.recipe.composition_errors import NoSuchChoice
from tflbuild.recipe.keys import RootOptions
from tflbuild.recipe.load import load_recipe, recipe_of, thaw


@dataclass(frozen=True, kw_only=True)
class Net(Architecture):
    name = "net"
    size: int = 8
    path: str = ""

    def check(self) -> None:
        if self.size < 4:
            raise ValueError(f"size: {self.size} is too small; 4 or more.")

    def files(self) -> tuple[Path, ...]:
        return (Path(self.path),) if self.path else ()

    def starts(self) -> Pass | None:
        return (Take() if self.path.endswith(".tflite") else Load()) if self.path else None

    def preprocess(self) -> Mapping[str, Any]:
        return {"scale": 0.25, "offset": 0.0} if self.path else {}


@dataclass(frozen=True, kw_only=True)
class Photos(Dataset):
    name = "photos"
    root: str = "photos"


@dataclass(frozen=True, kw_only=True)
class Board(Target):
    name = "board"
    clock: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Train(Pass):
    name = "train"
    init: str = "scratch"
    rate: float = 0.5

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Layers(Analysis):
    name = "layers"
    samples: int = 16

    def check(self) -> None:
        if self.samples > 100:
            raise ValueError(f"samples: {self.samples} are too many; 100 at most.")

    def run(self, models: Any, ctx: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ByItself(Analysis):
    name = "by_itself"


@dataclass(frozen=True, kw_only=True)
class Telling(Hook):
    name = "telling"
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Failing(Hook):
    name = "failing"

    def __post_init__(self) -> None:
        raise SystemExit("no tool")


@dataclass(frozen=True, kw_only=True)
class Picky(Hook):
    name = "picky"

    def __post_init__(self) -> None:
        raise RecipeError("hooks.picky: not so")


@dataclass(frozen=True, kw_only=True)
class Logs(Hook):
    name = "tensorboard"

    often: bool = False


@pytest.fixture(autouse=True)
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare one of everything, and nothing else."""
    declared = {
        PASSES: {"train": Train, "load": Load, "take": Take, "convert": Convert, "quantize": Quantize},
        ARCHITECTURES: {"net": Net},
        DATASETS: {"photos": Photos},
        TARGETS: {"board": Board},
        HOOKS: {"telling": Telling, "failing": Failing, "picky": Picky, "tensorboard": Logs},
        ANALYSES: {"layers": Layers, "by_itself": ByItself},
        METRICS: {"map": Metric, "size": Metric},
    }
    for registry, classes in declared.items():
        monkeypatch.setattr(registry, "_classes", classes)
    monkeypatch.setattr(recipe_files, "packaged_recipes", lambda: tmp_path / "none")
    monkeypatch.chdir(tmp_path)


MAPPING: dict[str, Any] = {
    "recipe": "mine",
    "description": "a test",
    "pipeline": ["fit"],
    "seed": 0,
    "device": "cpu",
    "strict": False,
    "store": {"path": None, "remote": None, "shared": None},
    "outputs": "outputs",
    "worker": {},
    "seeds": [],
    "objective": [],
    "locked": False,
    "stop_after": None,
    "keep_intermediate": False,
    "time_passes": False,
    "tensorboard": False,
    "hooks": {},
    "budget": {},
    "model": {"type": "net"},
    "data": {"type": "photos"},
    "target": {"a": {"type": "board"}},
    "fit": {"pass": "train"},
}


def made(*overrides: str, **changes: Any) -> Recipe:
    return recipe_of(MAPPING | changes, list(overrides), None)


def refused(*overrides: str, **changes: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        made(*overrides, **changes)
    return str(caught.value)


PLAIN = Photos(preprocess=ImageModality().to_json(), augment=to_json(Augment()))
CHANGES: dict[str, tuple[Any, str, Any]] = {
    # key: (what is said of it, the field where it arrives, as what)
    "recipe": ("folder/other", "name", "folder/other"),
    "description": ("", "description", ""),
    "pipeline": ([], "pipeline", ()),
    "seed": (2**31 - 1, "seed", 2**31 - 1),
    "device": ("gpu", "device", "gpu"),
    "strict": (True, "strict", True),
    "seeds": ([0, 3], "seeds", (0, 3)),
    "objective": (["size"], "objective", ("size",)),
    "locked": ("a.lock.yaml", "run", RunOptions(locked="a.lock.yaml")),
    "stop_after": ("fit", "run", RunOptions(stop_after="fit")),
    "keep_intermediate": (True, "run", RunOptions(keep_intermediate=True)),
    "time_passes": (True, "run", RunOptions(time_passes=True)),
    "tensorboard": (True, "run", RunOptions(tensorboard=True)),
    "worker": (
        {"max_rss": 500, "threads": 1, "evaluators": 1, "checkpoint_seconds": 0},
        "worker",
        WorkerOptions(max_rss=500, threads=1, evaluators=1, checkpoint_seconds=0.0),
    ),
    "export": ({"samples": 8, "embed": True}, "export", Export(samples=8, embed=True)),
    "store": ({"path": None, "remote": "s3://x", "shared": False}, "shared", False),
    "outputs": ("elsewhere", "outputs", Path("elsewhere")),
    "preprocess": ({"scale": 0.25}, "data", replace(PLAIN, preprocess=PLAIN.preprocess | {"scale": 0.25})),
}


def test_a_step_is_not_called_like_a_key_of_every_recipe() -> None:
    assert refused(export={"pass": "train", "samples": 0}) == (
        "export: a step cannot be called so, since 'export' is a key of every recipe; give it another label, e.g. "
        "+passes@another=train."
    )


def test_limits_of_a_list_that_say_nothing_are_left_out() -> None:
    budget = {"size": [{"max": 7, "min": None, "on": "a"}, {"max": None}], "map": [{"max": None}]}
    assert made(budget=budget).mapping["budget"] == {"size": [{"max": 7, "on": "a"}]}


def test_every_key_at_the_root_has_a_row() -> None:
    assert set(CHANGES) == {field.name for field in dataclasses.fields(RootOptions)}


@pytest.mark.parametrize("key", CHANGES)
def test_what_a_key_says_arrives_in_the_recipe(key: str, tmp_path: Path) -> None:
    said, name, expected = CHANGES[key]
    found = getattr(made(**{key: said}), name)
    assert found == (tmp_path / expected if isinstance(expected, Path) else expected)
    assert found != getattr(made(), name)


@pytest.mark.parametrize(
    ("key", "said", "expected"),
    [("seeds", 3, (3,)), ("seeds", 0, (0,)), ("objective", "map", ("map",)), ("pipeline", "fit", ("fit",))],
)
def test_a_single_value_is_a_list_of_it(key: str, said: Any, expected: tuple[Any, ...]) -> None:
    recipe = made(**{key: said})
    assert getattr(recipe, key) == expected
    assert recipe.mapping[key] == list(expected), "as the report has it, and what is built again"


def test_an_objective_is_a_metric() -> None:
    with pytest.raises(RecipeError, match=r"^objective: .*'mapp'.* Did you mean 'map'\?$"):
        made(objective="mapp")


@pytest.mark.parametrize(("key", "said"), [("seeds", True), ("objective", ""), ("seeds", {"a": 1})])
def test_what_is_no_value_is_no_list_of_it(key: str, said: Any) -> None:
    with pytest.raises(RecipeError, match=f"^{key}: "):
        made(**{key: said})


def test_a_recipe_keeps_the_path_by_which_it_was_named() -> None:
    assert made("recipe=conf/mine.yaml", "seed=3").file == "conf/mine.yaml"
    assert made("recipe=mine", "data.root=a/b.yaml").file == ""


def test_places_are_absolute_and_the_store_lies_in_the_outputs_unless_it_is_said(tmp_path: Path) -> None:
    recipe = made(outputs="runs")
    assert (recipe.outputs, recipe.store) == (tmp_path / "runs", tmp_path / "runs" / "store")
    recipe = made(outputs="runs", store={"path": "kept", "remote": "s3://x", "shared": True})
    assert (recipe.store, recipe.remote, recipe.shared) == (tmp_path / "kept", "s3://x", True)
    assert (made().remote, made().shared) == (None, None)


def test_what_is_not_at_the_root_arrives_too() -> None:
    recipe = made(
        "recipe=mine",
        "+passes@fit=train",
        "fit.rate=0",
        budget={"map": {"max_drop": 0}},
        model={"type": "net", "size": 16},
        data={"type": "photos", "root": "x", "max_pixels": 5},
        target={"a": {"type": "board", "clock": 2.0}, "b": None},
        hooks={"telling": {"type": "telling", "url": "u"}, "other": None},
        fit={"pass": "train", "rate": 0.0},
    )
    assert recipe.overrides == ("+passes@fit=train", "fit.rate=0")
    assert recipe.added == ("fit",)
    assert recipe.limits == (Limit(metric="map", form="max_drop", bound=0.0),)
    assert recipe.model == Net(size=16)
    assert (recipe.data.root, recipe.data.max_pixels) == ("x", 5)  # type: ignore[attr-defined]
    assert recipe.targets == {"a": Board(clock=2.0)}
    assert recipe.hooks == {"telling": Telling(url="u")}
    assert recipe.steps["fit"].options == Train(rate=0.0)
    assert recipe.plugins is None
    assert recipe_of(MAPPING, [], Path("p")).plugins == Path("p")


@pytest.mark.parametrize(("locked", "kept"), [(True, "true"), (False, ""), ("", ""), ("true", "true")])
def test_a_lock_is_none_the_recipes_own_or_a_path(locked: Any, kept: str) -> None:
    assert made(locked=locked).run.locked == kept


@pytest.mark.parametrize("key", ["worker", "store", "hooks", "budget"])
def test_a_mapping_that_is_null_says_nothing(key: str) -> None:
    recipe = made(**{key: None})
    assert (recipe.worker, recipe.remote, recipe.hooks, recipe.limits) == (WorkerOptions(), None, {}, ())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"sed": 3}, "sed: there is no such key in a recipe. Did you mean 'seed'?"),
    ({"fitt": {"rate": 1}}, "fitt: there is no such key in a recipe. Did you mean 'fit'?"),
    ({"bud\x1b": 3}, "bud\\x1b: there is no such key in a recipe. Did you mean 'budget'?"),
    ({"model": None}, "model: the recipe chooses none; add '- /model: NAME' to its defaults."),
    ({"data": None}, "data: the recipe chooses none; add '- /data: NAME' to its defaults."),
    ({"target": None}, "target: the recipe chooses none; add '- /target: NAME' to its defaults."),
    ({"outputs": " "}, "outputs: it is empty; name a folder, e.g. outputs=outputs."),
    ({"seed": -1}, "seed: -1 should be greater than or equal to 0."),
    ({"seed": 2**31}, "seed: 2147483648 should be less than or equal to 2147483647."),
    ({"seeds": [0, -1]}, "seeds.1: -1 should be greater than or equal to 0."),
    ({"device": "tpu"}, "device: 'tpu' is not one of cpu, gpu. Did you mean 'gpu'?"),
    ({"worker": {"max_rss": 499}}, "worker.max_rss: 499 should be greater than or equal to 500."),
    (
        {"worker": {"max_rss": 100_000_001}},
        "worker.max_rss: 100000001 should be less than or equal to 100000000.",
    ),
    ({"worker": {"threads": 0}}, "worker.threads: 0 should be greater than or equal to 1."),
    ({"worker": {"threads": 1025}}, "worker.threads: 1025 should be less than or equal to 1024."),
    ({"worker": {"evaluators": 0}}, "worker.evaluators: 0 should be greater than or equal to 1."),
    ({"worker": {"evaluators": 1025}}, "worker.evaluators: 1025 should be less than or equal to 1024."),
    (
        {"worker": {"checkpoint_seconds": -1}},
        "worker.checkpoint_seconds: -1 should be greater than or equal to 0.",
    ),
    (
        {"worker": {"checkpoint_seconds": 10_000_001}},
        "worker.checkpoint_seconds: 10000001 should be less than or equal to 10000000.",
    ),
    (
        {"store": {"pth": 1}},
        "store.pth: there is no such option; there are path, remote, shared. Did you mean 'path'?",
    ),
    ({"target": ["a"]}, "target: ['a'] is not a mapping of targets; write e.g. target=[cpu]."),
    ({"target": {"a": None}}, "target: the recipe is left with none; choose e.g. target=[cpu]."),
    ({"target": {}}, "target: the recipe is left with none; choose e.g. target=[cpu]."),
    *(
        (
            {"target": {"a": {"type": "board"}, "b": empty}},
            f"target.b: {empty!r} is not a choice with its options; it needs a 'type', one of board.",
        )
        for empty in ({}, [], "", 0, False)
    ),
    ({"target": {"a": 7}}, "target.a: 7 is not a choice with its options; it needs a 'type', one of board."),
    (
        {"target": {"../a": {"type": "board"}}},
        "target.../a: '../a' cannot be the name of a file; use letters, ",
    ),
    (
        {"model": {"size": 3}},
        "model: {'size': 3} is not a choice with its options; it needs a 'type', one of net.",
    ),
    ({"model": {"type": "nett"}}, "model.type: there is no model 'nett'; there are net. Did you mean 'net'?"),
    ({"model": {"type": 7}}, "model.type: there is no model '7'; there are net."),
    ({"model": {"type": "net", "size": 3}}, "model.size: 3 is too small; 4 or more."),
    (
        {"model": {"type": "net", "typ": 3}},
        "model.typ: there is no such option; there are size, path. Did you mean ",
    ),
    ({"data": {"type": "photos", "preprocess": {"scale": 0}}}, "data.preprocess.scale: "),
    (
        {"data": {"type": "photos", "preprocess": {"scales": 1}}},
        "data.preprocess.scales: there is no such option; ",
    ),
    ({"data": {"type": "photos", "preprocess": 7}}, "data.preprocess: 7 "),
    ({"data": {"type": "photos", "augment": {"flips": 1}}}, "data.augment.flips: there is no such option; "),
    ({"budget": {"map": {"max_dro": 1}}}, "budget.map.max_dro: there is no such limit; "),
    ({"fit": {"pass": "train", "budget": {"x": 1}}}, "fit.budget: there is no metric 'x'"),
    ({"recipe": "../x"}, "recipe: '../x' is not the name of a recipe, since runs are filed under it."),
    ({"a/b": {"pass": "train"}}, "a/b: 'a/b' cannot be the name of a file; use letters, digits and '_'."),
    ({"analyses": 7}, "analyses: 7 is not a list of analyses; write e.g. analyses=[sensitivity]."),
    (
        {"analyses": "layers"},
        "analyses: 'layers' is not a list of analyses; write e.g. analyses=[sensitivity].",
    ),
    (
        {"analyses": ["layer"]},
        "analyses: there is no analysis 'layer'; there are by_itself, layers. Did you mean 'layers'?",
    ),
    (
        {"analyses": [["layers"]]},
        "analyses: there is no analysis '['layers']'; there are by_itself, layers. Did you ",
    ),
    ({"analyses": {"layers": 7}}, "analyses.layers: 7 is not a mapping of options."),
    (
        {"analyses": {"layers": {"sample": 7}}},
        "analyses.layers.sample: there is no such option; there are samples. Did you mean 'samples'?",
    ),
    ({"analyses": {"layers": {"samples": 101}}}, "analyses.layers.samples: 101 are too many; 100 at most."),
    (
        {"analyses": ["by_itself"]},
        "analyses.by_itself: it runs by itself where it has something to look at; remove it.",
    ),
    ({"preprocess": {"scale": 0}}, "preprocess.scale: 0 should be greater than 0."),
    ({"preprocess": 7}, "preprocess: 7 should be a valid dictionary."),
    ({"hooks": 7}, "hooks: 7 is not a mapping of hooks; write e.g. hooks=[mlflow]."),
    ({"hooks": ["telling"]}, "hooks: ['telling'] is not a mapping of hooks; write e.g. hooks=[mlflow]."),
    (
        {"hooks": {"telling": 7}},
        "hooks.telling: 7 is not a choice with its options; it needs a 'type', one of failing, ",
    ),
    *(
        (
            {"hooks": {"telling": empty}},
            f"hooks.telling: {empty!r} is not a choice with its options; it needs a 'type', ",
        )
        for empty in (0, False, "", [])
    ),
    (
        {"hooks": {"telling": {}}},
        "hooks.telling: this hook is not chosen; add '- /hooks: [telling]' to the recipe's ",
    ),
    ({"hooks": {"picky": {"type": "picky"}}}, "hooks.picky: not so"),
    (
        {"hooks": {"telling": {"url": "u"}}},
        "hooks.telling: this hook is not chosen; add '- /hooks: [telling]' to the recipe's defaults, or "
        "hooks=[telling]. Did you mean 'telling'?",
    ),
    ({"hooks": {"teling": {"url": "u"}}}, "hooks.teling: this hook is not chosen; add '- /hooks: [teling]' "),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_one_sentence_by_its_key(changes: dict[str, Any], message: str) -> None:
    sentence = refused(**changes)
    assert sentence.startswith(message)
    assert sentence == message or not message.endswith((".", "?"))


def test_bounds_of_root_keys_are_taken_themselves() -> None:
    most = {"max_rss": 100_000_000, "threads": 1024, "evaluators": 1024, "checkpoint_seconds": 10_000_000}
    assert made(worker=most).worker == WorkerOptions(**most)


def test_an_unknown_key_is_shown_with_the_file_that_has_it(tmp_path: Path) -> None:
    Path("recipes").mkdir()
    path = tmp_path / "recipes" / "mine.yaml"
    path.write_text("# @package _global_\nsed: 3\n")
    assert refused(sed=3) == f"sed: there is no such key in a recipe ({path}). Did you mean 'seed'?"
    assert refused(seedd=3) == "seedd: there is no such key in a recipe. Did you mean 'seed'?"


@pytest.mark.parametrize(
    ("pixels", "path", "expected"),
    [
        # (what data.preprocess says, the model's file, (scale, offset)); the model's own are 0.25 and 0
        (None, "m.h5", (0.25, 0.0)),
        ({}, "m.h5", (0.25, 0.0)),
        ({"scale": None, "offset": None}, "m.h5", (0.25, 0.0)),
        ({"scale": 0.5, "offset": None}, "m.h5", (0.5, 0.0)),
        ({"scale": None, "offset": 0.0}, "m.h5", (0.25, 0.0)),
        ({"scale": 0.5, "offset": -3.0}, "m.h5", (0.5, -3.0)),
        # 0.0078125 = 1/128 and -1, so that pixels are in [-1, 1): docs/recipes.md
        ({"scale": None, "offset": None}, "", (1 / 128, -1.0)),
        ({"offset": 0}, "", (1 / 128, 0.0)),
    ],
)
def test_pixels_that_are_left_open_are_what_the_model_asks_for(
    pixels: Any, path: str, expected: tuple[float, float]
) -> None:
    recipe = made(model={"type": "net", "path": path}, data={"type": "photos", "preprocess": pixels})
    found = recipe.data.preprocess
    assert (found["scale"], found["offset"]) == expected
    shown = recipe.mapping["data"].get("preprocess")
    said = pixels or {}
    assert shown == ({name: found[name] for name in said} if None in said.values() else pixels), (
        "a report shows what was built with"
    )


def test_every_option_of_the_two_blocks_of_the_data_is_filled_in() -> None:
    recipe = made(data={"type": "photos", "augment": {"flip": False}})
    said = {field.name for field in dataclasses.fields(ImageModality)}
    assert set(recipe.data.preprocess) == said - {"crop", "mean", "std"}, (
        "those that only some models need are left out where nobody says them"
    )
    assert set(recipe.data.augment) == {field.name for field in dataclasses.fields(Augment)}
    assert recipe.data.augment["flip"] is False


def test_a_report_shows_limits_that_say_something_and_0_is_one() -> None:
    budget = {"map": {"max_drop": 0, "min": None}, "size": {"max": None}, "other": None}
    recipe = made(
        budget={"map": {"max_drop": 0.0, "min": None}, "size": None},
        fit={"pass": "train", "budget": {"map": {"max": 0, "min": None}, "size": None}},
    )
    assert recipe.mapping["budget"] == {"map": {"max_drop": 0.0}}
    assert recipe.mapping["fit"] == {"pass": "train", "budget": {"map": {"max": 0}}}
    assert module._without_empty({"a": {"budget": budget}, "b": {}, "budget": None}) == {
        "a": {"budget": {"map": {"max_drop": 0}}},
        "b": {},
        "budget": {},
    }
    assert made().mapping == MAPPING


def test_a_budget_of_null_is_kept_as_one_without_limits_and_read_again() -> None:
    recipe = made(budget=None, fit={"pass": "train", "budget": None})
    assert (recipe.limits, recipe.mapping["budget"], recipe.mapping["fit"]["budget"]) == ((), {}, {})
    check({key: recipe.mapping[key] for key in ("budget",)}, fields({"budget": RECIPE["budget"]}), "resolved")


@pytest.mark.parametrize("hooks", [None, [], {}])
def test_no_hooks_are_none(hooks: Any) -> None:
    assert made(hooks=hooks).hooks == {}


def test_options_of_hooks_that_the_command_line_did_not_choose_are_leftovers() -> None:
    left = {"failing": {"x": 1}, "telling": {"type": "telling"}}
    assert made("hooks=[telling]", hooks=left).hooks == {"telling": Telling()}
    assert refused("hooks.telling.url=x", hooks=left).startswith("hooks.failing: this hook is not chosen")
    assert refused("hooks=[telling]", hooks={"nobody": {"x": 1}}).startswith("hooks.nobody: this hook is not")


def test_a_hook_that_cannot_be_made_is_named_by_the_build() -> None:
    [hook] = made(hooks={"failing": {"type": "failing"}}).hooks.values()
    assert isinstance(hook, Unmade)
    assert str(hook.error) == "no tool"


@pytest.mark.parametrize(
    ("path", "init", "instead"),
    [
        ("m.h5", "scratch", "model.path is trained already; fit.init=continue would train it further"),
        ("m.h5", "continue", ""),
        ("", "scratch", ""),
    ],
)
def test_a_users_own_file_takes_the_place_of_training(path: str, init: str, instead: str) -> None:
    recipe = made(
        model={"type": "net", "path": path},
        fit={"pass": "train", "init": init, "budget": {"map": {"min": 0}}},
        other={"pass": "load", "budget": {"map": {"min": 0}}},
    )
    step = recipe.steps["fit"]
    assert step.instead == instead
    assert type(step.options) is (Load if instead else Train)
    assert len(step.limits) == (0 if instead else 1)
    assert (recipe.steps["other"].instead, len(recipe.steps["other"].limits)) == ("", 1)


STEPS = {
    label: {"pass": name} for label, name in (("fit", "train"), ("to_lite", "convert"), ("int8", "quantize"))
}


def test_a_file_of_the_kind_that_a_step_makes_leaves_that_step_out() -> None:
    given = {"pipeline": ["fit", "to_lite", "int8"], **STEPS}
    recipe = made(model={"type": "net", "path": "m.tflite"}, **given)
    assert {label: type(step.options) for label, step in recipe.steps.items()} == {
        "fit": Take,
        "to_lite": Convert,
        "int8": Quantize,
    }
    assert {label: step.done for label, step in recipe.steps.items()} == {
        "fit": "",
        "to_lite": "model.path is a .tflite already",
        "int8": "",
    }
    for path in ("", "m.h5"):
        recipe = made(model={"type": "net", "path": path}, **given)
        assert {step.done for step in recipe.steps.values()} == {""}


def test_a_step_that_loads_another_kind_of_file_loads_this_one_without_a_word() -> None:
    step = made(
        model={"type": "net", "path": "m.tflite"}, fit={"pass": "load", "budget": {"map": {"min": 0}}}
    ).steps["fit"]
    assert (type(step.options), step.instead, len(step.limits)) == (Take, "", 1)


def test_steps_that_are_off_or_in_no_pipeline_are_not_done() -> None:
    given = {**STEPS, "to_lite": {"pass": "convert", "enabled": False}}
    recipe = made(model={"type": "net", "path": "m.tflite"}, pipeline=["fit", "to_lite"], **given)
    assert {step.done for step in recipe.steps.values()} == {""}


def test_an_analysis_that_is_null_is_one_that_builds_do_not_run_by_themselves() -> None:
    recipe = made(analyses={"by_itself": None, "layers": {}})
    assert (recipe.silenced, recipe.analyses) == ({"by_itself"}, {"layers": Layers()})
    with pytest.raises(RecipeError, match="Did you mean 'layers'"):
        made(analyses={"layer": None})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, {}),
        ([], {}),
        ({}, {}),
        (["layers"], {"layers": Layers()}),
        ({"layers": {}}, {"layers": Layers()}),
        ({"layers": {"samples": 4}}, {"layers": Layers(samples=4)}),
        ({"layers": None}, {}),
    ],
)
def test_analyses_are_a_list_of_names_or_names_with_options(said: Any, expected: dict[str, Analysis]) -> None:
    assert made(analyses=said).analyses == expected


def test_a_recipe_that_was_resolved_earlier_is_made_without_composing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(plugins, "load", lambda folder: asked.append(folder))
    recipe = thaw(MAPPING, ["recipe=mine", "seed=0"], Path("p"))
    assert asked == [Path("p")]
    assert (recipe.overrides, recipe.plugins) == (("seed=0",), Path("p"))


class Composing:
    """Stands for composing, and for what plugins were found."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from tflbuild.recipe import compose

        self.loaded = plugins.Loaded()
        self.found: Any = compose.Composed(dict(MAPPING), {"data": ("signs", "photos")}, ("a remark",))
        self.words: list[str] = []
        monkeypatch.setattr(plugins, "load", lambda folder: self.loaded)
        monkeypatch.setattr(compose, "composed", self._composed)

    def _composed(self, words: list[str]) -> Any:
        self.words = words
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def test_a_loaded_recipe_says_what_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    composing = Composing(monkeypatch)
    recipe = load_recipe(word for word in ("recipe=mine", "seed=0"))
    assert composing.words == ["recipe=mine", "seed=0"]
    assert recipe.overrides == ("seed=0",)
    assert (recipe.replaced, recipe.remarks) == ({"data": ("signs", "photos")}, ("a remark",))


@pytest.mark.parametrize("beside", [True, False])
def test_a_lock_is_found_beside_its_recipe(
    beside: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    composing = Composing(monkeypatch)
    composing.found.mapping["locked"] = True
    Path("recipes").mkdir()
    Path("recipes/mine.yaml").write_text("")
    lock = tmp_path / "recipes" / "mine.lock.yaml"
    if beside:
        lock.write_text("")
    assert load_recipe(["recipe=mine"]).run.locked == (str(lock) if beside else "true")


@pytest.mark.parametrize("word", ["hydra.sweeper=x", "+hydra/launcher=x", "~hydra.x", "++hydra.x=1"])
def test_hydras_own_settings_belong_to_a_sweep(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Composing(monkeypatch)
    with pytest.raises(RecipeError) as caught:
        load_recipe(["recipe=mine", word])
    assert str(caught.value) == (
        f"{word}: of Hydra's own settings a sweep reads its launcher and sweeper; add -m, or remove it."
    )


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("hydra.run.dir=x", "outputs=DIR"),
        ("hydra.sweep.dir=x", "outputs=DIR"),
        ("+hydra.searchpath=[x]", "--config-dir DIR"),
        ("hydra.verbose=true", "--verbose"),
    ],
)
def test_a_setting_of_hydra_names_what_takes_its_place(
    word: str, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Composing(monkeypatch)
    with pytest.raises(RecipeError, match=f"{instead} instead"):
        load_recipe(["recipe=mine", word])


def test_a_choice_that_a_broken_plugin_may_have_meant_is_explained_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composing = Composing(monkeypatch)
    composing.found = NoSuchChoice("mine", "hook", "hooks=[mine]: there is no hook 'mine'.")
    with pytest.raises(NoSuchChoice):
        load_recipe(["recipe=mine"])
    composing.loaded.broken["entry point mine = x"] = "no luck"
    with pytest.raises(
        PluginError, match=r"^hook 'mine' is declared by a plugin that cannot be loaded: entry"
    ):
        load_recipe(["recipe=mine"])


def test_names_that_two_plugins_claim_are_refused_where_they_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composing = Composing(monkeypatch)
    composing.loaded.taken = {"load": "taken twice", "other": "taken, too"}
    load_recipe(["recipe=mine"])
    composing.loaded.taken["train"] = "taken twice"
    with pytest.raises(PluginError, match=r"^fit: taken twice$"):
        load_recipe(["recipe=mine"])
    composing.loaded.taken = {"telling": "taken twice"}
    composing.found.mapping["hooks"] = {"telling": {"type": "telling"}}
    with pytest.raises(PluginError, match=r"^hooks\.telling: taken twice$"):
        load_recipe(["recipe=mine"])


def test_the_flag_for_training_logs_chooses_their_hook_and_leaves_its_options() -> None:
    assert made(tensorboard=True).hooks == {"tensorboard": Logs()}
    chosen = {"tensorboard": {"type": "tensorboard", "often": True}}
    assert made(tensorboard=True, hooks=chosen).hooks == {"tensorboard": Logs(often=True)}
    assert made().hooks == {}
