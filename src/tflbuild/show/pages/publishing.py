"""Write the page of a run, anew whenever something else was found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.engine.storage.store import writing
from tflbuild.show.pages.beside import beside
from tflbuild.show.pages.page import render

PAGE = "report.html"


def publish(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `report.html` beside `report.json`.

    Args:
        folder: of the run.
        content: of its report.

    Raises:
        StoreError: the folder cannot be written.
    """
    with writing(folder):
        (folder / PAGE).write_text(render(content, beside(folder)), encoding="utf-8")


def publish_again(folder: Path) -> None:
    """Write the page of a run again; it then leads to what lies in its folder.

    Raises:
        RecipeError: there is no report that can be read.
        StoreError: the folder cannot be written.
    """
    from tflbuild.engine.report_form import read_report

    publish(folder, read_report(folder))
