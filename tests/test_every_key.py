"""A null, a number, a list, a text or a mapping for every key of the shipped recipes: valid, or one sentence."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.errors import TflbuildError
from tflbuild.engine.checks import check
from tflbuild.recipe import compose
from tflbuild.recipe.load import load_recipe, recipe_of
from tflbuild.recipe.steps import settle_alternatives

DETECTOR, CLASSIFIER = "recipe=ssd_mobilenet_int8", "recipe=mobilenet_v1_int8"
PASSES = (
    "cluster",
    "equalize",
    "correct_bias",
    "round",
    "sensitivity",
    "reestimate_bn",
    "qat",
    "convert_quantized",
)
BASES = [
    [DETECTOR],
    [DETECTOR, "data=voc", "data.root=nowhere"],
    [DETECTOR, "data=coco", "data.root=nowhere"],
    [CLASSIFIER],
    [CLASSIFIER, "data=image_folder", "target=[cpu,ethos_u55]", "hooks=[mlflow]"],
    ["recipe=resnet_int8"],
    ["recipe=mobilenet_v2_int8", *(f"+passes@x_{name}={name}" for name in PASSES)],
]
VALUES: list[Any] = [
    None,
    7,
    -1,
    True,
    "abc",
    "",
    [],
    ["x"],
    [None],
    [[1]],
    {},
    {"a": 1},
    {"a": {"b": None}},
    {1: 2},
]
VALUES += [10**24, 10**4400, 1e300, float("nan"), float("inf"), "\x1b[31m", "a\0b"]
SAMPLED = 60
"""Of some 7,000 pairs of key and value of each recipe."""

NEIGHBOURS = ("enabled", "after", "pipeline", "pass", "model", "data", "target", "distill", "init", "levels")
"""Keys whose wrong value is noticed by what it does to another key, which the sentence then names."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)


@cache
def composed(position: int) -> dict[str, Any]:
    return compose.compose(BASES[position])


def keys_of(value: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, item in value.items():
        yield (*before, name)
        if isinstance(item, dict):
            yield from keys_of(item, (*before, name))


def put(mapping: Mapping[str, Any], key: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = key
    return {**mapping, first: put(mapping[first], tuple(rest), value) if rest else value}


def sentence(mapping: Mapping[str, Any], words: list[str]) -> str:
    """Validate a recipe as a plan does; gives the sentence with which it is refused, "" where it is not."""
    try:
        recipe = recipe_of(settle_alternatives(mapping, words), [], None)
        for label, step in recipe.steps.items():
            try:
                step.options.check()
            except ValueError as error:
                return f"{label}.{error}"
        check(recipe)
    except TflbuildError as error:
        return str(error) if error.exit_code in (2, 3, 6) else "\n"
    return ""


@pytest.mark.parametrize("position", range(len(BASES)), ids=lambda n: " ".join(BASES[n]).partition(" +")[0])
def test_any_value_for_any_key_is_valid_or_one_sentence(position: int) -> None:
    mapping = composed(position)
    keys = [key for key in keys_of(mapping) if key[0] != "recipe"]
    draw = random.Random(position)
    for key, value in draw.sample([(key, value) for key in keys for value in VALUES], SAMPLED):
        said = sentence(put(mapping, key, value), BASES[position])
        assert "\n" not in said
        assert len(said) < 900
        if said and key[-1] not in NEIGHBOURS and ": nothing would run it" not in said:
            removed = value is None and ".".join(key[:-1]) in said  # null takes it out of its group
            assert removed or ".".join(key) in said


@pytest.mark.parametrize("value", [None, 7, ["x"], "abc", {"a": 1}], ids=repr)
@pytest.mark.parametrize(
    "key", ["budget", "quantize.budget", "quantize.fallback", "hooks", "target", "data.augment"]
)
def test_every_form_of_value_for_a_mapping_is_answered(key: str, value: Any) -> None:
    said = sentence(put(composed(0), tuple(key.split(".")), value), [])
    assert (value is None and key != "target") or key in said


@pytest.mark.parametrize(
    "key",
    [
        "budget",
        "budget.map",
        "prune.budget",
        "prune.budget.map.max_drop",
        "quantize.fallback",
        "prune.on_breach",
        "hooks",
        "worker",
        "store",
        "data.preprocess",
        "data.augment",
        "data.augment.crop",
        "model.anchors",
        "model.postprocess",
        "data.difficulty",
        "train.distill",
        "prune.after",
        "prune.timeout",
        "quantize_mixed",
    ],
)
def test_null_removes_any_mapping(key: str) -> None:
    load_recipe([DETECTOR, f"{key}=null"])


def test_a_step_that_is_null_is_left_out_with_what_needs_it() -> None:
    recipe = load_recipe([DETECTOR, "prune=null"])
    check(recipe)
    assert recipe.pipeline == ("train", "convert", "quantize")
    assert [fallback.run for fallback in recipe.steps["quantize"].fallback] == [("quantize_mixed",)]
    assert recipe.remarks == ("prune is null: the step, and fallbacks that need it, were left out",)


def test_a_limit_of_0_is_a_limit() -> None:
    recipe = load_recipe([DETECTOR, "budget={map: {max_drop: 0}}", "prune.budget.map.max_drop=0.0"])
    assert [(limit.form, limit.bound) for limit in recipe.limits] == [("max_drop", 0.0)]
    assert [limit.bound for limit in recipe.steps["prune"].limits] == [0.0]
    assert recipe.mapping["budget"] == {"map": {"max_drop": 0}}


@pytest.mark.parametrize(
    "typed",
    [
        "seed=2147483648",
        "seeds=[0,100000000000000000000000]",
        "train.steps=1000000000000",
        "data.train=100000000000",
        "worker.threads=100000",
        "train.timeout=1e300",
        "train.timeout=0",
        "train.learning_rate=1e30",
        "data.preprocess.offset=1e300",
        "data.seed=99999999999999999999",
        "seed=true",
        "prune.layers={a: true}",
        "worker.checkpoint_seconds=1e20",
        "target.cpu.runs=1000000000000",
        "outputs=''",
        "budget.map.min=1e400",
    ],
)
def test_numbers_that_no_tool_takes_are_refused(typed: str) -> None:
    with pytest.raises(TflbuildError) as caught:
        load_recipe([DETECTOR, typed])
    assert typed.partition("=")[0] in str(caught.value)
