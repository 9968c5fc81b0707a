"""The exhibit of a finding, as data to be drawn: bars, tables, curves, plots, matrices and samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

Note = Any
"""A pass's note under one name, as report.json holds it; missing keys are left out of what is shown."""


class Quantity(NamedTuple):
    """A value with its unit: "1", "error", "bytes", "ms", "s", "count", or "%" of a share; None for one not known."""

    value: float | None
    unit: str = "1"


Cell = str | Quantity


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of a bar chart.

    Attributes:
        label: what it is about.
        values: one for each series; None where there is none.
        marked: whether it is the one that was chosen or kept.
        text: beside the label, in small letters.
    """

    label: str
    values: tuple[float | None, ...]
    marked: bool = False
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A bar chart, one line below the other.

    Attributes:
        bars: in order.
        unit: of all values.
        series: names of the values of a bar, where it has several.
        legend: what is shown.
    """

    macro: ClassVar[str] = "bars"
    bars: tuple[Bar, ...]
    unit: str = "1"
    series: tuple[str, ...] = ()
    legend: str = ""

    @property
    def largest(self) -> float:
        """Give the value of a full bar."""
        return max((value for bar in self.bars for value in bar.values if value), default=1.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table; `marked` as in `Bar`."""

    cells: tuple[Cell, ...]
    marked: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        headings: of the columns.
        rows: in order.
        summary: what is said in its place until somebody opens it; "" for a table that stands open.
    """

    macro: ClassVar[str] = "table"
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a curve.

    Attributes:
        x: along.
        y: upwards.
        ok: whether it kept to the budget.
        kept: whether it is the one that was kept.
    """

    x: float
    y: float
    ok: bool = True
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points in order, joined by a line."""

    macro: ClassVar[str] = "curve"
    points: tuple[Point, ...]
    x_name: str
    y_name: str


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts of values in bins of equal width, with the ends of a grid; heights are logarithms.

    Attributes:
        title: whose values these are.
        counts: of each bin, from low to high.
        low: where the first bin begins.
        high: where the last one ends.
        ends: the smallest and the largest number of the grid.
    """

    macro: ClassVar[str] = "histogram"
    title: str
    counts: tuple[float, ...]
    low: float
    high: float
    ends: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a plot: its name, and points from the left to the right; a gap where a value is None."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Lines over one axis.

    Attributes:
        lines: with one unit.
        x_name: what runs along.
        y_name: what runs upwards.
        ends: of the vertical axis; None for those of the values.
        at: where a line across marks something; None for nowhere.
        mark: what stands beside it.
        summary: what is said in its place until somebody opens it; "" for a plot that stands open.
    """

    macro: ClassVar[str] = "plot"
    lines: tuple[Line, ...]
    x_name: str
    y_name: str
    ends: tuple[float, float] | None = None
    at: float | None = None
    mark: str = ""
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Counts by row and column.

    Attributes:
        rows: their names.
        columns: likewise.
        counts: of each row.
        row_name: what rows are.
        column_name: what columns are.
    """

    macro: ClassVar[str] = "matrix"
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    row_name: str
    column_name: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One object, class or number in a sample.

    Attributes:
        label: name of the class, of the number or of the point.
        score: in 0..1; None where none is known.
        box: (ymin, xmin, ymax, xmax) in 0..1 of the picture; None for what is said of the whole sample.
        alone: whether the other model does not say so.
        value: the number; None for objects and classes.
    """

    label: str
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    alone: bool = False
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The values of one output, as each of several models gives them; None for one that is not finite."""

    name: str
    values: tuple[tuple[str, tuple[float | None, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class SampleView:
    """One sample with what is right, and what models say of it.

    Attributes:
        name: of the sample.
        note: a few words on what differs.
        picture: a JPEG in base 64; "" where it is no picture.
        width: of it in pixels.
        height: likewise.
        text: what the sample is, where there is no picture.
        truth: what is right; None where nobody knows.
        said: what each model says, by its name.
        traces: outputs that mean nothing but numbers.
    """

    name: str
    note: str = ""
    picture: str = ""
    width: int = 0
    height: int = 0
    text: str = ""
    truth: tuple[Mark, ...] | None = None
    said: tuple[tuple[str, tuple[Mark, ...]], ...] = ()
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples beside one another."""

    macro: ClassVar[str] = "samples"
    views: tuple[SampleView, ...]


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """All that a page shows of one finding.

    Attributes:
        title: a few words.
        parts: below each other.
        text: sentences above them.
    """

    title: str
    parts: tuple[Bars | Table | Curve | Histogram | Plot | Matrix | Samples, ...]
    text: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """The two presentations of one kind of note.

    Attributes:
        lines: for a terminal; [] where there is nothing worth a line.
        exhibit: for a page; None where there is nothing worth drawing.
    """

    lines: Callable[[Note], list[str]]
    exhibit: Callable[[Note], Exhibit | None]


def number(mapping: Mapping[str, Any], key: str) -> float | None:
    """Give a value of a note; None where it is missing or no number."""
    value = mapping.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
