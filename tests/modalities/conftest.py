"""A generator whose draws are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

WHOLE, NO_CHANGE = 0.999, 0.5
"""Draws that choose neither crop nor wider view, and that change no colour."""


class Draws:
    """Give for `random(10)` the draws of an augmentation by meaning, and for `random((n, 4))` those of crops."""

    def __init__(self, crops: list[list[float]] | None = None, **named: float) -> None:
        meanings = {"choice": WHOLE, "first": 0.5, "second": 0.5, "third": 0.5}
        meanings |= dict.fromkeys(("brightness", "contrast", "saturation", "hue"), NO_CHANGE)
        meanings |= {"flip": 0.999, "spare": 0.5}
        assert named.keys() <= meanings.keys()
        self._draws = list((meanings | named).values())
        self._crops = crops or []

    def random(self, size: Any) -> Any:
        if size == 10:
            return np.array(self._draws)
        rows, columns = size
        assert columns == 4
        return np.array((self._crops * rows)[:rows])


@pytest.fixture
def draws() -> Callable[..., Any]:
    return Draws
