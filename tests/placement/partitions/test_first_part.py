"""How a graph is parted for the Edge TPU, with operators by the tensors that they read and write."""

from __future__ import annotations

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partitions.first_part import first_part


def operators(*links: tuple[tuple[int, ...], tuple[int, ...]]) -> list[OperatorFacts]:
    return [
        OperatorFacts(place, "ADD", 1, False, {}, (), (), tuple(reads), tuple(writes))
        for place, (reads, writes) in enumerate(links)
    ]


def on(links: list[OperatorFacts], *fits: bool) -> list[int]:
    return [place for place, why in enumerate(first_part(links, fits, {})) if not why and fits[place]]


def test_a_chain_ends_with_the_first_that_does_not_fit() -> None:
    chain = operators(((0,), (1,)), ((1,), (2,)), ((2,), (3,)))
    assert on(chain, True, True, True) == [0, 1, 2]
    assert on(chain, True, False, True) == [0]
    assert first_part(chain, (True, False, True), {})[2] == "comes after operator 1 (ADD)"
    longer = operators(((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), (4,)))
    assert first_part(longer, (True, False, True, True), {})[3] == "comes after operator 1 (ADD)", (
        "the first cause"
    )


def test_operators_at_the_beginning_may_be_the_processors() -> None:
    chain = operators(((0,), (1,)), ((1,), (2,)), ((2,), (3,)))
    assert on(chain, False, True, True) == [1, 2]
    assert on(chain, False, False, True) == [2]
    assert on(chain, False, False, False) == []


def test_a_branch_beside_an_operator_that_stays_is_taken() -> None:
    # 0 -> 1 -> (2 stays) -> 3, and 0 -> 4, and 5 reads both
    graph = operators(((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), (4,)), ((1,), (5,)), ((4, 5), (6,)))
    assert on(graph, True, True, False, True, True, True) == [0, 1, 4]


def test_the_first_part_is_taken_even_where_a_later_one_is_longer() -> None:
    # a log of compiler 15 for YOLOv5: one QUANTIZE of 294 operators, because a slice behind it was not supported
    chain = operators(*(((place,), (place + 1,)) for place in range(6)))
    assert on(chain, True, False, True, True, True, True) == [0]


def test_what_reads_both_an_early_operator_of_the_processor_and_a_late_one_stays_for_the_late_one() -> None:
    # 0 stays at the beginning, 1 is taken, 2 stays behind it, 3 reads 0 and 2
    graph = operators(((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((1, 3), (4,)))
    assert on(graph, False, True, False, True) == [1]
    assert first_part(graph, (False, True, False, True), {})[3] == "comes after operator 2 (ADD)"


def test_an_order_that_cannot_be_executed_is_left_to_the_processor() -> None:
    circle = operators(((2,), (1,)), ((1,), (2,)))
    assert on(circle, True, True) == []
