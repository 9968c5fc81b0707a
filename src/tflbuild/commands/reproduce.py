"""`tflbuild reproduce`: run a failed pass alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.commands.words import one, say
from tflbuild.core.command import command
from tflbuild.core.recipe import Recipe
from tflbuild.engine.bundle import run_bundle
from tflbuild.engine.bundle_form import NAME, read_bundle
from tflbuild.engine.prepare import prepare
from tflbuild.recipe.kept import Asked, Kept, placed, plugin_folder, take_words, thawed

USAGE = "reproduce RUN [--plugins] [store.path=FOLDER]"


@command("reproduce", "run only the pass that failed", usage="RUN", prints=False)
def reproduce(words: list[str]) -> int:
    """Run the pass that a run failed in, on the input it had; keeps nothing, ends as the pass does."""
    asked, rest = take_words(words)
    path = Path(one(rest, USAGE))
    content = read_bundle(path)
    recipe = _recipe(content, path, asked)
    label = content["pass"]["label"]
    say(f"{label} failed with: {content['error']}")
    worker = session.worker_for(recipe)
    worker.log = _log

    def progress(done: float, total: float, note: str) -> None:
        if done >= total:
            say(f"{label}: {done:.0f}/{total:.0f} {note}")

    try:
        prepared = prepare(recipe, worker.names, lambda text: say(f"warning: {text}"))
        answer = run_bundle(content, prepared, worker, progress, _note)
    finally:
        worker.stop()
    artifact, _ = answer.value
    say(f"{label}: it succeeded this time, in {answer.cost['seconds']:.1f} s, with a {artifact.kind}")
    return 0


def _recipe(content: Mapping[str, Any], path: Path, asked: Asked) -> Recipe:
    given = content["recipe"]
    folder = path if path.is_dir() else path.parent
    mapping = {**given["resolved"], "hooks": {}}  # a pass alone tells nobody
    kept = Kept(mapping=mapping, overrides=given["overrides"], file=folder / NAME, run=folder)
    return thawed(placed(kept, asked, _note), kept, plugin_folder(given["plugins"], asked, _note))


def _log(text: str) -> None:
    """Print what the worker logs; of a traceback, the error message says the place."""
    if "Traceback (most recent call last)" not in text:
        say(f"  {text}")


def _note(text: str) -> None:
    say(f"note: {text}")
