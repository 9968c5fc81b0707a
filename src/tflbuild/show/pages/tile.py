"""One figure on top of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tile(name: str, value: str, *notes: str, state: str = "") -> dict[str, Any]:
    """Give a figure with its name and what is said below it.

    Args:
        name: above the figure.
        value: the figure.
        notes: below it; "" is left out.
        state: "good", "warned" or "bad", which colours it; "" for none.
    """
    return {"name": name, "value": value, "notes": [note for note in notes if note], "state": state}


def measured_where(measured: Mapping[str, Any]) -> str:
    """Say on which images something was measured, and on how many."""
    return f"{measured['split']}, n = {measured['n']:,}" if measured.get("split") else ""
