"""Checks of values that lay in a file of somebody else: each has an edge, and nothing passes it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tflbuild.core.field_checks import (
    Check,
    boolean,
    check_fields,
    mapping,
    number,
    one_of,
    rows_of,
    text,
    text_mapping,
    whole,
)

FITS: dict[str, tuple[Check, list[Any], list[Any]]] = {
    # name: (a check, values that just fit, values that just do not)
    "whole": (whole(1, 7), [1, 7], [0, 8, 1.0, True, "1", None]),
    "any number": (number(), [0, -9.9e29, 9.9e29, 1], [1e30, -1e30, True, "1", None, [1]]),
    "no number that float32 cannot hold": (number(), [0.0], [math.nan, math.inf, -math.inf, 10**400]),
    "number above": (number(above=0), [1e-300, 1], [0, 0.0, -0.0, -1]),
    "number at most": (number(most=1), [1, 1.0, -5], [1.0000001, 2]),
    "number at least": (number(least=0), [0, -0.0, 3], [-1e-300, -1]),
    "one of": (one_of("a", "b"), ["a", "b"], ["c", "A", "", "ab", None, 1, ["a"]]),
    "rows": (rows_of(whole(0, 1), 3), [[0], (1, 0, 1)], [[], [0] * 4, [2], [0, None], "0", 0, {0: 0}, None]),
    "rows, perhaps none": (rows_of(whole(0, 1), 2, least=0), [[], [0, 1]], [[0] * 3, [2]]),
    "rows of one length": (rows_of(whole(0, 1), 2, least=2), [[0, 1]], [[0], [0, 1, 1]]),
    "rows of rows": (rows_of(rows_of(whole(0, 1), 1), 2), [[[0], [1]]], [[0], [[]], [[0, 1]]]),
    "text": (text(3), ["", "abc", "äöü"], ["abcd", None, 1, ["a"], b"abc"]),
    "mapping": (mapping, [{}, {"a": None}], [[], None, "x", 0]),
    "mapping of text": (text_mapping, [{}, {"a": "b"}], [{"a": 1}, {"a": ["b"]}, {1: "b"}, [], None, "a"]),
    "boolean": (boolean, [True, False], [0, 1, "true", None]),
}
FIELDS: dict[str, Check] = {"side": whole(1, 7), "kernel": one_of("box")}
WRONG: list[tuple[Any, str]] = [
    ({}, "'here.side' is missing"),
    ({"side": 0}, "'here.side' is 0"),
    ({"side": 1, "kernel": "cubic"}, "'here.kernel' is 'cubic'"),
    ({"side": "x" * 100}, f"'here.side' is '{'x' * 58}…"),
    ({"side": "\x1b[2J"}, r"'here.side' is '\x1b[2J'"),
    ({"side": 1, "more": 1}, "'here.more' is unknown to this version of tflbuild"),
    ({"side": 1, "\x1b[2J": 1}, r"'here.\x1b[2J' is unknown to this version of tflbuild"),
    ({"side": 1, "m" * 100: 1}, f"'here.{'m' * 54}…' is unknown to this version of tflbuild"),
    ({"side": 1, 7: 1}, "'here.7' is unknown to this version of tflbuild"),
]


@pytest.mark.parametrize("name", FITS)
def test_a_value_fits_within_its_bounds_and_no_further(name: str) -> None:
    check, right, wrong = FITS[name]
    assert [check(value) for value in right] == [True] * len(right)
    assert [check(value) for value in wrong] == [False] * len(wrong)


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_a_wrong_field_is_named_in_a_sentence_that_a_terminal_may_show(value: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        check_fields("here.", value, FIELDS, needed=("side",))
    assert str(caught.value) == message
    assert str(caught.value).isprintable()


def test_right_fields_say_nothing_and_no_other_is_needed() -> None:
    check_fields("", {"side": 7}, FIELDS, needed=("side",))
    check_fields("", {"kernel": "box", "side": 1}, FIELDS)
    check_fields("", {}, FIELDS)
