"""Show a build while it runs: in a live table, or in plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, cast

from tflbuild.core.label_list import shown
from tflbuild.core.plain_text import harmless, plain
from tflbuild.engine.events import Event, Listener
from tflbuild.show.audience import Sheltered, say
from tflbuild.show.findings import recognised
from tflbuild.show.findings.analyses import lines_of_analysis, texts_of
from tflbuild.show.findings.notes import lines_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

MARKS = {"cached": "cached", "ran": "done", "skipped": "skipped", "replaced": "replaced", "failed": "failed"}
STYLES = {"cached": "cyan", "done": "green", "skipped": "yellow", "replaced": "yellow", "failed": "bold red"}


SETTLING_SECONDS, SETTLING_SHARE = 5.0, 0.02
"""Time, and share of the work, after the first progress before the time left is worth saying: until then
graphs are traced, kernels compiled and caches filled."""


@dataclass
class Row:
    """The row of one step in the table.

    Attributes:
        since: when the first progress came, and how much was done by then: the rate is taken from there on.
    """

    label: str
    state: str = "waiting"
    started: float = 0.0
    since: tuple[float, float] | None = None
    done: float = 0.0
    total: float = 0.0
    seconds: float = 0.0
    size: int | None = None
    accuracy: str = ""
    gate: str = ""

    def show_time(self) -> str:
        """Say how long it took, or how long it has taken and how long it will."""
        if self.state not in ("running", "measuring"):
            return f"{self.seconds:.1f} s" if self.seconds else ""
        spent = time.time() - self.started
        left = None if self.state == "measuring" else self._left()
        return f"{spent:.0f} s" if left is None else f"{spent:.0f} s, {left:.0f} s left"

    def went_on(self, done: float, total: float) -> None:
        """Note how far it is; one that starts over, as another training in a row does, is timed anew."""
        if self.since is None or done < self.done or total != self.total:
            self.since = (time.time(), done)
        self.done, self.total = done, total

    def _left(self) -> float | None:
        """Estimate the seconds left; None as long as there is no telling."""
        if self.since is None or self.total <= 0:
            return None
        seconds, gained = time.time() - self.since[0], self.done - self.since[1]
        if seconds < SETTLING_SECONDS or gained < SETTLING_SHARE * self.total:
            return None
        return seconds * max(0.0, self.total - self.done) / gained


def listener() -> Listener:
    """Give the listener that shows a build: a live table on a terminal, plain lines elsewhere."""
    return LiveTable() if sys.stdout is not None and sys.stdout.isatty() else PlainLines()


def show_looking(done: int, total: int) -> None:
    """Say on a terminal how many files of a large data set were looked at; the line is wiped in the end."""
    stream = Sheltered(sys.stderr)
    if stream.isatty():
        text = f"looking at {total:,} files: {done:,}" if done < total else ""
        stream.write(f"\r{text}\x1b[K")
        stream.flush()


def primary_metric(metrics: Mapping[str, Any]) -> str:
    """Say the task's metric with its interval, in short."""
    for name in ("map", "top1"):
        if name in metrics and metrics[name]["value"] is not None:
            found = metrics[name]
            interval = "" if found.get("low") is None else f" [{found['low']:.3f}, {found['high']:.3f}]"
            return f"{name} {found['value']:.3f}{interval}"
    return ""


class PlainLines:
    """One line an event, for logs and pipes.

    Args:
        file: where to; None for the standard output.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        """Print what matters of an event."""
        line = self._line(event)
        if line:
            say(line, self._file)

    def _line(self, event: Event) -> str:
        fields = event.fields
        if event.kind == "plan":
            steps = ", ".join(f"{s['label']} {s['status']}" for s in fields["steps"])
            return "\n".join([*started(fields), f"plan: {steps}"])
        if event.kind == "pass_started" and fields["status"] != "HIT":
            return f"{fields['label']}: started ({fields['reason']})"
        if event.kind == "progress" and fields.get("label") and event.time - self._last > 10:
            self._last = event.time
            return f"{fields['label']}: {fields['done']:.0f}/{fields['total']:.0f} {fields['note']}"
        if event.kind == "looking" and event.time - self._last > 10:
            self._last = event.time
            return f"looking at {fields['total']:,} files: {fields['done']:,}"
        if event.kind == "pass_ended":
            return "\n".join([_ended(fields), *(f"  {line}" for line in _found(fields))])
        if event.kind == "gate":
            return f"  gate {'open' if fields['ok'] else 'CLOSED'}: {fields['text']}"
        if event.kind == "analysis":
            return "\n".join(f"  {line}" for line in lines_of_analysis(fields))
        if event.kind in ("warning", "waiting"):
            return f"{event.kind}: {fields['text']}"
        return ""


def started(plan: Mapping[str, Any]) -> list[str]:
    """Say what is built, of which classes, and what was recognised in the user's file."""
    subject = [f"building {plain(plan['subject'], 500)}"] if plan.get("subject") else []
    classes = [f"classes: {shown(plan['classes'])}"] if plan.get("classes") else []
    return [*subject, *classes, *recognised.lines(plan.get("recognised", []))]


def _ended(step: Mapping[str, Any]) -> str:
    parts = [MARKS[step["outcome"]]]
    if step["seconds"]:
        parts.append(f"{step['seconds']:.1f} s")
    if step["bytes"]:
        parts.append(f"{step['bytes']:,} bytes")
    parts.append(primary_metric(step["metrics"]))
    return f"{step['label']}: " + ", ".join(part for part in parts if part)


def _found(step: Mapping[str, Any]) -> list[str]:
    """Give the findings of a pass; none where it made them in an earlier build."""
    return [] if step.get("cached") else lines_of(step.get("notes", {}))


def _harmless(value: Any) -> Any:
    """Give an event's fields with nothing in their text that a terminal would obey."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {key: _harmless(item) for key, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, list | tuple) else value


class LiveTable:
    """A table of the steps with a progress bar, the time left, and the metric after each gate.

    Rich is imported here only: what nobody watches starts sooner without it.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(file=cast("TextIO", Sheltered(sys.stdout)), markup=False, emoji=False)
        self._rows: dict[str, Row] = {}
        self._current = ""
        self._note = ""
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        handler = getattr(self, f"_on_{event.kind}", None)
        if handler is not None:
            handler(_harmless(event.fields))
        if self._live is not None:
            self._live.update(self.render())
        if event.kind == "finished":
            self.close()

    def close(self) -> None:
        """Leave the last table standing and give the terminal back."""
        self._note = ""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _on_plan(self, fields: Mapping[str, Any]) -> None:
        for line in started(fields):
            self.console.print(line, markup=False, highlight=False)
        self._rows = {s["label"]: Row(s["label"]) for s in fields["steps"]}
        from rich.live import Live

        self._live = Live(
            self.render(), console=self.console, refresh_per_second=8, get_renderable=self.render
        )
        self._live.start()

    def _on_pass_started(self, fields: Mapping[str, Any]) -> None:
        self._current = fields["label"]
        row = self._rows.setdefault(self._current, Row(self._current))
        row.state, row.started, row.since, row.done, self._note = "running", time.time(), None, 0.0, ""

    def _on_progress(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.get(self._current)
        if row is not None:
            row.went_on(fields["done"], fields["total"])
            self._note = fields["note"] or self._note

    def _on_looking(self, fields: Mapping[str, Any]) -> None:
        show_looking(fields["done"], fields["total"])

    def _on_measuring(self, fields: Mapping[str, Any]) -> None:
        on = f" on {fields['split']}" if fields["split"] else ""
        self._note = f"measuring {fields['what']}{on}"
        row = self._rows.get(self._current)
        if row is not None:
            row.state, row.started, row.since, row.done, row.total = "measuring", time.time(), None, 0.0, 0.0

    def _on_gate(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.get(self._current)
        if row is not None and not fields["text"].startswith("in total"):
            row.gate = "open" if fields["ok"] else "CLOSED"

    def _on_pass_ended(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.setdefault(fields["label"], Row(fields["label"]))
        row.state, self._current, self._note = MARKS[fields["outcome"]], "", ""
        row.seconds, row.size = fields["seconds"], fields["bytes"]
        row.accuracy = primary_metric(fields["metrics"])
        for line in _found(fields):
            self.console.print(line, markup=False, emoji=False, highlight=False)

    def _on_analysis(self, fields: Mapping[str, Any]) -> None:
        for line in lines_of_analysis(fields):
            self._note_down(line)

    def _on_warning(self, fields: Mapping[str, Any]) -> None:
        self._note_down(f"warning: {fields['text']}")

    def _on_waiting(self, fields: Mapping[str, Any]) -> None:
        self._note_down(fields["text"])

    def _note_down(self, text: str) -> None:
        self.console.print(text, style="yellow", markup=False, emoji=False, highlight=False)

    def render(self) -> RenderableType:
        """Draw the table and, below it, what is going on now."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading, justify in (("pass", "left"), ("", "left"), ("time", "right"), ("bytes", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("accuracy on val")
        table.add_column("gate")
        for row in self._rows.values():
            state: RenderableType = Text(row.state, style=STYLES.get(row.state, "dim"))
            if row.state == "running" and row.total:
                state = ProgressBar(total=row.total, completed=row.done, width=24)
            size = f"{row.size:,}" if row.size else ""
            gate = Text(row.gate, style="bold red" if row.gate == "CLOSED" else "green")
            table.add_row(Text(row.label), state, row.show_time(), size, Text(row.accuracy), gate)
        return Group(table, Text(self._note, style="dim"))


def outcome_lines(report: Mapping[str, Any], folder: str) -> list[str]:
    """Say how a build ended: the file, its size, its accuracy against the base, and where the report lies."""
    lines = []
    for target in report["targets"]:
        lines.append(f"built {folder}/{target['path']} for {target['name']}")
        lines.append(f"  {target['bytes']:,} bytes, {target['compressed_bytes']:,} compressed")
        lines += _accuracy_lines(report, target)
        lines += _device_lines(target)
    lines += [
        f"  gate: {v['text']}{'' if v['decided'] else ' (undecided)'}" for v in report["budget"]["verdicts"]
    ]
    if report.get("status") == "built" and report.get("stopped_after"):
        last = report["passes"][-1]
        lines.append(
            f"stopped after {last['label']}: a {last['kind']} of {last['bytes']:,} bytes in {folder}, "
            f"{primary_metric(last['metrics'])} on val"
        )
    lines += [f"warning: {plain(text, 2000)}" for text in texts_of(report.get("analyses", []))]
    if report.get("reproduce"):
        lines.append(f"to run the failed pass alone: {report['reproduce']}")
    lines.append(f"report: {folder}/report.html")
    return lines


def _accuracy_lines(report: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, found in target["metrics"].items():
        base = report["base"]["metrics"].get(name)
        if found.get("split") and found["value"] is not None:
            of = (
                f"; {report['base']['label']} had {base['value']:.4f}"
                if base and base["value"] is not None
                else ""
            )
            interval = f" [{found['low']:.4f}, {found['high']:.4f}]" if found.get("low") is not None else ""
            lines.append(
                f"  {name} {found['value']:.4f}{interval} on {found.get('n', 0)} {found['split']} images{of}"
            )
    return lines


def _device_lines(target: Mapping[str, Any]) -> list[str]:
    lines = []
    latency, delegate = target.get("latency_ms"), target.get("delegate")
    if latency:
        lines.append(
            f"  {latency['median']:.2f} ms an image (p90 {latency.get('p90', latency['median']):.2f}, "
            f"{latency.get('threads', 1)} thread(s), {plain(latency.get('cpu', ''))})"
        )
    if delegate:
        lines.append(f"  {delegate['delegated']} of {delegate['total']} operators on {delegate['name']}")
    if "npu_coverage" in target:
        lines.append(
            f"  NPU coverage {target['npu_coverage']:.1%}, {target.get('npu_cycles', 0):,.0f} cycles, "
            f"SRAM {target.get('npu_sram', 0.0):,.1f} KiB"
        )
    return lines
