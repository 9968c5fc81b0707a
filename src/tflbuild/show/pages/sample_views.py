"""The geometry of samples with what models say of them: boxes over a picture, and outputs as lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tflbuild.core.digest import of_bytes
from tflbuild.core.exhibit import Mark, SampleView, Trace
from tflbuild.show.pages.figures import MISSING

NAMED = 8
"""Answers that are listed under a picture."""

LABELLED = 4
"""Boxes of a picture that have their text over them."""

PIXELATED = 64
"""Pixels of a side up to which they are shown as they are, and not smoothed."""

WIDE = 0.68
"""Width of a letter by its height, so that text stays inside the picture."""

WIDTH, HEIGHT, MARGIN = 240.0, 72.0, 4.0
"""Size of a drawing of lines, and its margin."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The answers of one model, drawn over a picture.

    Attributes:
        name: of the model.
        boxes: `x`, `y`, `width` and `height` in pixels of the picture, and `alone`; of one that is alone, its text and
            where that stands.
        named: `text` and `alone` of what it says, the surest first.
        more: how many are not named.
    """

    name: str
    boxes: list[dict[str, Any]]
    named: list[dict[str, Any]]
    more: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A sample, placed.

    Attributes:
        view: what is drawn.
        key: names its picture within the page.
        letters: height of text over the picture, in its pixels.
        pixelated: whether the picture is so small that its pixels are shown as they are.
        truth: boxes of what is right.
        panels: one for each model.
        boxed: whether answers have boxes.
        rows: for answers without: what says it, the answer, and whether it is right; None where nobody knows.
        lines: for outputs that mean nothing but numbers: `name`, `text`, and `paths` by the model's name.
    """

    view: SampleView
    key: str
    letters: float
    pixelated: bool
    truth: list[dict[str, Any]]
    panels: list[Panel]
    boxed: bool
    rows: list[tuple[str, str, bool | None]]
    lines: list[dict[str, Any]]


def drawn(view: SampleView) -> Drawn:
    """Place what models say of a sample."""
    marks = [*(view.truth or ()), *(mark for _, said in view.said for mark in said)]
    boxed = bool(view.picture) and any(mark.box for mark in marks)
    return Drawn(
        view=view,
        key=f"sample-{of_bytes(view.picture.encode())[:12]}",
        letters=_letters(view),
        pixelated=0 < max(view.width, view.height) <= PIXELATED,
        truth=[_rectangle(view, mark) for mark in view.truth or () if mark.box],
        panels=[_panel(view, name, said) for name, said in view.said],
        boxed=boxed,
        rows=[] if boxed or view.traces else _rows(view),
        lines=[_lines(trace) for trace in view.traces],
    )


def _panel(view: SampleView, name: str, said: tuple[Mark, ...]) -> Panel:
    boxes = [_rectangle(view, mark) for mark in said if mark.box]
    for box in [box for box in boxes if box["alone"]][LABELLED:]:
        box["text"] = ""
    alone_first = sorted(said, key=lambda mark: not mark.alone)
    named = [{"text": _text(mark), "alone": mark.alone} for mark in alone_first[:NAMED]]
    return Panel(name=name, boxes=boxes, named=named, more=max(0, len(said) - NAMED))


def _rectangle(view: SampleView, mark: Mark) -> dict[str, Any]:
    assert mark.box is not None
    top, left, bottom, right = mark.box
    letters, text = _letters(view), _text(mark) if mark.alone else ""
    return {
        "x": round(left * view.width, 1),
        "y": round(top * view.height, 1),
        "width": round((right - left) * view.width, 1),
        "height": round((bottom - top) * view.height, 1),
        "alone": mark.alone,
        "text": text,
        "text_x": round(max(0.0, min(left * view.width, view.width - WIDE * letters * len(text))), 1),
        "text_y": round(max(letters, top * view.height - 2), 1),
    }


def _letters(view: SampleView) -> float:
    return round(max(7.0, view.width / 18), 1)


def _text(mark: Mark) -> str:
    if mark.value is not None:
        return f"{mark.label} {mark.value:.4g}"
    return mark.label if mark.score is None else f"{mark.label} {mark.score:.2f}"


def _rows(view: SampleView) -> list[tuple[str, str, bool | None]]:
    """Give the first answer of each, and what is right."""
    every = [*(view.truth or ()), *(mark for _, said in view.said for mark in said)]
    if any(mark.value is not None for mark in every):  # of numbers nobody says right or wrong
        truth = () if view.truth is None else (("truth", view.truth),)
        return [(name, ", ".join(map(_text, said)) or MISSING, None) for name, said in (*truth, *view.said)]
    right = None if view.truth is None else {mark.label for mark in view.truth}
    rows: list[tuple[str, str, bool | None]] = []
    if right is not None:
        rows.append(("truth", ", ".join(sorted(right)) or MISSING, None))
    for name, said in view.said:
        text = _text(said[0]) if said else MISSING
        rows.append((name, text, None if right is None or not said else said[0].label in right))
    return rows


def _lines(trace: Trace) -> dict[str, Any]:
    every = [value for _, values in trace.values for value in values if value is not None]
    if max((len(values) for _, values in trace.values), default=0) < 2 or not every:
        told = [f"{name} {_number(values[0] if values else None)}" for name, values in trace.values]
        return {"name": trace.name, "text": ", ".join(told), "paths": []}
    low, high = min(every), max(every)
    paths = [(name, _path(values, low, high)) for name, values in trace.values]
    return {"name": trace.name, "text": f"{_number(low)} to {_number(high)}", "paths": paths}


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4g}"


def _path(values: tuple[float | None, ...], low: float, high: float) -> str:
    """Give the points of a line; what is not finite has none."""
    span = (high - low) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    points = [
        f"{MARGIN + step * place:.1f},{HEIGHT - MARGIN - (value - low) / span * (HEIGHT - 2 * MARGIN):.1f}"
        for place, value in enumerate(values)
        if value is not None
    ]
    return " ".join(points)
