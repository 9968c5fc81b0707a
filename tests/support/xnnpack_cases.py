"""Small files, each of which keeps or breaks one condition of XNNPACK; LiteRT itself says which operators it takes."""

from __future__ import annotations

import xnnpack_graphs
import xnnpack_layers
import xnnpack_numbers
import xnnpack_shapes

CASES = {**xnnpack_numbers.CASES, **xnnpack_layers.CASES, **xnnpack_shapes.CASES, **xnnpack_graphs.CASES}
"""Makers of files by a name that says what is special in them."""
