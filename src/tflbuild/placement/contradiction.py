"""Say what a device or its compiler did otherwise than rules predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tflbuild.placement.placement import Placed

MOST = 3
"""Operators that a sentence names."""


def contradiction(operators: Sequence[Placed]) -> Iterator[str]:
    """Say which operators were placed otherwise than predicted; nothing where there are none."""
    if operators:
        names = ", ".join(f"{one.index} ({one.name})" for one in operators[:MOST])
        more = f" and {len(operators) - MOST} more" if len(operators) > MOST else ""
        yield f"The rules had predicted operator{'s' * (len(operators) > 1)} {names}{more} otherwise."
