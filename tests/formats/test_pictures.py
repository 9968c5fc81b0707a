"""Pictures, by their shape and the range of their pixels."""

from __future__ import annotations

import pytest

from tflbuild.formats.pictures import USUAL, likeness, own_scaling, usual


@pytest.mark.parametrize(
    ("shape", "channels", "sure"),
    [
        ((1, 224, 224, 3), 3, True),
        ((1, 8, 8, 3), 3, True),
        ((1, 7, 8, 3), 0, True),
        ((1, 8, 32, 3), 3, True),
        ((1, 8, 33, 3), 0, True),
        ((-1, 96, 96, 3), 3, True),
        ((1, -1, -1, 3), 0, True),
        ((1, 96, 96, 1), 1, False),
        ((1, 120, 160, 1), 0, False),
        ((1, 49, 10, 1), 0, True),
        ((1, 96, 96, 2), 0, True),
        ((1, 3, 224, 224), 0, True),
        ((1, 96, 96), 0, True),
        ((), 0, True),
    ],
)
def test_a_shape_is_looked_at(shape: tuple[int, ...], channels: int, sure: bool) -> None:
    found = likeness(shape)
    assert (found.channels, found.sure) == (channels, sure)
    assert found.reason


def test_ranges_may_be_off_by_three_levels() -> None:
    for pixels in USUAL:
        level = (pixels.high - pixels.low) / 255
        assert usual(pixels.low, pixels.high) is pixels
        assert usual(pixels.low + 2.9 * level, pixels.high - 2.9 * level) is pixels
        assert usual(pixels.low + 3.2 * level, pixels.high) is None
        assert usual(pixels.low, pixels.high - 3.2 * level) is None
    assert usual(float("nan"), 1.0) is None


@pytest.mark.parametrize(
    ("scale", "offset", "takes"),
    [(1 / 255, 0, "raw"), (1, 0, ""), (1, -127.5, "raw"), (2, -1, "unit"), (-1, 1, ""), (0.6, 0, "")],
)
def test_scaling_of_ones_own_says_which_pixels_are_taken(scale: float, offset: float, takes: str) -> None:
    assert own_scaling(scale, offset) == takes
