"""Settings in words and in the report, and which is chosen, by hand."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_type_hints

import pytest

from tflbuild.quantization import ranges, settings
from tflbuild.quantization.settings import RANGES, SHARED, USUAL, Scored, Setting, chosen


def scored(setting: Setting, *errors: float, top1: float | None = None, seconds: float = 1.5) -> Scored:
    return Scored(setting=setting, errors=errors, seconds=seconds, top1=top1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "minmax"),
        ({"ranges": "p99.9", "relu6": "replace"}, "p99.9"),
        ({"equalize": "weights", "relu6": "replace"}, "minmax, equalized by weights, RELU6 replaced"),
        (
            {"equalize": "activations", "correct_bias": True, "round": "learned"},
            "minmax, equalized by activations, learned rounding, biases corrected",
        ),
    ],
    ids=str,
)
def test_a_setting_says_what_differs_from_plain_quantization(options: dict[str, Any], text: str) -> None:
    assert Setting(**options).text == text


def test_settings_that_differ_in_any_option_are_built_apart() -> None:
    """A workbench keeps what it built by setting."""
    for option, kind in get_type_hints(Setting).items():
        values = get_args(kind) or (False, True)
        assert len({Setting(**{option: value}) for value in values}) == len(values)


def test_the_report_holds_every_option_and_how_well_it_did() -> None:
    setting = Setting(ranges="mse", correct_bias=True)
    found = scored(setting, 0.25, 0.75, top1=0.0, seconds=1.23456).to_json()
    assert found == {
        "setting": "mse, biases corrected",
        "ranges": "mse",
        "equalize": "none",
        "relu6": "keep",
        "correct_bias": True,
        "round": "nearest",
        "error": 0.5,
        "top1": 0.0,
        "seconds": 1.235,
    }
    assert set(found) >= {option.name for option in dataclasses.fields(Setting)}
    assert "top1" not in scored(setting, 1.0).to_json()


def test_every_way_is_searched_once() -> None:
    assert sorted(RANGES) == sorted(get_args(ranges.Method))
    assert {way for way, _ in SHARED} == set(get_args(settings.Equalize))
    assert len(set(SHARED)) == len(SHARED)
    assert ("none", "replace") not in SHARED, "nothing is replaced where nothing is equalized"
    assert (USUAL.ranges, USUAL.equalize, USUAL.correct_bias, USUAL.round) == (
        "mse",
        "noise",
        True,
        "nearest",
    )


def test_less_wrong_comes_first_and_then_less_error() -> None:
    found = [
        scored(USUAL, 2.0, top1=0.5),
        scored(USUAL, 3.0, top1=0.5),
        scored(USUAL, 1.0, top1=0.25),
        scored(USUAL, 0.5),
    ]
    mixed = [found[place] for place in (3, 1, 0, 2)]
    assert sorted(mixed, key=lambda each: each.rank) == found


PLAIN = Setting(ranges="mse", equalize="activations", correct_bias=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dataclasses.replace(PLAIN, ranges="entropy"), dataclasses.replace(PLAIN, round="learned")),
        (
            dataclasses.replace(PLAIN, equalize="weights", relu6="replace"),
            dataclasses.replace(PLAIN, correct_bias=False),
        ),
        (dataclasses.replace(PLAIN, ranges="entropy"), dataclasses.replace(PLAIN, equalize="weights")),
        (dataclasses.replace(PLAIN, ranges="p99.99"), dataclasses.replace(PLAIN, ranges="p99.999")),
        (dataclasses.replace(PLAIN, equalize="weights"), dataclasses.replace(PLAIN, equalize="none")),
    ],
    ids=["rounding first", "then biases", "then equalization", "then ranges", "in the order of the ways"],
)
def test_of_those_that_do_the_same_the_most_usual_is_chosen(one: Setting, other: Setting) -> None:
    for found in ([one, other], [other, one]):
        assert chosen([scored(setting, 1.0, 2.0) for setting in found]).setting == one


def rare(difference: list[float]) -> bool:
    """Say whether the rarer of two settings is chosen, which is better by so much on each image."""
    best = scored(Setting(ranges="entropy"), *[1.0] * len(difference))
    return chosen([best, scored(USUAL, *[1.0 + more for more in difference])]) is best


def test_a_difference_counts_from_two_standard_errors() -> None:
    """Differences of 0 and d, n times each: their mean is d / 2, their standard error d / 2 / sqrt(2 n - 1)."""
    assert rare([0.0, 0.2] * 3), "sqrt(5) standard errors"
    assert not rare([0.0, 0.2] * 2), "sqrt(3)"
    assert not rare([0.0, 0.0])


def test_fewer_right_answers_are_no_near_miss() -> None:
    best, usual = scored(Setting(), 1.0, 2.0, top1=0.9), scored(USUAL, 1.0, 2.0, top1=0.8)
    assert chosen([best, usual]) is best
    assert chosen([dataclasses.replace(best, top1=0.8), usual]) is usual


def test_steps_say_what_each_choice_gave_and_whether_images_tell() -> None:
    """Equalizing gives 1 on each image; lifting 0.1, give or take 1; correcting is sure again."""
    even = Setting(ranges="mse", equalize="activations")
    lifted = Setting(ranges="mse", equalize="noise")
    found = [
        Scored(setting=USUAL, errors=(0.5, 1.4, 2.4), seconds=0.0),
        Scored(setting=lifted, errors=(1.0, 1.9, 2.9), seconds=0.0),
        Scored(setting=even, errors=(2.0, 2.0, 2.1), seconds=0.0),
        Scored(setting=Setting(ranges="mse"), errors=(3.0, 3.0, 3.1), seconds=0.0),
        Scored(setting=Setting(ranges="minmax"), errors=(9.0, 9.0, 9.0), seconds=0.0),
    ]
    steps = settings.steps_to(USUAL, found)
    assert [step["step"] for step in steps] == [
        "mse",
        "mse, equalized by activations",
        "mse, small channels lifted",
        "mse, small channels lifted, biases corrected",
    ]
    assert [step["falls"] for step in steps] == [None, True, False, True]
    assert [step["n"] for step in steps] == [3, 3, 3, 3]
    assert steps[1]["error"] == pytest.approx(6.1 / 3)


def test_steps_that_were_not_tried_are_left_out() -> None:
    best = Setting(ranges="p99.9", equalize="weights", correct_bias=True)
    only = Scored(setting=best, errors=(1.0, 2.0), seconds=0.0)
    assert [step["step"] for step in settings.steps_to(best, [only])] == [best.text]
