"""What Hydra finds wrong, in our words; its own texts are as Hydra 1.3.2 writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.hook import HOOKS, Hook
from tflbuild.recipe import composition_errors
from tflbuild.recipe.composition_errors import NoSuchChoice, refuse_no_choice, reworded

RECIPE: dict[str, Any] = {"seed": 0, "prune": {"sparsity": 0.5, "budget": {"sparsities": 1}}}
"""A recipe as it is without overrides."""


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know a few recipes, groups, passes and hooks."""
    groups = {"model": ["resnet", "keras"], "data": ["voc"], "hooks": ["mine", "mlflow"]}
    monkeypatch.setattr(composition_errors, "recipe_names", lambda: ["one", "two"])
    monkeypatch.setattr(composition_errors, "choices_of", lambda group: groups.get(group, []))
    monkeypatch.setattr(PASSES, "_classes", dict.fromkeys(("quantize", "prune"), object))
    monkeypatch.setattr(HOOKS, "_classes", {"mlflow": Hook})


def said(text: str, *overrides: str, composed: dict[str, Any] = RECIPE) -> str:
    return str(reworded(ValueError(text), list(overrides), lambda words: composed))


COULD_NOT = "Could not override '{}'.\nKey '{}' is not in struct\n    full_key: {}\n    object_type=dict"

TEXTS = [
    (
        "You must specify 'recipe', e.g, recipe=<OPTION>",
        [],
        "recipe: which? e.g. recipe=one; there are one, two.",
    ),
    (
        "In '_tflbuild': Could not find 'recipe/tow'\n\nAvailable options in 'recipe':\n\tone",
        ["recipe=tow"],
        "recipe=tow: there is no recipe 'tow'; there are one, two. Did you mean 'two'?",
    ),
    (
        "Could not load 'recipe/tow.yaml'",
        ["recipe=tow"],
        "recipe=tow: there is no recipe 'tow'; there are one, two. Did you mean 'two'?",
    ),
    (
        "In 'recipe/one': Could not find 'model/resnt'",
        ["model=resnt"],
        "model=resnt: there is no model 'resnt'; there are resnet, keras. Did you mean 'resnet'?",
    ),
    (
        "In 'recipe/one': Could not find 'passes/prun'",
        ["+passes@x=prun"],
        "pass 'prun': there is no pass 'prun'; there are prune, quantize. Did you mean 'prune'?",
    ),
    (
        "In 'recipe/one': Could not find 'hooks/mlfow'",
        ["hooks=[mlfow]"],
        "hooks=[mlfow]: there is no hook 'mlfow'; there are mine, mlflow. Did you mean 'mlflow'?",
    ),
    (
        "Could not override 'passes@prune'. No match in the defaults list.\nCould not load 'passes/x'",
        ["passes@prune=x"],
        "pass 'x': there is no pass 'x'; there are prune, quantize.",
    ),
    (
        "Could not override 'model@a'.\nDid you mean 'model/x'",
        ["model@a=x"],
        "model=x: there is no model 'x'; there are resnet, keras.",
    ),
    (
        "Could not override 'hooks'. No match in the defaults list.\nTo append to your default list use +hooks=a",
        ["hooks=a"],
        "'hooks' cannot be overridden, since the recipe does not use that group.",
    ),
    (
        "In 'recipe/one': Could not find 'modell/resnet'",
        [],
        "modell=resnet: there is no group 'modell' of recipe files.",
    ),
    (
        f"In 'recipe/one': Could not find 'model/{'x' * 100}'",
        [],
        f"model={'x' * 79}…: there is no model '{'x' * 79}…'; there are resnet, keras.",
    ),
    (
        COULD_NOT.format("prune.sparsty", "sparsty", "prune.sparsty"),
        ["recipe=one", "prune.sparsty=1"],
        "prune.sparsty: there is no such key in this recipe. Did you mean 'prune.sparsity'?",
    ),
    (
        "Could not append to config. An item is already at 'seed'.",
        ["recipe=one", "+seed=1"],
        "seed: there is no such key in this recipe. Did you mean 'seed'?",
    ),
    (
        "Could not delete from config. 'sed' does not exist.",
        ["recipe=one", "~sed"],
        "sed: there is no such key in this recipe. Did you mean 'seed'?",
    ),
    (
        COULD_NOT.format("prune", "x", "prune.sparsti"),
        ["recipe=one", "prune={sparsti: 1}"],
        "prune.sparsti: there is no such key in this recipe. Did you mean 'prune.sparsity'?",
    ),
    (
        "Key 'sed' is not in struct\n    full_key: sed",
        ["recipe=one", "x=1"],
        "sed: there is no such key in this recipe. Did you mean 'seed'?",
    ),
    (
        COULD_NOT.format("prune.budget.sparsiti", "sparsiti", "prune.budget.sparsiti"),
        ["recipe=one", "prune.budget.sparsiti=1"],
        "prune.budget.sparsiti: there is no such key in this recipe. Did you mean 'prune.sparsity'?",
    ),
    (
        COULD_NOT.format("hooks.mlflow.url", "mlflow", "hooks.mlflow.url"),
        ["recipe=one", "hooks.mlflow.url=x"],
        "hooks.mlflow.url: the hook 'mlflow' is not chosen; add hooks=[mlflow].",
    ),
    (
        COULD_NOT.format("hooks.other.url", "other", "hooks.other.url"),
        ["recipe=one", "hooks.other.url=x"],
        "hooks.other.url: there is no such key in this recipe.",
    ),
    (
        "Sweep parameters 'a' requires --multirun",
        ["seed=0", "a=1,2"],
        "a=1,2: several values make a sweep; add -m.",
    ),
    ("multirun", ["a=range(3)"], "a=range(3): several values make a sweep; add -m."),
    (
        "Error merging override seed=abc\nValue 'abc' of type 'str'",
        ["seed=abc"],
        "seed=abc: 'seed' takes no such value.",
    ),
    ("Something\nmore\n    full_key: a.b\n", [], "a.b: there is no such key in this recipe."),
    ("Some\x1bthing\nelse", [], "Some\\x1bthing"),
    ("", [], "it cannot be composed"),
]


@pytest.mark.parametrize(("text", "overrides", "sentence"), TEXTS)
def test_what_hydra_says_is_said_by_key_with_what_would_be_right(
    text: str, overrides: list[str], sentence: str
) -> None:
    assert said(text, *overrides) == sentence


def test_a_hook_that_is_chosen_has_other_options() -> None:
    text = COULD_NOT.format("hooks.mlflow.urn", "urn", "hooks.mlflow.urn")
    sentence = said(text, "hooks=[mlflow]", "hooks.mlflow.urn=x", composed={"hooks": {"mlflow": {"uri": 1}}})
    assert sentence == (
        "hooks.mlflow.urn: there is no such key in this recipe. Did you mean 'hooks.mlflow.uri'?"
    )


def test_right_keys_are_those_of_the_recipe_with_its_groups_and_no_other_override() -> None:
    asked: list[list[str]] = []
    words = [
        "recipe=one",
        "model=keras",
        "+passes@x=prune",
        "hooks=[a]",
        "target=[b]",
        "data=c",
        "sed=1",
        "modl=2",
    ]
    reworded(ValueError("Key 'sed' is not in struct\n full_key: sed"), words, lambda w: asked.append(w) or {})
    assert asked == [words[:6]]


def test_a_recipe_that_is_wrong_by_itself_is_not_composed_again() -> None:
    def compose(words: list[str]) -> dict[str, Any]:
        raise AssertionError

    error = ValueError("Key 'sed' is not in struct\n    full_key: sed")
    assert str(reworded(error, ["recipe=one", "model=x"], compose)) == (
        "sed: there is no such key in this recipe."
    )


def test_a_choice_that_there_is_not_is_kept_by_name() -> None:
    error = reworded(ValueError("Could not find 'passes/prun'"), [], lambda words: {})
    assert isinstance(error, NoSuchChoice)
    assert (error.name, error.noun) == ("prun", "pass")
    error = reworded(ValueError("Could not find 'hooks/x'"), [], lambda words: {})
    assert isinstance(error, NoSuchChoice)
    assert (error.name, error.noun) == ("x", "hook")


def test_an_error_of_ours_below_is_what_is_said() -> None:
    ours = DataError("as I say")
    for link in ("__cause__", "__context__"):
        outer, middle = ValueError("outer"), ValueError("middle")
        setattr(middle, link, ours)
        outer.__cause__ = middle
        assert reworded(outer, [], lambda words: {}) is ours
    assert reworded(ours, [], lambda words: {}) is ours


def test_what_cannot_be_resolved_is_named_by_its_key() -> None:
    with pytest.raises(InterpolationResolutionError) as caught:
        OmegaConf.to_container(OmegaConf.create({"a": {"b": "${nobody}"}}), resolve=True)
    assert str(reworded(caught.value, [], lambda words: {})) == "a.b: Interpolation key 'nobody' not found"


def refused(*words: str) -> str:
    with pytest.raises(RecipeError) as caught:
        refuse_no_choice(OverridesParser.create().parse_overrides(list(words)))
    return str(caught.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model=null", "model: null is not a choice; there are resnet, keras."),
        ("model=7", "model: 7 is not a choice; there are resnet, keras."),
        ("data=[voc]", "data: ['voc'] is not a choice; there are voc."),
        ("recipe=null", "recipe: null is not a choice; there are one, two."),
        ("recipe={a: 1}", "recipe: {'a': 1} is not a choice; there are one, two."),
        ("target=null", "target: null is not a choice; there are ."),
        ("target=[null]", "target: [None] is not a choice; there are ."),
        ("hooks=7", "hooks: 7 is not a choice; there are mine, mlflow."),
        ("hooks=[mine,[1]]", "hooks: ['mine', [1]] is not a choice; there are mine, mlflow."),
        ("+hooks=['']", "hooks: [''] is not a choice; there are mine, mlflow."),
        ("model=''", "model: '' is not a choice; there are resnet, keras."),
        ("~model=[a]", "model: ['a'] is not a choice; there are resnet, keras."),
        ("passes=null", "passes: null is not a choice; there are prune, quantize."),
        ("passes@x=1", "passes@x: 1 is not a choice; there are prune, quantize."),
        ("=3", "=3: it names no key; write KEY=VALUE."),
    ],
)
def test_what_chooses_nothing_is_refused(word: str, message: str) -> None:
    assert refused("seed=null", word) == message


def test_other_values_choose_or_are_none_of_a_groups() -> None:
    words = ["model=resnet", 'data="voc"', "target=[a,b]", "hooks=[]", "~model", "model=a,b", "seed=null"]
    words += ["model={a: 1}", "pipeline=[a]", "prune=null", "+passes@x=prune", "~passes@x", "~model=resnet"]
    refuse_no_choice(OverridesParser.create().parse_overrides(words))
