"""Divide a graph as LiteRT does for a delegate: by turns of the two sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tflbuild.placement.facts import OperatorFacts


class Turn(NamedTuple):
    """Operators that are executed in one go.

    Attributes:
        taken: whether the device runs them.
        places: of the operators, in order.
    """

    taken: bool
    places: tuple[int, ...]


def turns(operators: Sequence[OperatorFacts], taken: Sequence[bool]) -> Iterator[Turn]:
    """Divide a graph: everything that is ready and of one side is one turn, and then the other side has its turn.

    Operators in a circle, which LiteRT refuses, are in no turn.

    Args:
        operators: in order of execution.
        taken: whether the device takes each.
    """
    waiting = {index for operator in operators for index in operator.writes}
    left = list(range(len(operators)))
    while left:
        turn: list[int] = []
        for place in left:
            ready = waiting.isdisjoint(operators[place].reads)
            if ready and (not turn or taken[place] == taken[turn[0]]):
                turn.append(place)
                waiting.difference_update(operators[place].writes)
        if not turn:
            return
        yield Turn(taken[turn[0]], tuple(turn))
        gone = set(turn)
        left = [place for place in left if place not in gone]
