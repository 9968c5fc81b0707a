"""The grid of quantized weights, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.quantization.grid import ON_GRID, bits_of, grid_of, off_grid


def test_only_convolutions_and_dense_layers_may_have_fewer_bits() -> None:
    found = {
        kind: bits_of(kind, 4)
        for kind in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
    }
    assert found == {"CONV_2D": 4, "FULLY_CONNECTED": 4, "DEPTHWISE_CONV_2D": 8, "TRANSPOSE_CONV": 8}
    assert bits_of("CONV_2D", 8) == 8


@pytest.mark.parametrize(
    ("kind", "granularity", "bits", "most", "scales"),
    [
        ("CONV_2D", "channel", 8, 127, [4 / 127, 8 / 127]),
        ("CONV_2D", "tensor", 4, 7, [8 / 7]),
        ("DEPTHWISE_CONV_2D", "channel", 4, 127, [7 / 127, 8 / 127]),
        ("DEPTHWISE_CONV_2D", "tensor", 8, 127, [8 / 127]),
    ],
)
def test_the_largest_weight_of_a_channel_is_the_largest_level(
    kind: str, granularity: str, bits: int, most: int, scales: list[float]
) -> None:
    """Weights -1, 2, -3, 4 and 5, 6, 7, -8: channels are rows of a convolution, and columns of a depthwise one."""
    weights = np.array([[-1, 2, -3, 4], [5, 6, 7, -8]], np.float32).reshape(
        (2, 1, 2, 2) if kind == "CONV_2D" else (1, 2, 2, 2)
    )
    grid = grid_of(kind, weights, bits, granularity)  # type: ignore[arg-type]
    assert grid.most == most
    assert grid.scales == pytest.approx(scales)
    ratios = grid.ratios(weights)
    assert np.abs(ratios).max() == pytest.approx(most)
    assert ratios.shape == weights.shape
    np.testing.assert_allclose(grid.values(ratios), weights, rtol=1e-6)


def test_what_lies_between_two_levels_is_counted() -> None:
    grid = grid_of("FULLY_CONNECTED", np.array([[127.0, 0, 0, 0]], np.float32), 8, "channel")
    near, off = 0.5 * ON_GRID, 2 * ON_GRID
    assert off_grid(grid, np.array([[127.0, 3 + near, 4 - near, -5 + near]], np.float32)) == 0
    assert off_grid(grid, np.array([[127.0, 3 + off, 4 - off, 5.5]], np.float32)) == 3
    assert pytest.approx(1e-3) == ON_GRID, "levels: a thousand times what float32 loses of 127"
