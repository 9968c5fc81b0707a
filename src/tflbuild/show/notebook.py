"""Results as a notebook shows them: one self-contained piece of HTML, escaped, without scripts or requests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.engine.report import Report as BuiltReport
from tflbuild.engine.report_form import read_report
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.step_lines import primary_metric

TONES = {"built": "#1a7f37", "over_budget": "#b35900", "failed": "#b3261e", "interrupted": "#b35900"}
"""Colour of a status; each has a contrast of 4.5 or more on white, and stands on white of its own."""

BOX = (
    "font-family: system-ui, sans-serif; font-size: 13px; line-height: 1.45; color: #1f2328; background: #ffffff; "
    "border: 1px solid #d0d7de; border-radius: 6px; padding: 10px 14px; max-width: 60em; overflow-x: auto"
)
CELL = "text-align: left; padding: 2px 14px 2px 0; color: #1f2328; background: #ffffff; vertical-align: top"


class Report(BuiltReport):
    """The report of a build: a mapping of what `report.json` holds, which a notebook shows as HTML.

    Attributes:
        folder: the run's folder: the model, the page, the log and the lock lie in it.
        content: what `report.json` holds; its fields are the report's keys. See `tflbuild schema report`.
    """

    def __repr__(self) -> str:
        return f"Report({self.status}: {_headline(self.content)}; {os.path.relpath(self.folder)})"

    def _repr_html_(self) -> str:
        return report_html(self.content, self.folder)


def load_report(run: str | os.PathLike[str]) -> Report:
    """Read the report of a run that was built earlier, by whom ever: all of it is held to its form.

    Args:
        run: the run's folder, e.g. "outputs/int8/latest", or its report.json.

    Raises:
        RecipeError: there is no report, or it is none.
    """
    path = Path(run)
    return Report(folder=path if path.is_dir() else path.parent, content=read_report(path))


def report_html(content: Mapping[str, Any], folder: Path) -> str:
    """Show a report."""
    status = str(content["status"])
    steps = [
        (step["label"], step["outcome"], primary_metric(step["metrics"]), _size(step["bytes"]), _time(step))
        for step in content["passes"]
    ]
    notes = [content["error"], *content["warnings"]] if content["error"] else content["warnings"]
    return _box(
        f"{content['recipe']}: {status.replace('_', ' ')}",
        TONES.get(status, "#1f2328"),
        [
            _list(outcome_lines(content, os.path.relpath(folder))),
            _table(("pass", "outcome", "accuracy", "size", "time"), steps),
            _list(notes),
        ],
    )


def lines_html(title: str, lines: Iterable[str]) -> str:
    """Show what a terminal would be told."""
    text = escape("\n".join(plain(line, 2000) for line in lines))
    return _box(
        title, "#1f2328", [f'<pre style="margin: 0; color: #1f2328; background: #ffffff">{text}</pre>']
    )


def table_html(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Show a table."""
    return _box(title, "#1f2328", [_table(headings, rows)])


def _box(title: str, colour: str, parts: Iterable[str]) -> str:
    head = f'<p style="margin: 0 0 6px; font-weight: 600; color: {colour}">{_text(title)}</p>'
    return f'<div style="{BOX}">{head}{"".join(parts)}</div>'


def _list(lines: Sequence[str]) -> str:
    told = "".join(
        f'<div style="padding-left: {len(line) - len(line.lstrip())}em">{_text(line)}</div>' for line in lines
    )
    return f'<div style="margin: 0 0 6px">{told}</div>' if told else ""


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col" style="{CELL}">{_text(name)}</th>' for name in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<table style="border-collapse: collapse; margin: 0 0 6px; font-size: 13px"><tr>{head}</tr>{body}</table>'


def _cell(value: str) -> str:
    return f'<td style="{CELL}">{_text(value)}</td>'


def _text(value: object) -> str:
    return escape(plain(value, 2000))


def _size(bytes_: int | None) -> str:
    return "" if bytes_ is None else f"{bytes_ / 1024:,.1f} KiB"


def _time(step: Mapping[str, Any]) -> str:
    return f"{step['seconds']:.1f} s" if step["seconds"] else ""


def _headline(content: Mapping[str, Any]) -> str:
    target = content["targets"][0] if content["targets"] else None
    figures = [primary_metric(target["metrics"]), _size(target["bytes"])] if target else []
    return ", ".join([f"recipe {content['recipe']}", *filter(None, figures)])
