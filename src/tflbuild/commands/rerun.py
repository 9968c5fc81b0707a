"""`tflbuild rerun`: what is missing of a sweep, or a run once more."""

from __future__ import annotations

import shlex
from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.build import build
from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.recipe.kept import Asked, Kept, at_hand, check_outputs, placed, take_words, thawed
from tflbuild.recipe.preprocessing import is_assumed
from tflbuild.show.header import first_line

USAGE = (
    "usage: tflbuild rerun RUN_OR_SWEEP [hydra/launcher=NAME ...] [--plugins] [--hooks] [--devices] "
    "[store.path=FOLDER] [store.remote=URL] [outputs=FOLDER]"
)


@command(
    "rerun",
    "build a run again, or the missing jobs of a sweep",
    usage="RUN_OR_SWEEP",
    prints=False,
)
def rerun(words: list[str]) -> int:
    """Build what is missing or failed of a sweep in its folder, or a run's resolved recipe in a new folder.

    Neither composes: recipe files that were edited meanwhile change nothing.

    Raises:
        RecipeError: the folder holds neither a sweep nor a run, or what it asks for is not the user's own.
    """
    asked, rest = take_words(words)
    if not rest:
        raise RecipeError(USAGE)
    folder, more = Path(rest[0]), rest[1:]
    if (folder / "sweep.json").is_file():
        from tflbuild.sweep import rerun_sweep

        return rerun_sweep(folder, more, asked)
    if more:
        raise RecipeError(
            f"rerun: '{plain(more[0])}': a run is rebuilt unchanged; only a sweep takes hydra/launcher."
        )
    return _rerun_run(folder, asked, shlex.join(["tflbuild", "rerun", *words]))


def _note(text: str) -> None:
    say(f"note: {text}")


def _rerun_run(path: Path, asked: Asked, command: str) -> int:
    """Build the resolved recipe of a run's report again; relative paths start from the current folder."""
    from tflbuild.engine.report_form import read_report, typed_words

    file = path / "report.json" if path.is_dir() else path
    if not file.is_file():
        raise RecipeError(f"rerun: {plain(path)} contains neither sweep.json nor report.json.")
    report = read_report(file)
    overrides = typed_words(report)
    say(first_line(overrides))
    kept = Kept(
        mapping=report["resolved"],
        overrides=overrides,
        file=file,
        run=file.parent,
        assumed=is_assumed(report.get("recognised", ())),
    )
    mapping = placed(kept, asked, _note)
    mapping = at_hand(kept, mapping, asked, _note)
    check_outputs(kept, mapping, asked)
    return build(thawed(mapping, kept, plugins.default_folder()), command)
