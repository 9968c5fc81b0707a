"""The size of a file, as people write it and as they read it: KiB and MiB."""

from __future__ import annotations

import re

KIB = 1024
UNITS = {
    "": 1,
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "ki": KIB,
    "mi": KIB**2,
    "gi": KIB**3,
    "ti": KIB**4,
}
"""Bytes of a unit, by its letters before the B."""

WRITTEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)

RIGHT = "500KB, 500KiB, 1.5MB, 5G, or a number of bytes"
"""Sizes that are understood, for messages. KB is 1,000 bytes, KiB is 1,024."""


def read_size(text: str) -> float | None:
    """Give the bytes that a size says; None where it says none.

    >>> read_size("500KB"), read_size("300 KiB"), read_size("5G"), read_size("1024")
    (500000.0, 307200.0, 5000000000.0, 1024.0)
    >>> read_size("large")
    """
    match = WRITTEN.fullmatch(text)
    if match is None or match[2].lower() not in UNITS:
        return None
    return float(match[1]) * UNITS[match[2].lower()]


def size(value: float) -> str:
    """Write a number of bytes for people; what a machine reads has them all.

    >>> size(312345), size(3_500_000), size(90)
    ('305.0 KiB', '3.3 MiB', '90 B')
    """
    if abs(value) < KIB:
        return f"{value:.0f} B"
    if abs(value) < KIB**2:
        return f"{value / KIB:,.1f} KiB"
    return f"{value / KIB**2:,.1f} MiB" if abs(value) < KIB**3 else f"{value / KIB**3:,.1f} GiB"


def signed_size(change: float) -> str:
    """Write how much larger or smaller a file is.

    >>> signed_size(-9344), signed_size(0)
    ('-9.1 KiB', '+0 B')
    """
    return f"{'-' if change < 0 else '+'}{size(abs(change))}"


def sizes_apart(first: float, second: float) -> tuple[str, str]:
    """Write two sizes so that they can be told apart: with their bytes where they read the same.

    >>> sizes_apart(312345, 250000), sizes_apart(307205, 307200)
    (('305.0 KiB', '244.1 KiB'), ('300.0 KiB (307,205 bytes)', '300.0 KiB (307,200 bytes)'))
    """
    said = size(first), size(second)
    if said[0] != said[1] or first == second:
        return said
    return f"{said[0]} ({first:,.0f} bytes)", f"{said[1]} ({second:,.0f} bytes)"
