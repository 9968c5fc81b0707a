"""What built-in operators take and give, as far as LiteRT's kernels rely on it without looking."""

from __future__ import annotations

from typing import Any


def check_operator(kind: int, inputs: list[Any], outputs: list[Any]) -> str:
    """Check what an operator reads and makes; gives what is wrong, to complete "it ", or ""."""
    return ""
