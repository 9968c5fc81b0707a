"""The shades of a matrix of counts: a cell's share of its row."""

from __future__ import annotations

from typing import Any, NamedTuple

from tflbuild.core.decision import NOTHING
from tflbuild.core.exhibit import Matrix
from tflbuild.show.pages.figures import MISSING

DARKEST = 40
"""Percent of colour in a cell that has all of its row: text stays readable on it."""


class Shaded(NamedTuple):
    """A matrix with its shades.

    Attributes:
        matrix: it.
        rows: name, cells and their sum; a cell has its text, percent of colour, and whether it is right.
    """

    matrix: Matrix
    rows: list[dict[str, Any]]


def shaded(matrix: Matrix) -> Shaded:
    """Give each cell its shade."""
    rows = []
    for name, counts in zip(matrix.rows, matrix.counts, strict=True):
        total = sum(counts)
        cells = [
            {
                "text": MISSING if name == column == NOTHING else f"{count:,}",
                "shade": round(DARKEST * count / total) if total else 0,
                "right": name == column != NOTHING,
            }
            for column, count in zip(matrix.columns, counts, strict=True)
        ]
        rows.append({"name": name, "cells": cells, "total": total})
    return Shaded(matrix, rows)
