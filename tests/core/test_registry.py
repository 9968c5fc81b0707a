"""Declarations by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tflbuild.core.errors import NameTaken, PluginError, RecipeError
from tflbuild.core.registry import Registry


def made(module: str, name: str = "Thing") -> type[Any]:
    return type(name, (), {"__module__": module})


def filled() -> Registry[Any]:
    registry: Registry[Any] = Registry("thing")
    registry.add("quantize", made("b"))
    registry.add("prune", made("a"))
    return registry


def test_a_class_is_found_under_its_name() -> None:
    registry, one = Registry[Any]("thing"), made("a")
    registry.add("one", one)
    assert registry.get("one") is one
    assert "one" in registry
    assert "two" not in registry


def test_names_come_as_they_were_declared_and_items_by_name() -> None:
    assert list(filled()) == ["quantize", "prune"]
    assert [name for name, _ in filled().items()] == ["prune", "quantize"]
    assert dict(filled().items())["prune"].__module__ == "a"


@pytest.mark.parametrize("name", ["a-b", "", "1a", "a b", "a.b"])
def test_a_name_is_an_identifier(name: str) -> None:
    registry: Registry[Any] = Registry("thing")
    with pytest.raises(PluginError) as caught:
        registry.add(name, made("mine"))
    assert str(caught.value) == f"thing name '{name}' in mine: letters, digits and _ only."
    assert name not in registry


def test_a_name_that_another_module_has_is_taken() -> None:
    registry = filled()
    first = registry.get("prune")
    with pytest.raises(NameTaken) as caught:
        registry.add("prune", made("c"))
    assert str(caught.value) == "c declares the thing 'prune', a name that a has taken; choose another."
    assert caught.value.name == "prune"
    assert registry.get("prune") is first


def test_a_module_may_declare_its_own_name_again() -> None:
    registry, again = filled(), made("a", "Again")
    registry.add("prune", again)
    assert registry.get("prune") is again


def test_a_declared_class_is_a_frozen_dataclass_of_keywords_that_knows_its_name() -> None:
    registry: Registry[Any] = Registry("thing")

    @registry.declare("mine")
    class Mine:
        option: int = 3

    assert registry.get("mine") is Mine
    assert Mine.name == "mine"  # type: ignore[attr-defined]
    assert Mine(option=4).option == 4
    with pytest.raises(TypeError):
        Mine(4)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mine().option = 5


def test_what_a_module_declared_is_taken_back_and_nothing_else() -> None:
    registry = filled()
    registry.add("other", made("a"))
    registry.remove_module("a")
    assert list(registry) == ["quantize"]
    registry.remove_module("nobody")
    assert list(registry) == ["quantize"]


def test_a_name_that_is_not_declared_is_named_by_its_key_with_the_nearest_spelling() -> None:
    with pytest.raises(RecipeError) as caught:
        filled().get("prun", "x.pass")
    assert str(caught.value) == (
        "x.pass: there is no thing 'prun'; there are prune, quantize. Did you mean 'prune'?"
    )
    with pytest.raises(RecipeError) as caught:
        filled().get("\x1b" + "y" * 100)
    assert str(caught.value) == f"there is no thing '\\x1b{'y' * 75}…'; there are prune, quantize."


def test_what_is_declared_already_is_not_looked_for_in_a_module() -> None:
    registry: Registry[object] = Registry("thing")
    registry.add("a", dict)
    registry.expect("a", "a_module_that_is_nowhere")
    assert registry.get("a") is dict
