"""The places of a histogram's bins and of its grid's ends, by hand."""

from __future__ import annotations

import math

import pytest

from tflbuild.core.exhibit import Exhibit, Histogram
from tflbuild.show.pages.histogram import FLOOR, TOP, WIDTH, place
from tflbuild.show.pages.page import environment


def histogram(*counts: float) -> Histogram:
    """Give bins over 0 .. 4 of which the grid holds 1 .. 3."""
    return Histogram(title="conv <b>: weights", counts=counts, low=0.0, high=4.0, ends=(1.0, 3.0))


def test_a_bin_is_as_high_as_the_logarithm_of_its_count_and_red_beyond_the_ends() -> None:
    drawn = place(histogram(9, 0, 99, 1))
    assert [bar["x"] for bar in drawn.bars] == [0.0, WIDTH / 2, 3 * WIDTH / 4], "an empty bin is not drawn"
    full = FLOOR - TOP
    heights = [math.log(10) / math.log(100), 1.0, math.log(2) / math.log(100)]
    assert [bar["height"] for bar in drawn.bars] == pytest.approx([full * one for one in heights], abs=0.06)
    assert all(bar["y"] + bar["height"] == pytest.approx(FLOOR, abs=0.11) for bar in drawn.bars)
    assert [bar["beyond"] for bar in drawn.bars] == [True, False, True]
    assert [end["x"] for end in drawn.ends] == [WIDTH / 4, 3 * WIDTH / 4]
    assert [end["text"] for end in drawn.ends] == ["1", "3"]


def test_nothing_counted_is_drawn_as_nothing() -> None:
    assert place(histogram(0, 0)).bars == []
    assert place(histogram()).bars == []


def test_a_page_shows_it_with_its_title_escaped() -> None:
    parts = environment().get_template("parts.html.j2").module
    made = parts.exhibit(Exhibit(title="layers", parts=(histogram(1, 2, 3, 4),)))  # type: ignore[attr-defined]
    assert made.count("<rect") == 4
    assert made.count('class="beyond"') == 2
    assert "conv &lt;b&gt;: weights" in made
    assert made.count('class="limit"') == 2
