"""Options as typed dataclasses: what is taken, and the one sentence by recipe key for what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.errors import RecipeError
from tflbuild.recipe.validation import shown, typed


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 3
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    needed: str
    share: Annotated[float, Ge(0), Lt(1)] = 0.5
    count: Annotated[int, Gt(0), Le(10)] = 1
    flag: bool = False
    mode: Literal["linear", "cubic"] = "linear"
    either: int | str | None = None
    loose: Any = None
    rest: float | bool | None = None
    turn: bool | str | None = None
    sides: tuple[int, ...] = (1, 2)
    inner: Inner = Inner()
    layers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode == "cubic" and self.share == 0:
            raise ValueError("share: 0 is too little; set inner.size")
        if self.mode == "cubic" and self.count == 7:
            raise ValueError("7 is odd")


def made(**values: Any) -> Options:
    return typed(Options, {"needed": "x", **values}, "step")


def said(values: Any, key: str = "step", **more: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        typed(Options, values, key, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"share": 0.0},
        {"share": 0.999},
        {"count": 10},
        {"flag": True},
        {"mode": "cubic"},
        {"either": 7},
        {"either": "7"},
        {"either": None},
        {"loose": [None, {"a": True}]},
        {"sides": ()},
        {"sides": (0,)},
        {"inner": Inner(size=0, path="")},
        {"layers": {"*": 0.0}},
    ],
    ids=str,
)
def test_what_is_right_arrives_as_it_was_given(values: dict[str, Any]) -> None:
    [(name, value)] = values.items()
    given = {"size": value.size, "path": value.path} if isinstance(value, Inner) else value
    found = getattr(made(**{name: given}), name)
    assert found == value
    assert type(found) is type(value)


def test_what_is_not_said_has_its_default() -> None:
    assert made() == Options(needed="x")


@pytest.mark.parametrize("name", ["inner", "layers"])
def test_a_mapping_that_is_null_has_its_default(name: str) -> None:
    assert made(**{name: None}) == Options(needed="x")
    assert made(inner={"size": 4, "path": None}).inner == Inner(size=4)


def test_null_is_no_value_of_other_options() -> None:
    assert said({"needed": "x", "count": None}) == "step.count: None should be a valid integer."
    assert said({"needed": None}) == "step.needed: None should be a valid string."


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"share": 1.0}, "step.share: 1.0 should be less than 1."),
    ({"share": -0.1}, "step.share: -0.1 should be greater than or equal to 0."),
    ({"count": 0}, "step.count: 0 should be greater than 0."),
    ({"count": 11}, "step.count: 11 should be less than or equal to 10."),
    ({"count": 1.5}, "step.count: 1.5 should be a valid integer, got a number with a fractional part."),
    ({"share": "lots"}, "step.share: 'lots' should be a valid number, unable to parse string as a number."),
    ({"mode": "cubik"}, "step.mode: 'cubik' is not one of linear, cubic. Did you mean 'cubic'?"),
    ({"mode": 7}, "step.mode: 7 is not one of linear, cubic."),
    ({"inner": {"size": "x"}}, "step.inner.size: 'x' should be a valid integer, unable to parse"),
    ({"sides": [1, "x"]}, "step.sides.1: 'x' should be a valid integer, unable to parse"),
    ({"layers": {"a": "x"}}, "step.layers.a: 'x' should be a valid number, unable to parse"),
    ({"either": []}, "step.either: [] should be a valid integer."),
    ({"rest": []}, "step.rest: [] should be a valid number."),
    ({"turn": []}, "step.turn: [] should be a valid boolean."),
    ({"needed": "x" * 100 + "\x1b", "count": "\x1b" + "y" * 100}, "step.count: '\\x1byyyyy"),
    (
        {"sharee": 1},
        "step.sharee: there is no such option; there are needed, share, count, flag, mode, either, ",
    ),
    ({"sharee": 1}, "inner, layers. Did you mean 'share'?"),
    (
        {"inner": {"siz": 1}},
        "step.inner.siz: there is no such option; there are size, path. Did you mean 'size'?",
    ),
    ({"needed": "???"}, "step.needed: required; set it, e.g. step.needed=..."),
    ({"flag": 7}, "step.flag: 7 should be a valid boolean, unable to interpret input."),
    # pydantic reads true as 1; a recipe does not
    ({"count": True}, "step.count: true is not a number."),
    ({"share": False}, "step.share: false is not a number."),
    ({"inner": {"size": True}}, "step.inner.size: true is not a number."),
    ({"sides": [1, True]}, "step.sides.1: true is not a number."),
    ({"layers": {"a": False}}, "step.layers.a: false is not a number."),
    ({"loose": float("nan")}, "step.loose: nan is not a finite number."),
    ({"layers": {"a": float("inf")}}, "step.layers.a: inf is not a finite number."),
    ({"loose": -1.1e30}, "step.loose: -1.1e+30 is too large; at most 1e+30 is read."),
    (
        {"loose": [2**53 + 1]},
        "step.loose.0: 9007199254740993 is too large; at most 9,007,199,254,740,992 is read.",
    ),
    ({"loose": {"a": -(2**53) - 1}}, "step.loose.a: -9007199254740993 is too large"),
    ({"loose": "a\0b"}, "step.loose: 'a\\x00b' holds a zero byte."),
    ({"inner": {"path": "\0"}}, "step.inner.path: '\\x00' holds a zero byte."),
    ({"mode": "cubic", "share": 0}, "step.share: 0 is too little; set inner.size."),
    ({"mode": "cubic", "count": 7}, "step: 7 is odd."),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_what_is_wrong_is_one_sentence_by_its_key(values: dict[str, Any], message: str) -> None:
    sentence = said({"needed": "x", **values})
    assert message in sentence
    assert sentence.startswith("step")
    assert sentence.endswith(message) or not message.endswith(".")


@pytest.mark.parametrize("value", [1e30, -1e30, 2**53, -(2**53), "", 0])
def test_what_is_just_not_too_large_is_taken(value: Any) -> None:
    assert made(loose=value).loose == value
    assert type(made(loose=value).loose) is type(value)


def test_what_is_needed_is_asked_for() -> None:
    assert said({}) == "step.needed: required; set it, e.g. step.needed=..."
    assert said({}, key="") == "needed: required; set it, e.g. needed=..."


def test_keys_at_the_root_have_no_prefix() -> None:
    assert said({"needed": "x", "count": 0}, key="") == "count: 0 should be greater than 0."
    assert said({"neded": "x"}, key="").startswith("neded: there is no such option; ")


def test_other_keys_that_would_be_right_there_are_offered_but_not_listed() -> None:
    sentence = said({"fallbak": 1}, also=("fallback",))
    assert sentence.endswith("layers. Did you mean 'fallback'?")


@pytest.mark.parametrize("value", [None, 7, [], "abc"])
def test_what_is_no_mapping_holds_no_options(value: Any) -> None:
    assert said(value) == f"step: {value!r} is not a mapping of options."


def test_a_class_without_options_takes_none() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Empty:
        pass

    assert typed(Empty, {}, "x") == Empty()
    with pytest.raises(RecipeError, match=r"^x\.a: there is no such option; there are none\.$"):
        typed(Empty, {"a": 1}, "x")


def test_an_empty_name_of_an_option_is_named() -> None:
    assert said({"needed": "x", "layers": {"": "y"}}).startswith("step.layers")


def test_values_are_quoted_in_80_letters() -> None:
    """Python writes no whole number of more than 4,300 digits."""
    assert shown("x" * 100) == f"'{'x' * 78}…"
    assert shown("x" * 78) == f"'{'x' * 78}'"
    assert shown(10**5000) == "a number of thousands of digits"
    assert shown(None) == "None"
