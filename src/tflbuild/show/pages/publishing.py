"""Write the page of a run, anew whenever something else was found out about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from tflbuild.core.crash import described
from tflbuild.core.errors import TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.engine.storage.store import writing
from tflbuild.show.pages.beside import beside
from tflbuild.show.pages.links import links_of
from tflbuild.show.pages.page import render

PAGE = "report.html"

UNLIKE_OURS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, TemplateError)
"""Exceptions of drawing a report that another tflbuild wrote, or nobody's."""


def publish(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `report.html` beside `report.json`.

    Args:
        folder: of the run.
        content: of its report.

    Raises:
        StoreError: the folder cannot be written.
    """
    with writing(folder):
        (folder / PAGE).write_text(
            render(content, beside(folder), str(folder), links_of(folder, content)), encoding="utf-8"
        )


def publish_again(folder: Path, warn: Callable[[str], None]) -> None:
    """Write the page of a run again, so that it leads to what lies in its folder; one that cannot be stays as it is.

    Args:
        folder: of the run, which may be somebody else's.
        warn: is told why the page stays as it is.
    """
    from tflbuild.engine.report_form import read_report

    why = ""
    try:
        publish(folder, read_report(folder))
    except TflbuildError as error:
        why = str(error)
    except UNLIKE_OURS as error:
        why = f"report.json is not as this tflbuild writes it ({described(error)})"
    if why:
        warn(f"{plain(folder / PAGE)} stays as it is: {why}")
