"""Which channels leave first, and where that ends."""

from __future__ import annotations

import numpy as np
import pytest

from channel_graphs import Drawing
from tflbuild.training.channels.choice import Aim, Choice, Comparison, Limits, choose
from tflbuild.training.channels.cost import Cost
from tflbuild.training.channels.facts import Graph
from tflbuild.training.channels.groups import dependencies

ONE_BY_ONE = Limits()


def two() -> Graph:
    """Draw a wide layer that is dear and one that is cheap: 64 and 1 places."""
    net = Drawing()
    dear = net.conv("dear", net.image, 8, taps=9)
    cheap = net.conv("cheap", net.pool("pool", dear), 8)
    return net.graph(net.conv("logits", cheap, 5))


def chosen(
    aim: Aim,
    limits: Limits = ONE_BY_ONE,
    compare: Comparison = "none",
    dear: list[float] | None = None,
    cheap: list[float] | None = None,
) -> tuple[Choice, dict[str, list[int]]]:
    """Choose, and say which channels of each layer stay."""
    graph = two()
    found = dependencies(graph)
    rising = [float(one) for one in range(1, 9)]
    scores = {"dear": np.array(dear or rising), "cheap": np.array(cheap or rising)}
    choice = choose(found, Cost.of(graph, found), scores, aim, limits, compare)
    return choice, {
        name: np.flatnonzero(choice.kept[found.axes[name]["out"]]).tolist()
        for name in ("dear", "cheap", "logits")
    }


def test_the_least_important_channels_leave_first() -> None:
    _, kept = chosen(Aim(channels=13), dear=[9, 1, 9, 9, 9, 9, 2, 9], cheap=[9, 9, 9, 3, 9, 9, 9, 9])
    assert kept == {"dear": [0, 2, 3, 4, 5, 7], "cheap": [0, 1, 2, 4, 5, 6, 7], "logits": [0, 1, 2, 3, 4]}


def test_by_cost_the_dear_layer_loses_more() -> None:
    flat = [1.0] * 8
    _, even = chosen(Aim(channels=8), compare="none", dear=flat, cheap=flat)
    _, dear = chosen(Aim(channels=8), compare="cost", dear=flat, cheap=flat)
    assert len(dear["dear"]) == 1
    assert len(dear["dear"]) < len(even["dear"]) or len(even["cheap"]) < 8


def test_by_group_a_layer_of_large_scores_loses_as_much() -> None:
    large = [1000.0 * one for one in range(1, 9)]
    _, raw = chosen(Aim(channels=12), dear=large)
    _, even = chosen(Aim(channels=12), compare="group", dear=large)
    assert (len(raw["dear"]), len(raw["cheap"])) == (8, 4)
    assert (len(even["dear"]), len(even["cheap"])) == (6, 6)


def test_it_ends_as_soon_as_enough_is_saved() -> None:
    choice, kept = chosen(
        Aim(macs=64 * 27 * 5 + 5 * 8 + 40), compare="cost"
    )  # five of the dear layer, by hand
    assert choice.reached
    assert (len(kept["dear"]), len(kept["cheap"])) == (5, 8)
    assert choice.macs == 64 * 27 * 5 + 5 * 8 + 40


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (Limits(minimum=3), (3, 3)),
        (Limits(multiple=4), (4, 4)),
        (Limits(multiple=8), (8, 8)),
        (Limits(most=0.5), (4, 4)),
        (Limits(minimum=2, multiple=3), (3, 3)),
        (Limits(), (1, 1)),
    ],
)
def test_no_group_falls_below_its_limits(limits: Limits, sizes: tuple[int, int]) -> None:
    choice, kept = chosen(Aim(macs=0.0), limits)
    assert (len(kept["dear"]), len(kept["cheap"])) == sizes
    assert not choice.reached


def test_what_left_in_earlier_rounds_counts() -> None:
    assert Limits(most=0.5).sizes(5, 8) == [5, 4]
    assert Limits(most=0.5).sizes(4, 8) == [4]


def test_what_is_left_is_a_multiple_though_the_group_was_none() -> None:
    assert Limits(multiple=8).sizes(22) == [22, 16, 8]
    assert Limits(multiple=8, minimum=16).sizes(24) == [24, 16]
