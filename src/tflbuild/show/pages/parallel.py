"""The geometry of parallel coordinates: an axis for each key that was swept and each figure, a line for each job.

References:
    Inselberg, The plane with parallel coordinates, 1985.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tflbuild.show.pages.figures import figure, short
from tflbuild.show.pages.scatter import LATENCY, SIZE, text_of

WIDTH, HEIGHT = 960.0, 300.0
TOP, BOTTOM, SIDE = 52.0, 32.0, 84.0
"""Room above the axes, below them, and beside them, for text."""

NARROWEST = 130.0
"""Least distance of two axes; more axes make a wider drawing."""

LONGEST = 15
"""Letters of a key or a value that are drawn: more would run into the next axis."""

NEAREST = 15.0
"""Distance of two values on an axis, so that their texts are apart; of nearer ones the first is told."""


class Axis(NamedTuple):
    """One axis: its name, and the height of each job on it; None where the job has none."""

    name: str
    x: float
    marks: Sequence[Mapping[str, Any]]
    heights: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """A drawing of parallel coordinates.

    Attributes:
        width: of the drawing.
        axes: from the left to the right.
        lines: one per job that has a height on two axes: `number`, `points`, `status`, `pareto`, `run` and `text`.
    """

    width: float
    height: float = HEIGHT
    top: float = TOP
    bottom: float = BOTTOM
    axes: Sequence[Axis]
    lines: Sequence[Mapping[str, Any]]


def parallel(jobs: Sequence[Mapping[str, Any]], keys: Sequence[str], metric: str) -> Parallel | None:
    """Place jobs; None where there is no key or fewer than two jobs have a line."""
    columns = [(key, [job["overrides"].get(key) for job in jobs], "") for key in keys]
    found = [job.get("metrics", {}).get(metric) or {} for job in jobs]
    unit = next((one["unit"] for one in found if one.get("unit")), "1")
    columns.append((metric, [one.get("value") for one in found], unit))
    columns += [(one.name, [job.get(one.key) for job in jobs], one.text) for one in (SIZE, LATENCY)]
    columns = [column for column in columns if {*column[1]} - {None}]
    if not keys or len(columns) < 2:
        return None
    step = max(NARROWEST, (WIDTH - 2 * SIDE) / (len(columns) - 1))
    axes = [
        _axis(_short(name), round(SIDE + step * place, 1), values, of)
        for place, (name, values, of) in enumerate(columns)
    ]
    lines = [_line(number, job, axes, metric) for number, job in enumerate(jobs)]
    drawn = [line for line in lines if line["points"]]
    width = round(2 * SIDE + step * (len(columns) - 1), 1)
    return Parallel(width=width, axes=axes, lines=drawn) if len(drawn) > 1 else None


def _axis(name: str, x: float, values: Sequence[Any], unit: str) -> Axis:
    """Place numbers by size, and anything else by order of appearance; what is typed is a number where all are."""
    known = [value for value in values if value is not None]
    numbers = {value: _number(value) for value in known}
    if all(number is not None for number in numbers.values()):
        places = {value: number or 0.0 for value, number in numbers.items()}
    else:
        places = {value: float(place) for place, value in enumerate(dict.fromkeys(known))}
    low, high = min(places.values()), max(places.values())

    def height(value: Any) -> float:
        share = 0.5 if high == low else (places[value] - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    told = (
        [min(places, key=places.__getitem__), max(places, key=places.__getitem__)] if unit else list(places)
    )
    texts = {height(value): _short(figure(value, unit) if unit else short(value)) for value in told}
    marks = [{"y": y, "text": text, "end": y in (TOP, HEIGHT - BOTTOM)} for y, text in texts.items()]
    heights = [None if value is None else height(value) for value in values]
    return Axis(name, x, _apart(marks), heights)


def _apart(marks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out values whose text would lie over another's; the ends stay."""
    kept: list[Mapping[str, Any]] = []
    for mark in sorted(marks, key=lambda mark: not mark["end"]):
        if mark["end"] or all(abs(mark["y"] - other["y"]) >= NEAREST for other in kept):
            kept.append(mark)
    return kept


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _short(value: Any) -> str:
    """Cut a text; of a dotted key the last part is kept."""
    text = str(value)
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"


def _line(place: int, job: Mapping[str, Any], axes: Sequence[Axis], metric: str) -> dict[str, Any]:
    known = [(axis.x, axis.heights[place]) for axis in axes if axis.heights[place] is not None]
    return {
        "number": place + 1,
        "points": " ".join(f"{x},{y}" for x, y in known) if len(known) > 1 else "",
        "status": job["status"],
        "pareto": job["pareto"],
        "run": job.get("run"),
        "text": text_of(job, metric),
    }
