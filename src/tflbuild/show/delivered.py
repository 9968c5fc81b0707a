"""The delivered file that a user names: by its run's folder, or itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError
from tflbuild.core.form import is_inside
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.show.undelivered import undelivered


def model_file(path: Path) -> Path:
    """Find the file of a run that this machine can execute, or take the file itself."""
    try:
        if path.is_dir():
            return _file_of_run(path)
        if path.exists():
            check_regular(path)
            return path
    except (OSError, ValueError) as error:
        raise RecipeError(f"{plain(path)} cannot be read: {why(error)}.") from error
    raise RecipeError(f"{plain(path)} does not exist; expected a run's folder or a .tflite file.")


def _file_of_run(path: Path) -> Path:
    try:
        report = json_text.read_mapping(path / "report.json")
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{plain(path)} is not a run's folder: it has no report.json that can be read; expected e.g. "
            f"outputs/RECIPE/latest or a .tflite file."
        ) from error
    targets = _targets(report, path)
    runnable = [target for target in targets if "not_executed" not in target]
    if targets and not runnable:
        names = ", ".join(plain(target.get("name", "?")) for target in targets)
        raise RecipeError(
            f"{plain(path)}: its file is compiled for {names}, which this machine cannot execute."
        )
    if not runnable or not (path / runnable[0]["path"]).is_file():
        raise RecipeError(undelivered(path, report))
    return path / str(runnable[0]["path"])


def _targets(report: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """Give the targets of a report, each with a path inside the run's folder."""
    targets = report.get("targets") or []
    if not isinstance(targets, list) or not all(isinstance(target, Mapping) for target in targets):
        raise RecipeError(f"{plain(path / 'report.json')}: its targets are not a list of mappings.")
    for target in targets:
        given = target.get("path")
        if not is_inside(given):
            raise RecipeError(
                f"{plain(path / 'report.json')}: targets.path: {plain(repr(given))} is not a file of that run."
            )
    return targets


def run_of(path: Path) -> Path | None:
    """Give the folder of the run that a path is, or lies in as a delivered file; None for another file."""
    if path.is_dir():
        return path.resolve()
    folders = list(path.resolve().parents)[:2]  # a file of several targets lies in a folder of its target
    return next((folder for folder in folders if (folder / "report.json").is_file()), None)


def why(error: Exception) -> str:
    """Say in short why a file cannot be used."""
    return plain(error.strerror) if isinstance(error, OSError) and error.strerror else described(error)
