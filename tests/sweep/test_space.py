"""Search spaces in Hydra's grammar."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.sweep.space import space_of

distributions = pytest.importorskip("optuna.distributions", reason="the extra optuna is not installed")
Float, Int = distributions.FloatDistribution, distributions.IntDistribution
Choice = distributions.CategoricalDistribution

SPACES = [
    ("a=interval(0.3,0.9)", Float(0.3, 0.9)),
    ("a=interval(1,12)", Float(1.0, 12.0)),
    ("a=int(interval(1,12))", Int(1, 12)),
    ("a=tag(log,interval(1e-4,1e-2))", Float(1e-4, 1e-2, log=True)),
    ("a=tag(log,int(interval(1,100)))", Int(1, 100, log=True)),
    ("a=interval(1,2.5)", Float(1.0, 2.5)),
    ("a=int(interval(0,3))", Int(0, 3)),
    ("a=range(1,10)", Int(1, 9)),
    ("a=range(0,10,4)", Int(0, 8, step=4)),
    ("a=range(0,9,4)", Int(0, 8, step=4)),
    ("a=range(0,8,4)", Int(0, 4, step=4)),
    ("a=range(1.0,0.0,-0.25)", Float(0.25, 1.0, step=0.25)),
    ("a=range(0,10,5)", Int(0, 5, step=5)),
    ("a=range(10,0,-3)", Int(1, 10, step=3)),
    ("a=range(0.3,0.9,0.1)", Float(0.3, 0.8, step=0.1)),
    ("a=choice(96,128)", Choice(["96", "128"])),
    ("a=96,128,96", Choice(["96", "128"])),
    ("a=[1,2],[3]", Choice(["[1,2]", "[3]"])),
    ("a='x,y',b", Choice(["'x,y'", "b"])),
]


@pytest.mark.parametrize(("typed", "distribution"), SPACES)
def test_an_override_is_a_distribution(typed: str, distribution: Any) -> None:
    space = space_of(["recipe=r", typed])
    assert space.fixed == ("recipe=r",)
    assert space.distributions == {"a": distribution}


def test_a_point_is_typed_as_a_user_would() -> None:
    space = space_of(["recipe=r", "+a.b=interval(0.1,0.5)", "c=range(0.1,1.0,0.1)", "d=x,y", "e=range(1,3)"])
    point = space.point({"a.b": 0.1 + 0.2, "c": 0.1 + 0.2, "d": "y", "e": 2})
    assert point.overrides == ["recipe=r", "+a.b=0.30000000000000004", "c=0.3", "d=y", "e=2"]
    assert point.name == "a.b=0.30000000000000004,c=0.3,d=y,e=2"
    assert space.corner.differs == {"a.b": "0.1", "c": "0.1", "d": "x", "e": "1"}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("a=1", "nothing to search"),
        ("a=interval(0.9,0.3)", r"a=interval\(0.9,0.3\): "),
        ("a=tag(log,interval(0,1))", r"a=tag\(log,interval\(0,1\)\): "),
        ("a=range(3,3)", "is empty"),
        ("a=range(3,5,-1)", "is empty"),
        ("a=range(0,3,0)", "a step that is not 0"),
        ("a=range(0,inf)", "a range needs finite ends"),
        ("a=interval(0,inf)", "an interval needs a low and a high end, both finite"),
        ("a=interval(", "a=interval"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(typed: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        space_of(["recipe=r", typed])


def test_values_off_a_grid_are_typed_to_their_last_digit_and_on_it_to_the_twelfth() -> None:
    space = space_of(["a=interval(0,1)", "b=range(0.0,2.0,0.1)"])
    point = space.point({"a": 0.1 + 0.2, "b": 1 / 3})
    assert point.differs == {"a": "0.30000000000000004", "b": "0.333333333333"}
    assert space.corner.overrides == ["a=0.0", "b=0"]


def test_what_all_trials_share_keeps_its_order() -> None:
    space = space_of(["recipe=r", "a=1,2", "x=1", "+b=3,4", "y=2"])
    assert space.fixed == ("recipe=r", "x=1", "y=2")
    assert list(space.dimensions) == ["a", "b"]
    assert [dimension.typed for dimension in space.dimensions.values()] == ["a=1,2", "+b=3,4"]
    assert space.corner.overrides == ["recipe=r", "x=1", "y=2", "a=1", "+b=3"]
