"""Options in plain text."""

from __future__ import annotations

from dataclasses import replace

from tflbuild.recipe.declared_options import GROUP, Option
from tflbuild.show.option_text import WIDTH, fact_lines, option_lines, reflowed

SHORT = Option(
    name="ramp",
    text="How long it rises.",
    range="0 <= ramp <= 1",
    unit="fraction",
    default="0.5",
    numeric=True,
)
LONG = replace(SHORT, name="learning_rate_schedule", range="cosine | " * 9 + "step", text="word " * 40)


def test_name_default_range_and_unit_are_one_line_where_they_fit() -> None:
    assert option_lines([SHORT]) == [
        "  ramp = 0.5                     0 <= ramp <= 1; fraction",
        "      How long it rises.",
    ]


def test_no_line_is_wider_than_a_terminal() -> None:
    lines = option_lines([LONG])
    assert lines[0] == "  learning_rate_schedule = 0.5"
    assert lines[1].startswith("      cosine | cosine")
    assert max(map(len, [*lines, *fact_lines(LONG, [("key", "default")])])) <= WIDTH


def test_a_group_and_an_option_that_nobody_describes_are_shown_by_name() -> None:
    assert option_lines([replace(SHORT, range=GROUP, default="", text="")]) == ["  ramp.*"]
    assert fact_lines(replace(SHORT, text="", unit="no unit"), [("", "0.5")]) == [
        "  (no description)",
        "",
        "  range    0 <= ramp <= 1",
        "  unit     none",
        "  default  0.5",
    ]


def test_every_key_that_sets_an_option_is_shown_with_its_default() -> None:
    assert fact_lines(SHORT, [("prune.ramp", "0.5"), ("data.root", "needed")])[-2:] == [
        "  key      prune.ramp                       default 0.5",
        "           data.root                        needed",
    ]


DOCSTRING = """\
A sentence
in two lines.

Styles:
    `a`: the first one,
        with more of it:
        and more.
    `b`: the second
    one.
References:
    Somebody, 2020."""


def test_a_docstring_is_broken_anew_and_entries_of_its_lists_stay_apart() -> None:
    assert reflowed(DOCSTRING).splitlines() == [
        "A sentence in two lines.",
        "",
        "Styles:",
        "    `a`: the first one, with more of it: and more.",
        "    `b`: the second one.",
        "References:",
        "    Somebody, 2020.",
    ]
    assert all(len(line) <= WIDTH for line in reflowed("word " * 99).splitlines())
