"""What a sample looks like: figures worked out by hand, and copies that are no copies bit by bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tflbuild.evaluation.sample_look import groups, look


def ramp(rows: int = 8, columns: int = 16) -> Any:
    """Give a picture whose columns are 0, 1, 2, ... in the first channel, and minus that in the second."""
    row = np.arange(columns, dtype=np.float32)
    return np.stack([np.tile(row, (rows, 1)), -np.tile(row, (rows, 1))], axis=2)


def test_range_and_channels_are_those_of_a_ramp() -> None:
    """0 .. 15 have the mean 7.5 and the variance (16^2 - 1) / 12 = 21.25."""
    found = look(ramp())
    assert (found.low, found.high, found.width) == (-15, 15, 30)
    assert found.mean == pytest.approx([7.5, -7.5])
    assert found.deviation == pytest.approx([math.sqrt(21.25)] * 2)
    assert found.channels == pytest.approx(-1)


def test_neighbours_of_a_checkerboard_are_opposites_and_those_two_apart_are_alike() -> None:
    board = (np.indices((8, 16)).sum(axis=0) % 2).astype(np.float32)[..., None]
    found = look(board)
    assert (found.near, found.far) == (pytest.approx(-1), pytest.approx(1))
    assert math.isnan(found.channels)


def test_what_is_flat_or_has_too_few_places_has_no_neighbours() -> None:
    assert math.isnan(look(np.full((8, 16, 3), 0.3, np.float32)).near)
    assert math.isnan(look(np.arange(12, dtype=np.float32)).near)
    assert look(np.arange(12, dtype=np.float32)).thumbnail is None


def test_a_thumbnail_holds_means_of_the_parts() -> None:
    found = look(ramp(16, 18)[..., :1])
    assert found.thumbnail is not None
    assert found.thumbnail.shape == (8, 9)
    assert found.thumbnail[3] == pytest.approx([0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5, 16.5])


def test_copies_are_found_though_their_values_differ_a_little() -> None:
    rng = np.random.default_rng(0)
    smooth = [np.kron(rng.random((8, 9, 1)), np.ones((4, 4, 3))).astype(np.float32) for _ in range(3)]
    again = smooth[0] + rng.normal(0, 0.01, smooth[0].shape).astype(np.float32)
    darker = smooth[1] - 0.2  # the same hash, but other values
    looks = [look(one) for one in (smooth[0], smooth[1], smooth[0], again, smooth[2], darker)]
    assert groups(looks) == [0, 1, 0, 0, 4, 5]


def test_rows_of_numbers_are_copies_where_all_are_equal() -> None:
    rows = [np.array(row, np.float32) for row in ([1, 2], [1, 2], [1, 3])]
    assert groups([look(row) for row in rows]) == [0, 0, 2]
    assert groups([]) == []
