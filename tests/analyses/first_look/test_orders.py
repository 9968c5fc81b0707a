"""Orders of classes, by hand."""

from __future__ import annotations

import itertools
import shlex

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from scipy import stats

from tflbuild.analyses.first_look.orders import (
    ClassPairs,
    best_order,
    candidates,
    class_pairs,
    confusion,
    override,
    tried,
)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_order_is_nearly_that_of_trying_all(seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 30, (5, 5))
    best = max(sum(table[k, p[k]] for k in range(5)) for p in itertools.permutations(range(5)))
    order = best_order(table)
    assert sorted(order) == list(range(5))
    assert sum(table[k, order[k]] for k in range(5)) >= 0.9 * best


@pytest.mark.parametrize("seed", range(20))
def test_no_exchange_of_two_classes_helps_any_more(seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 30, (6, 6))
    order = best_order(table)
    for one, other in itertools.combinations(range(6), 2):
        now = table[one, order[one]] + table[other, order[other]]
        assert table[one, order[other]] + table[other, order[one]] <= now


def test_greed_alone_is_not_followed() -> None:
    assert best_order(np.array([[50, 49], [49, 0]])) == [1, 0]
    assert best_order(np.array([[50, 49], [49, 47]])) == [1, 0], "98 are one more than 97"
    assert best_order(np.array([[50, 49], [49, 48]])) == [0, 1], "and not more than 98"


def test_what_was_never_said_keeps_its_place() -> None:
    assert best_order(np.array([[0, 9, 0, 0], [9, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])) == [1, 0, 2, 3]


def test_what_was_never_said_and_lost_its_place_takes_one_that_is_left() -> None:
    assert best_order(np.array([[0, 0, 9], [0, 0, 0], [0, 0, 0]])) == [2, 1, 0]


def test_usual_orders_are_tried_once_each() -> None:
    found = candidates(("10", "2", "1"), {"labels.txt": ("1", "2", "10"), "other.txt": ("1", "2")})
    assert found == {
        "as in labels.txt": ("1", "2", "10"),  # the order of their numbers, and in reverse, too
        "in alphabetical order": ("1", "10", "2"),
    }
    assert candidates(("a", "b"), {}) == {"in reverse": ("b", "a")}


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


def test_names_without_meaning_for_hydra_are_typed_bare_and_others_in_quotes() -> None:
    assert override(("disc", "v1.2")) == "'data.classes=[disc,v1.2]'"
    for word in ("true", "FALSE", "null", "nan", "inf", "Yes", "no", "on", "Off", "1a", "a b"):
        assert override((word,)) == f"'data.classes=[\"{word}\"]'"


def test_what_is_said_of_an_image_is_its_best_score_or_its_surest_detection() -> None:
    scores = np.array([[0.1, 0.9, 0.0], [0.5, 0.2, 0.6]], np.float32)
    truth = {"labels": np.array([1, 0], np.int32), "names": np.array(["a", "b", "c"])}
    pairs = class_pairs({"scores": scores}, truth)
    assert (pairs.predicted.tolist(), pairs.true.tolist(), pairs.image.tolist()) == ([1, 2], [1, 0], [0, 1])
    assert (pairs.names, pairs.classes) == (("a", "b", "c"), 3)

    box, away = [0.0, 0.0, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]
    truth |= {"boxes": np.array([box, away, box, away]), "labels": np.array([0, 1, 2, 0])}
    truth["offsets"] = np.array([0, 2, 2, 4])  # none in the second image
    found = {"boxes": np.array([away, box, box, away]), "classes": np.array([5, 2, 1, 0])}
    found |= {"scores": np.array([0.5, 0.6, 0.7, 0.1]), "offsets": np.array([0, 3, 3, 4])}
    pairs = class_pairs(found, truth)
    # The first image's box by the surer of two, its other object, and the last object of the third image.
    assert pairs.predicted.tolist() == [1, 5, 0]
    assert pairs.true.tolist() == [0, 1, 0]
    assert pairs.image.tolist() == [0, 0, 2]


def test_confusions_are_counted_by_model_then_data() -> None:
    pairs = ClassPairs(np.array([0, 0, 1, 2, 3]), np.array([1, 1, 0, 2, 0]), np.arange(5), ("a", "b", "c"))
    assert confusion(pairs).tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 1]]


def rotated(count: int, wrong: int = 0) -> ClassPairs:
    """Say of each image the class before, but for the last ones, which are said right."""
    true = np.arange(count) % 3
    said = (true - 1) % 3
    said[count - wrong :] = true[count - wrong :]
    return ClassPairs(said, true, np.arange(count), ("a", "b", "c"))


def test_an_order_is_worth_what_it_gets_right() -> None:
    rows = tried(rotated(60, wrong=6), {"labels.txt": ("b", "c", "a")})
    best = rows[0]
    interval = stats.binomtest(54, 60).proportion_ci(0.95, "wilson")
    assert (best["how"], best["classes"]) == ("as in labels.txt", ["b", "c", "a"])
    assert (best["value"], best["n"], best["better"]) == (0.9, 60, True)
    assert (best["low"], best["high"]) == pytest.approx((interval.low, interval.high))
    assert best["override"] == "'data.classes=[b,c,a]'"
    others = rows[1:]
    assert [row["value"] for row in others] == sorted((row["value"] for row in others), reverse=True)
    # By hand: a of c is right for the 18 images of a, and b of b for 2 of the last 6.
    assert {row["how"]: row["value"] for row in others} == {"in reverse": pytest.approx(20 / 60)}


def test_the_order_that_mistakes_show_is_read_off_even_images_and_measured_on_odd_ones() -> None:
    pairs = rotated(60)
    odd = pairs.image % 2 == 1
    flawed = pairs._replace(predicted=np.where(odd & (pairs.image < 20), pairs.true, pairs.predicted))
    (row,) = (row for row in tried(flawed, {}) if "its mistakes on the other half" in row["how"])
    assert (row["classes"], row["n"], row["value"]) == (["b", "c", "a"], 30, pytest.approx(20 / 30))
    unseen = pairs._replace(predicted=np.where(odd, pairs.predicted, pairs.true))
    assert all("mistakes" not in row["how"] for row in tried(unseen, {}))


def test_an_order_that_is_barely_better_is_not_called_better() -> None:
    """Newcombe's lower end has to be above 0.02: at 222 of 400 it is about 0.01, at 230 about 0.05."""
    true = np.arange(400) % 2
    for swapped, better in ((222, False), (230, True)):
        said = np.where(np.arange(400) < swapped, 1 - true, true)
        (row, *_) = tried(ClassPairs(said, true, np.arange(400) * 2, ("a", "b")), {})
        assert (row["value"], row["better"]) == (swapped / 400, better)


def test_too_few_things_show_no_order() -> None:
    assert all("mistakes" not in row["how"] for row in tried(rotated(5), {}))
    assert any("mistakes" in row["how"] for row in tried(rotated(6), {}))


def test_of_nothing_seen_nothing_is_better() -> None:
    nothing = ClassPairs(*[np.zeros(0, np.int64)] * 3, names=("a", "b"))
    (row,) = tried(nothing, {})
    assert (row["value"], row["low"], row["high"], row["n"], row["better"]) == (0.0, 0.0, 1.0, 0, False)


def test_classes_that_the_data_do_not_have_stay_wrong_in_every_order() -> None:
    pairs = ClassPairs(np.array([1, 0, 4, 4]), np.array([0, 1, 0, 1]), np.arange(4), ("a", "b"))
    assert tried(pairs, {})[0]["value"] == 0.5


def test_names_are_sorted_as_people_sort_them() -> None:
    found = candidates(("b10", "b9", "A1", "c"), {"list": ("c", "b9", "B10", "a1"), "short": ("c",)})
    assert found == {
        "as in list": ("c", "b9", "b10", "A1"),
        "in alphabetical order": ("A1", "b10", "b9", "c"),
        "in the order of their numbers": ("A1", "b9", "b10", "c"),
        "in reverse": ("c", "A1", "b9", "b10"),
    }
    capitals = candidates(("b", "C", "a"), {})
    assert capitals["in alphabetical order"] == ("C", "a", "b")
    assert capitals["in alphabetical order, ignoring case"] == ("a", "b", "C")


def test_a_part_of_the_pairs_is_that_of_each_of_their_columns() -> None:
    pairs = ClassPairs(np.arange(4), np.arange(4) + 10, np.arange(4) + 20, ("a", "b"))
    found = pairs.part(np.array([True, False, False, True]))
    assert [list(column) for column in found[:3]] == [[0, 3], [10, 13], [20, 23]]
    assert (found.names, found.classes) == (("a", "b"), 2)
