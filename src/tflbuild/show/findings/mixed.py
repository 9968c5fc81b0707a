"""The layers that `quantize_mixed` kept out of int8, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Presentation, Quantity, Row, Table, number
from tflbuild.core.file_size import signed_size


def _accuracies(note: Note) -> list[str]:
    """Say what the task's metric was in plain int8 and is now."""
    plain, now = (note.get("metrics", {}).get(which, {}) for which in ("int8", "mixed"))
    return [
        f"{name} {before['value']:.4f} in int8, {now[name]['value']:.4f} now"
        for name, before in plain.items()
        if before.get("value") is not None and now.get(name, {}).get("value") is not None
    ]


def lines(note: Note) -> list[str]:
    """Name what is kept with its cost, and what could not be tried."""
    return [*_kept(note), *_failures(note)]


def _failures(note: Note) -> list[str]:
    """Say how many candidates gave no file that runs, and why the first did not."""
    failed = note.get("failed", [])
    if not failed:
        return []
    count = f"{len(failed)} candidate{'s' if len(failed) != 1 else ''}"
    return [
        f"mixed: {count} could not be used; {failed[0].get('kept', '?')} kept: {failed[0].get('reason', '?')}"
    ]


def _kept(note: Note) -> list[str]:
    kept = note.get("kept", [])
    if not kept:
        return ["mixed: nothing had to be kept, int8 is within the budget"] if note.get("ok") else []
    verdict = "" if note.get("ok", True) else "; the budget does not hold"
    told = [
        f"mixed: {len(kept)} kept in {note.get('keep', '?')}, {note.get('judged', '?')} candidates judged{verdict}"
    ]
    return told + [f"  {layer.get('layer', '?')}: {_cost(layer)}" for layer in kept]


def _cost(layer: Mapping[str, Any]) -> str:
    """Say what a kept layer costs in bytes and time."""
    held, latency, noise = (number(layer, key) for key in ("file_bytes", "latency_ms", "latency_noise_ms"))
    within = f" (noise {noise:.3f})" if noise is not None else ""
    parts = [
        signed_size(held) if held is not None else "",
        f"{latency:+.3f} ms{within}" if latency is not None else "",
    ]
    return ", ".join(part for part in parts if part) or "its cost was not measured"


def exhibit(note: Note) -> Exhibit | None:
    """List what is kept, and draw how far each step lowered the output error."""
    kept, order = note.get("kept", []), note.get("order", [])
    text = [f"{sentence}." for sentence in (*_accuracies(note), *_failures(note))]
    if not kept:
        none = "Nothing had to be kept: int8 is within the budget."
        return (
            Exhibit(title="layers kept out of int8", text=(none, *text), parts=()) if note.get("ok") else None
        )
    headings = ("layer", "kept in", "weights", "file grows by", "latency rises by", "noise of that")
    rows = tuple(
        Row(
            cells=(
                str(layer.get("layer", "?")),
                str(layer.get("dtype", note.get("keep", ""))),
                Quantity(number(layer, "weight_bytes"), "bytes"),
                Quantity(number(layer, "file_bytes"), "bytes"),
                Quantity(number(layer, "latency_ms"), "ms"),
                Quantity(number(layer, "latency_noise_ms"), "ms"),
            )
        )
        for layer in kept
    )
    return Exhibit(
        title="layers kept out of int8",
        text=tuple(text),
        parts=(Table(headings=headings, rows=rows), *_course(kept, order)),
    )


def _course(kept: list[Mapping[str, Any]], order: list[Mapping[str, Any]]) -> list[Bars]:
    """Draw the output error after each step of the order in which layers were tried."""
    known = [step for step in order if number(step, "error_after") is not None]
    if not known:
        return []
    chosen = {tuple(layer.get("tensors", ())) for layer in kept}
    start = Bar(label="int8", values=(number(known[0], "error_before"),))
    bars = (
        Bar(
            label=f"and {step.get('layer', '?')}",
            values=(number(step, "error_after"),),
            marked=tuple(step.get("tensors", ())) in chosen,
        )
        for step in known
    )
    return [
        Bars(
            bars=(start, *bars),
            unit="error",
            legend="output error as more layers are kept; marked are those of the result",
        )
    ]


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
