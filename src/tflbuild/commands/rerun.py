"""`tflbuild rerun`: what is missing of a sweep, or a run once more."""

from __future__ import annotations

import json
from pathlib import Path

from tflbuild.commands.build import build
from tflbuild.core.errors import RecipeError


def rerun(words: list[str]) -> int:
    """Build what is missing or failed of a sweep in its folder, or a run's resolved recipe in a new folder.

    Neither composes: recipe files that were edited meanwhile change nothing.

    Raises:
        RecipeError: the folder holds neither a sweep nor a run.
    """
    if not words:
        raise RecipeError("usage: tflbuild rerun RUN_OR_SWEEP [hydra/launcher=NAME ...]")
    folder, more = Path(words[0]), words[1:]
    if (folder / "sweep.json").is_file():
        from tflbuild.sweep import rerun_sweep

        return rerun_sweep(folder, more)
    if more:
        raise RecipeError(f"rerun: '{more[0]}': a run is built as it was; only a sweep takes hydra/launcher.")
    return _rerun_run(folder)


def _rerun_run(folder: Path) -> int:
    """Build the resolved recipe of a run's report again; relative paths start from the current folder."""
    from tflbuild import plugins
    from tflbuild.recipe import thaw

    path = folder / "report.json" if folder.is_dir() else folder
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        resolved, name, overrides = report["resolved"], report["recipe"], report["overrides"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"rerun: {folder} holds neither sweep.json nor a report.json: {error!r}") from error
    return build(thaw(resolved, [f"recipe={name}", *overrides], plugins.default_folder()))
