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
    ("a=range(1,10)", Int(1, 9)),
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
        ("a=interval(", "a=interval"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(typed: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        space_of(["recipe=r", typed])
