"""Every option of everything that is declared has prose, range, unit and default."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Ge, Gt

from tflbuild import plugins
from tflbuild.commands.listing import REGISTRIES
from tflbuild.commands.option_owners import Owner, everything, owners
from tflbuild.core.budget import LIMITS, QUALIFIERS
from tflbuild.core.compiler_pass import STEP_KEYS
from tflbuild.recipe.declared_options import Option
from tflbuild.recipe.declared_source import root_node
from tflbuild.tasks.detection.heads import declared as heads

NEEDED = ("path", "root", "description", "pass", "field.source")
"""Options without a meaning where nothing is said."""

UNITLESS = "no unit"
"""Said of a number that counts nothing, such as a seed."""


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the shipped declarations anew, whatever tests before declared or took away."""
    monkeypatch.setattr(plugins, "_loaded", {})
    plugins.load(None)


@cache
def ours() -> tuple[Owner, ...]:
    """Give who has options, without plugins that other tests leave declared."""
    return tuple(
        owner
        for owner in everything()
        if all(
            registry.get(owner.name).__module__.startswith("tflbuild.")
            for registry in REGISTRIES.values()
            if registry.noun == owner.noun
        )
    )


def wanting(owner: Owner, option: Option) -> Iterator[str]:
    """Say what an option lacks."""
    if not option.text.endswith(".") or len(option.text.split()) < 3:
        yield f"no sentence: {option.text!r}"
    if len(option.text) > 330 or "\n" in option.text:
        yield "more than a few lines of prose"
    if not option.range:
        yield "no range"
    if option.numeric and not option.unit:
        yield f"no unit; of a number that counts nothing say [{UNITLESS}]"
    if option.unit and not option.numeric and "anything" not in option.range:
        yield f"a unit, [{option.unit}], and no number"
    if not option.default and "group" not in option.range:
        yield "no default"
    empty = {"null": "null:", '""': "Empty:"}.get(option.default, "")
    if empty not in option.text and option.name not in NEEDED and owner.name != "budget":
        yield f"no word on what {option.default} means"


def test_every_option_has_prose_range_unit_and_default() -> None:
    found = [
        f"{owner.noun} {owner.name}: {option.name}: {lack}"
        for owner in ours()
        for option in owner.options
        for lack in wanting(owner, option)
    ]
    assert found == []


def test_everything_that_is_declared_with_options_is_there() -> None:
    known = {(owner.noun, owner.name) for owner in ours()}
    for registry in REGISTRIES.values():
        for name, cls in registry.items():
            if dataclasses.is_dataclass(cls) and dataclasses.fields(cls):
                assert cls.__module__.startswith("tflbuild_") or (registry.noun, name) in known
    assert {"joblib", "ray", "submitit", "optuna", "ssd", "yolo"} <= {name for _, name in known}
    assert sum(len(owner.options) for owner in ours()) > 500


def options_of(name: str) -> dict[str, Option]:
    """Give the options of one owner by name."""
    return {option.name: option for owner in ours() if owner.name == name for option in owner.options}


def test_keys_of_a_recipe_of_a_step_and_of_a_limit_are_those_that_are_read() -> None:
    at_root = {name for name in options_of("recipe") if "." not in name}
    assert at_root == {*root_node(), "recipe", "model", "data", "target"}
    assert set(options_of("step")) == set(STEP_KEYS)
    assert set(options_of("budget")) == {*LIMITS, *QUALIFIERS}


def test_a_data_set_of_pictures_has_the_options_of_both_blocks_with_the_defaults_of_its_file() -> None:
    voc, signs = options_of("voc"), options_of("signs")
    assert {"preprocess.mean", "augment.crop.min_area", "difficult"} <= set(voc)
    assert (voc["augment.flip"].default, signs["augment.flip"].default) == ("true", "false")
    assert voc["preprocess.scale"].default == "0.0078125", "null in the file says nothing"
    assert voc["preprocess"].range == "a group of options"


def test_a_group_may_be_declared_with_defaults_of_its_own() -> None:
    assert options_of("signs")["difficulty.rotation"].default == "12"
    assert options_of("sign_crops")["difficulty.rotation"].default == "35"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prune.sparsity", {"prune"}),
        ("calibration.source", {"calibration"}),
        ("mlflow", {"mlflow"}),
        ("seed", {"recipe"}),
        ("store.path", {"store", "recipe"}),
        ("hydra.sweeper.seed", {"joblib", "optuna", "ray", "submitit", "submitit_local", "submitit_slurm"}),
        ("preprocess.mean", {"preprocess", "recipe"}),
    ],
)
def test_only_what_a_name_may_mean_is_looked_at(name: str, expected: set[str]) -> None:
    assert {owner.name for owner in owners(name)} == expected


def test_nothing_is_looked_at_for_a_name_that_nothing_begins_with() -> None:
    assert owners("sparsity") == owners("") == []


def heads_options() -> Iterator[Any]:
    for name, head in heads.every().items():
        for field, hint in get_type_hints(head, include_extras=True).items():
            if field in head.checks:
                yield pytest.param(hint, head.checks[field], id=f"{name}.{field}")


@pytest.mark.parametrize(("hint", "check"), list(heads_options()))
def test_the_range_of_a_head_is_that_of_its_check_for_files(hint: Any, check: Any) -> None:
    """Declared twice: a head may lie in a file of somebody else, which no type checks."""
    if get_origin(hint) is Literal:
        assert all(check(choice) for choice in get_args(hint))
        assert not check("another")
    elif get_origin(hint) is Annotated:
        base, low, *high = get_args(hint)
        least = low.gt if isinstance(low, Gt) else low.ge
        assert check(least) is isinstance(low, Ge)
        assert check(base(least + 1))
        assert all(check(bound.le) and not check(bound.le + 1) for bound in high)
    else:
        assert get_origin(hint) is tuple or hint is str
