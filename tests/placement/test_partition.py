"""How devices take the operators that fit, on graphs drawn by hand."""

from __future__ import annotations

import pytest

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partition import PARTITIONS, count


def chain(*edges: tuple[tuple[int, ...], tuple[int, ...]]) -> list[OperatorFacts]:
    """Give operators by the tensors that they read and write."""
    return [
        OperatorFacts(
            index=place,
            name=f"OP{place}",
            version=1,
            custom=False,
            options={},
            inputs=(),
            outputs=(),
            reads=reads,
            writes=writes,
        )
        for place, (reads, writes) in enumerate(edges)
    ]


BRANCHED = chain(((0,), (1,)), ((1,), (2,)), ((1,), (3,)), ((2,), (4,)), ((3, 4), (5,)))
"""0 -> 1 -> 3 -> 4, and 0 -> 2 -> 4."""


def test_each_takes_whatever_fits() -> None:
    assert PARTITIONS["each"](BRANCHED, [True, False, True, True, True], {}) == [""] * 5


@pytest.mark.parametrize(
    ("fits", "reasons"),
    [
        ([True] * 5, [""] * 5),
        (
            [True, False, True, True, True],
            ["", "", "", "comes after operator 1 (OP1)", "comes after operator 1 (OP1)"],
        ),
        ([False, True, True, True, True], ["", *["comes after operator 0 (OP0)"] * 4]),
        ([True, True, True, True, False], [""] * 5),
    ],
)
def test_prefix_leaves_what_depends_on_an_operator_that_does_not_fit(
    fits: list[bool], reasons: list[str]
) -> None:
    assert PARTITIONS["prefix"](BRANCHED, fits, {}) == reasons


def test_stretches_of_neighbours_are_counted() -> None:
    assert count([]) == count([False]) == 0
    assert count([True, True, False, True]) == 2
