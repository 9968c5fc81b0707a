"""Causes among findings, and their order."""

from __future__ import annotations

from tflbuild.core.cause import Cause, Cure, causes_in, ranked

FINDING = {
    "cause": "labels.order",
    "stage": "base",
    "text": "the classes are in another order",
    "cost": {"metric": "top1", "value": 0.3, "low": 0.2, "high": 0.4, "n": 50},
    "cures": [{"text": "say the order", "override": "data.classes=[b,a]", "gain": 0.3, "effort": "minutes"}],
    "more": [1, 2],
}


def test_a_cause_is_read_with_its_cost_and_its_cures() -> None:
    (found,) = causes_in([{"name": "chance", "findings": [FINDING, {"text": "no cause"}]}])
    assert found == Cause(
        name="labels.order",
        stage="base",
        text="the classes are in another order",
        cost=0.3,
        low=0.2,
        high=0.4,
        n=50,
        cures=(Cure("say the order", "data.classes=[b,a]", 0.3, "minutes"),),
        found_by="chance",
    )


def test_a_cause_may_have_neither_cost_nor_cure() -> None:
    (found,) = causes_in([{"name": "x", "findings": [{"cause": "base.chance"}]}])
    assert (found.cost, found.cures, found.text) == (None, (), "")


def test_the_costliest_comes_first_and_what_has_no_figure_last() -> None:
    causes = [Cause(name, "s", "", cost=cost) for name, cost in (("a", None), ("b", 0.1), ("c", 0.4))]
    assert [cause.name for cause in ranked(causes)] == ["c", "b", "a"]


def test_a_cure_says_what_it_gave_where_it_was_built_alone() -> None:
    cure = Cure("say the order", "data.classes=[b,a]", 0.3, "seconds")
    told = {"text": "say the order", "override": "data.classes=[b,a]", "gain": 0.3, "effort": "seconds"}
    assert cure.to_json() == told
    assert cure._replace(tried={"gain": 0.2}).to_json() == {**told, "tried": {"gain": 0.2}}


def test_causes_that_cost_the_same_stay_in_their_order_and_a_gain_comes_behind_nothing() -> None:
    causes = [
        Cause(name, "s", "", cost=cost) for name, cost in (("a", 0.0), ("b", -0.1), ("c", 0.0), ("d", None))
    ]
    assert [cause.name for cause in ranked(causes)] == ["a", "c", "b", "d"]
