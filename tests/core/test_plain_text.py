"""Text from outside as a terminal may show it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.plain_text import HIDDEN, harmless, plain

TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Every mark of Unicode Standard Annex 9, table 1 and 2, that turns the direction of text."""


@pytest.mark.parametrize(
    "letter", [*TURNING, "\ufeff", "\u2028", "\u2029", "\x7f", "\x9b", "\ue000", "\U0010ffff"]
)
def test_what_a_terminal_may_obey_is_written_as_an_escape(letter: str) -> None:
    for shown in (plain(f"a{letter}b"), harmless(f"a{letter}b")):
        assert shown == f"a{letter.encode('unicode_escape').decode()}b"


def test_hidden_marks_are_those_and_no_others() -> None:
    assert frozenset(TURNING + "\ufeff\u2028\u2029") == HIDDEN


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.text(alphabet=st.characters(), max_size=20))
def test_one_line_comes_out_of_anything(text: str) -> None:
    shown = plain(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") or c in HIDDEN]
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize("text", ["größe 猫 🐈", "a b", "\u00a0", ""])
def test_what_people_write_stays(text: str) -> None:
    assert plain(text) == harmless(text) == text


def test_newlines_and_tabs_stay_where_lines_are_ours() -> None:
    assert harmless("a\n\tb\rc") == "a\n\tb\\rc"
    assert plain("a\n\tb\rc") == "a\\n\\tb\\rc"


@pytest.mark.parametrize(("length", "shown"), [(299, "x" * 299), (300, "x" * 300), (301, "x" * 299 + "…")])
def test_more_than_300_letters_are_cut(length: int, shown: str) -> None:
    assert plain("x" * length) == shown


def test_letters_are_counted_as_they_are_shown() -> None:
    assert plain("\x1b" * 3, most=8) == "\\x1b\\x1…"
    assert plain(None) == "None"
