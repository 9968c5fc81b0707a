"""Styles of YOLO heads, and the numbers that they agree on as a rule."""

from __future__ import annotations

STYLES = ("v5", "v5_maps", "v8", "yolox", "nanodet", "fastestdet")

STRIDES = (8, 16, 32)

FINER = ((4, 8, 16, 32), (8, 16, 32, 64), (16, 32))
"""Strides of others than most."""

BEFORE_CLASSES = {"v5": 5, "v5_maps": 5, "v8": 4, "yolox": 5, "fastestdet": 5}
"""Numbers of a row that are not scores of classes."""
