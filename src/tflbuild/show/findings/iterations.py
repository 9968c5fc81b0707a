"""The levels of sparsity that `prune` tried, and the last within the budget."""

from __future__ import annotations

from tflbuild.core.exhibit import Curve, Exhibit, Note, Point, Presentation, Quantity, Row, Table, number
from tflbuild.core.metric import headline


def _metric(note: Note) -> str:
    """Name the metric that the levels are judged by."""
    names = list(dict.fromkeys(name for level in note for name in level.get("metrics", {})))
    return headline(names) or (names[0] if names else "")


def _kept(note: Note) -> int:
    """Give the place of the level that was kept: the last within the budget, the first where none is."""
    return max((place for place, level in enumerate(note) if level.get("ok")), default=0)


def lines(note: Note) -> list[str]:
    """Say what each level scored."""
    metric, kept = _metric(note), _kept(note)
    told = [f"pruned in {len(note)} level{'s' if len(note) > 1 else ''}:"]
    for place, level in enumerate(note):
        value = number(level.get("metrics", {}), metric)
        scored = f", {metric} {value:.3f}" if value is not None else ""
        verdict = "kept" if place == kept else "within budget" if level.get("ok") else "over budget"
        told.append(f"  sparsity {100 * (number(level, 'sparsity') or 0):.0f} %{scored}: {verdict}")
    return told


def exhibit(note: Note) -> Exhibit | None:
    """Draw the metric against the sparsity."""
    if not note:
        return None
    metric, kept = _metric(note), _kept(note)
    names = list(dict.fromkeys(name for level in note for name in level.get("metrics", {})))
    measured = [
        (level, number(level, "sparsity"), number(level.get("metrics", {}), metric), place == kept)
        for place, level in enumerate(note)
    ]
    points = tuple(
        Point(x=x, y=y, ok=bool(level.get("ok")), kept=is_kept)
        for level, x, y, is_kept in measured
        if x is not None and y is not None
    )
    rows = tuple(
        Row(
            cells=(
                Quantity(number(level, "sparsity"), "%"),
                *(Quantity(number(level.get("metrics", {}), name)) for name in names),
                "yes" if level.get("ok") else "no",
            ),
            marked=place == kept,
        )
        for place, level in enumerate(note)
    )
    table = Table(headings=("sparsity", *names, "within budget"), rows=rows)
    curve = (Curve(points=points, x_name="sparsity", y_name=metric),) if len(points) > 1 else ()
    return Exhibit(title="levels of sparsity", parts=(*curve, table))


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
