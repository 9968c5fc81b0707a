"""A run that delivered no model: why, where its rejected file lies, and which run to name instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.engine.lock import NAME
from tflbuild.engine.run_folder import newest_run
from tflbuild.show.breach import rejected_file

WHY = {
    "over_budget": "this run is over its budget and delivered no model",
    "failed": "this run failed and delivered no model",
    "interrupted": "this run was interrupted and delivered no model",
    "built": "the model that this run delivered is gone",
}


def undelivered(folder: Path, report: Mapping[str, Any]) -> str:
    """Say in a sentence why the folder of a run holds no model, and what can be named instead.

    Args:
        folder: as it was typed.
        report: what its `report.json` holds.
    """
    status = str(report.get("status", "no status"))
    said = WHY.get(status, f"this run delivered no model ({plain(status)})")
    if status == "built" and report.get("stopped_after"):
        behind = plain(report["stopped_after"])
        said = f"this run was to stop before the end (stop_after={behind}) and delivered no model"
    elsewhere = [f"its rejected file is {plain(kept)}"] if (kept := rejected_file(folder)) else []
    elsewhere += [f"the newest run with a model is {plain(other)}"] if (other := _newest(folder)) else []
    return f"{plain(folder)}: {'; '.join([said, *elsewhere])}."


def _newest(folder: Path) -> Path | None:
    """Give the newest run beside this one that delivered a model, as this one was typed."""
    try:
        found = newest_run(folder.resolve().parent, NAME)
    except (OSError, RecipeError):
        return None
    return folder.parent / found.name if found else None
