"""What `${...}` in a recipe may do, and how much it may make."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from tflbuild.core.errors import RecipeError
from tflbuild.recipe import interpolation
from tflbuild.recipe.interpolation import bounded, check_text, check_texts


def refused(call: Any, *given: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        call(*given)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "$HOME",
        "{a: 1}",
        "${seed}",
        "${oc.env:HOME}",
        "${ oc.env :HOME,x}",
        "${a.b}/${c}",
        "x" * 5000,
        "",
    ],
)
def test_keys_and_the_environment_may_be_named(text: str) -> None:
    check_text(text, "k")


@pytest.mark.parametrize("name", ["oc.decode", "oc.create", "hydra", "", "oc.envs", "x"])
def test_no_other_resolver_is_called(name: str) -> None:
    assert refused(check_text, f"a ${{oc.env:HOME}} ${{ {name} :x}}", "k") == (
        f"k: '${{{name}:...}}' is not read in a recipe; write ${{KEY}}, or ${{oc.env:NAME,DEFAULT}}."
    )


def filled(length: int) -> str:
    return "${seed}".ljust(length, "x")


TOO_LONG = (
    "k: an interpolation is too long or too deep: at most 1,000 characters, and 3 '${' inside one another."
)


def test_interpolations_are_bounded_in_length_and_depth() -> None:
    check_text(filled(1000), "k")
    assert refused(check_text, filled(1001), "k") == TOO_LONG
    check_text("${a${b${c}}}", "k")
    check_text("${a}${b}${c}${d}", "k")
    check_text("}}}}${a${b${c}}}", "k")
    assert refused(check_text, "${a${b${c${d}}}}", "k") == TOO_LONG
    assert refused(check_text, "}}}}${a${b${c${d}}}}", "k") == TOO_LONG
    assert refused(check_text, "${a${b}${c${d${e}}}}", "k") == TOO_LONG
    assert refused(check_text, "${a{b{c{d}}}}", "k") == TOO_LONG


def test_every_text_of_a_file_is_checked_keys_included() -> None:
    wrong = "${hydra:x}"
    where = "'${hydra:...}' is not read"
    assert refused(check_texts, {"a": {"b": [1, wrong]}}, "f.yaml").startswith(f"f.yaml: a.b.1: {where}")
    assert refused(check_texts, {"a": [{wrong: 1}]}, "f").startswith(f"f: a.0.{wrong}: {where}")
    check_texts({"a": {"b": [1, None, "x", "${seed}"]}, 1: 2}, "f")


@pytest.mark.parametrize("at", ["one text", "many texts"])
def test_a_file_has_200_interpolations_at_most(at: str) -> None:
    def content(count: int) -> dict[str, Any]:
        if at == "one text":
            return {str(n): "${a}" * 100 for n in range(count // 100)} | {"x": "${a}" * (count % 100)}
        return {str(n): "${a}" for n in range(count)}

    check_texts(content(200), "f")
    assert refused(check_texts, content(201), "f") == "f: it has more than 200 interpolations."


def resolved(content: dict[str, Any]) -> Any:
    with bounded():
        return OmegaConf.to_container(OmegaConf.create(content), resolve=True)


def chain(length: int) -> dict[str, Any]:
    """Give a value, and that many interpolations that lead to it one through the other."""
    return {f"a{n}": f"${{a{n + 1}}}" for n in range(length)} | {f"a{length}": 7}


def test_twenty_interpolations_may_lead_to_one_another() -> None:
    with bounded():
        assert OmegaConf.create(chain(20)).a0 == 7
    with pytest.raises(RecipeError) as caught, bounded():
        _ = OmegaConf.create(chain(21)).a0
    assert str(caught.value) == "a20: more than 20 interpolations of the recipe lead to one another."


def test_an_interpolation_counts_as_often_as_it_is_followed() -> None:
    # Each is one of ours and one that it leads to: 100 of them are 200.
    content: dict[str, Any] = {"x": 1, "a": "${x}"}
    assert resolved(content | {f"b{n}": "${a}" for n in range(99)})["b98"] == 1
    said = refused(resolved, content | {f"b{n}": "${a}" for n in range(100)})
    assert said.endswith(": the recipe's interpolations lead to more than 200 others.")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (7, 1),
        ([0] * 4, 5),
        ({"a": [0, 0], "b": None}, 5),
        ("x" * 99, 1),
        ("x" * 100, 2),
        ("x" * 399, 4),
        ([], 1),
    ],
    ids=repr,
)
def test_values_that_interpolations_stand_for_are_counted(
    value: Any, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapping or list counts as one and what it holds, a text as one and another for every 100 letters."""
    assert interpolation.MOST_VALUES == 20_000
    content = {"x": value, "a": "${x}", "b": "${x}", "c": "${x}"}
    monkeypatch.setattr(interpolation, "MOST_VALUES", 3 * size)
    assert resolved(content)["c"] == value
    monkeypatch.setattr(interpolation, "MOST_VALUES", 3 * size - 1)
    said = refused(resolved, content)
    assert said == f"c: the recipe's interpolations stand for more than {3 * size - 1} values."


def test_what_is_made_by_an_interpolation_is_checked_before_it_is_followed() -> None:
    with pytest.raises(RecipeError, match=r"^b: '\$\{oc\.decode:\.\.\.\}' is not read"):
        resolved({"b": "${oc.decode:'1'}"})


def test_a_key_is_named_without_what_a_terminal_obeys() -> None:
    assert refused(resolved, {"a\x1b": "${x:1}"}).startswith("a\\x1b: '${x:...}' is not read")


def test_what_lies_in_a_mapping_is_resolved_as_omegaconf_resolves_it() -> None:
    content = {
        "a": {"b": "${x.y}", "c": ["one", "${a.c.0}", "${..b}"]},
        "x": {"y": [1, "${seed}"]},
        "seed": 3,
    }
    assert resolved(content) == OmegaConf.to_container(OmegaConf.create(content), resolve=True)
    assert resolved(content)["a"]["c"][1] == "one"


def test_outside_of_a_recipe_nothing_is_bounded_and_every_recipe_starts_anew() -> None:
    long = OmegaConf.create(chain(25))
    assert OmegaConf.to_container(long, resolve=True)["a0"] == 7  # type: ignore[index,call-overload]
    for _ in range(3):
        resolved({"x": "y" * 1_000_000, "a": "${x}"})
    assert interpolation._spent.get() is None
