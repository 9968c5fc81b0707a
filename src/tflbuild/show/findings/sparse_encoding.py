"""The bytes that a file saves by storing kernels without their zeros."""

from __future__ import annotations

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Presentation, number


def lines(note: Note) -> list[str]:
    """Say both sizes."""
    sparse, dense = number(note, "bytes"), number(note, "dense_bytes")
    if sparse is None or dense is None:
        return []
    return [f"sparse encoding: {sparse:,.0f} bytes, with zeros it would be {dense:,.0f}"]


def exhibit(note: Note) -> Exhibit | None:
    """Set the sizes side by side."""
    sparse, dense = number(note, "bytes"), number(note, "dense_bytes")
    if sparse is None or dense is None:
        return None
    text = f"{note.get('kernels', '?')} kernels"
    bars = (Bar(label="with zeros", values=(dense,)), Bar(label="without", values=(sparse,), text=text))
    return Exhibit(title="kernels stored without their zeros", parts=(Bars(bars=bars, unit="bytes"),))


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
