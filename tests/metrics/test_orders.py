"""Orders of classes, by hand."""

from __future__ import annotations

import itertools
import shlex

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tflbuild.metrics.orders import best_order, candidates, override


@pytest.mark.parametrize("seed", range(20))
def test_the_best_order_is_nearly_that_of_trying_all(seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 30, (5, 5))
    best = max(sum(table[k, p[k]] for k in range(5)) for p in itertools.permutations(range(5)))
    order = best_order(table)
    assert sorted(order) == list(range(5))
    assert sum(table[k, order[k]] for k in range(5)) >= 0.9 * best


def test_greed_alone_is_not_followed() -> None:
    assert best_order(np.array([[50, 49], [49, 0]])) == [1, 0]


def test_what_was_never_said_keeps_its_place() -> None:
    assert best_order(np.array([[0, 9, 0, 0], [9, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])) == [1, 0, 2, 3]


def test_usual_orders_are_tried_once_each() -> None:
    found = candidates(("10", "2", "1"), {"labels.txt": ("1", "2", "10"), "other.txt": ("1", "2")})
    assert found == {
        "as in labels.txt": ("1", "2", "10"),  # the order of their numbers, and the other way round, too
        "in alphabetical order": ("1", "10", "2"),
    }
    assert candidates(("a", "b"), {}) == {"the other way round": ("b", "a")}


@pytest.mark.parametrize(
    "names",
    [
        ("disc", "square"),
        ("no entry", "a,b"),
        ('say "hi"', "it's"),
        ("12", "true"),
        ("back\\slash", "[x]", "ä=1", ""),
        ('a\\"b', "c\\", "${x}"),
    ],
)
def test_what_is_typed_is_read_as_the_same_names(names: tuple[str, ...]) -> None:
    (word,) = shlex.split(override(names))
    parsed = OverridesParser.create().parse_override(word)
    assert parsed.value() is not None
    assert [str(name) for name in parsed.value()] == list(names)
