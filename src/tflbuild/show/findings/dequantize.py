"""The float model that was made of a quantized file, against that file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation, Quantity, Row, Table, number
from tflbuild.core.plain_text import plain


def lines(note: Note) -> list[str]:
    """Say of each output how far the float model is from the file, and what explains it."""
    return [_line(str(name), found) for name, found in note.get("outputs", {}).items()] + _beyond(note)


def _line(name: str, found: Mapping[str, Any]) -> str:
    difference, rounding, clipping, rest, bound = (
        number(found, key) or 0.0 for key in ("difference", "rounding", "clipping", "unexplained", "bound")
    )
    if found.get("whole"):
        return (
            f"dequantize: '{plain(name)}' of the float model has other numbers than the shipped file's in "
            f"{difference:.2%} of its places ({number(found, 'samples') or 0:,.0f} samples): its steps make "
            f"{rounding:.2%}, the ends of its ranges {clipping:.2%}; rounded to its steps it has others in {rest:.2%}, "
            f"{bound:.2%} allowed"
        )
    return (
        f"dequantize: '{plain(name)}' of the float model is {difference:.2g} from the shipped file's "
        f"{_scale(found)}(rms, {number(found, 'samples') or 0:,.0f} samples): its steps make {rounding:.2g}, the ends "
        f"of its ranges {clipping:.2g}; rounded to its steps it is {rest:.2g} from it, {bound:.2g} allowed"
    )


def _scale(found: Mapping[str, Any]) -> str:
    step, size = number(found, "step"), number(found, "size")
    return f"of step {step:.2g} and size {size:.3g} " if step and size is not None else ""


def _beyond(note: Note) -> list[str]:
    found = note.get("beyond", [])
    if not found:
        return []
    first = found[0]
    many = "1 activation goes" if len(found) == 1 else f"{len(found)} activations go"
    low, high, least, most = (f"{first[key]:.3g}" for key in ("low", "high", "least", "most"))
    return [
        f"dequantize: {many} beyond ranges that the shipped file clips them to, which is not kept; "
        f"'{plain(first['name'], 60)}' has {low}..{high} and reaches {least}..{most}"
    ]


def exhibit(note: Note) -> Exhibit | None:
    """Show the outputs on the page, and the activations that are not clipped any more."""
    said = [f"{line[:1].upper()}{line[1:]}." for line in lines(note)]
    rows = tuple(
        Row(cells=(plain(one["name"]), *(Quantity(one[key]) for key in ("low", "high", "least", "most"))))
        for one in note.get("beyond", [])
    )
    table = Table(
        headings=("activation", "range from", "to", "reaches from", "to"),
        rows=rows,
        summary=f"{len(rows)} activations beyond the shipped ranges",
    )
    title = "the float model against the shipped file"
    return Exhibit(title=title, text=tuple(said), parts=(table,) if rows else ()) if said else None


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
