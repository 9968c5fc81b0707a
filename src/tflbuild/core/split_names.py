"""Names of the splits of a data set, as people call them."""

from __future__ import annotations

from collections.abc import Mapping

SPLITS = ("train", "val", "test")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Usual names of the splits."""

SPLIT_OF = {name: split for split, names in ALIASES.items() for name in names}
