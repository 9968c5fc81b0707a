"""Thresholds in words and in drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.exhibit import Exhibit, Line, Matrix, Plot, Quantity, Row, Table
from tflbuild.core.plain_text import plain

LONGEST = 40
"""Letters of a class's name."""


def sentence(found: Mapping[str, Any]) -> str:
    """Say which threshold is best on val, and what it gives on test."""
    score, at = _score(found), found["threshold"]
    if at is None:
        return f"no threshold gives a correct answer on {found['chosen_on']}"
    val, test = found["val"], found["test"]
    return (
        f"threshold {at:.2f} has the best {score} on {found['chosen_on']}, {val['f']:.3f}; "
        f"on {found['measured_on']} it gives precision {_share(test['precision'])} and recall {_share(test['recall'])}"
    )


def _score(found: Mapping[str, Any]) -> str:
    return f"F{float(found['beta']):g}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def exhibits_of(found: Mapping[str, Any], title: str) -> list[Exhibit]:
    """Draw precision and recall, and which class was taken for which."""
    chosen, measured, at = found["chosen_on"], found["measured_on"], found["threshold"]
    said = sentence(found)
    rule = (
        f"The threshold was chosen on {chosen} by the best {_score(found)}; both lines are of {measured}, "
        f"which was not used to choose it. {found['what']}"
    )
    plot = Plot(
        lines=(_line("precision", found), _line("recall", found)),
        x_name="threshold of the score",
        y_name=f"share on {measured}",
        ends=(0.0, 1.0),
        at=at,
        mark="" if at is None else f"{at:.2f}, best on {chosen}",
    )
    drawn = [Exhibit(title=title, text=(f"{said[:1].upper()}{said[1:]}.", rule), parts=(plot,))]
    return drawn + _confusion(found, measured)


def _line(name: str, found: Mapping[str, Any]) -> Line:
    values: Sequence[float | None] = found[name]
    return Line(name=name, points=tuple(zip(found["thresholds"], values, strict=True)))


def _confusion(found: Mapping[str, Any], measured: str) -> list[Exhibit]:
    """Draw the matrix, or list the pairs of a large one."""
    matrix, pairs = found.get("confusion"), found.get("confused")
    title = "which classes are confused"
    if matrix:
        at = matrix["from_score"]
        which = (
            "by the class with the best score"
            if at is None
            else f"detections with a score of {at:.2f} or more"
        )
        part = Matrix(
            rows=tuple(plain(name, LONGEST) for name in matrix["rows"]),
            columns=tuple(plain(name, LONGEST) for name in matrix["columns"]),
            counts=tuple(tuple(int(count) for count in row) for row in matrix["counts"]),
            row_name="is",
            column_name="taken for",
        )
        text = (
            f"Counted on {measured}, {which}. Rows are the true class, columns what the delivered file says."
        )
        return [Exhibit(title=title, text=(text,), parts=(part,))]
    if pairs:
        rows = tuple(
            Row(
                cells=(plain(one["right"], LONGEST), plain(one["said"], LONGEST), Quantity(one["n"], "count"))
            )
            for one in pairs
        )
        table = Table(headings=("is", "taken for", "how often"), rows=rows)
        return [Exhibit(title=title, text=(f"The most frequent mistakes on {measured}.",), parts=(table,))]
    return []
