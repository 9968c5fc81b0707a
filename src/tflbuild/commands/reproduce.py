"""`tflbuild reproduce`: run a failed pass alone."""

from __future__ import annotations

from pathlib import Path

from tflbuild import session
from tflbuild.commands.words import one, say
from tflbuild.engine.bundle import read_bundle, run_bundle
from tflbuild.engine.prepare import prepare
from tflbuild.recipe import thaw


def reproduce(words: list[str]) -> int:
    """Run the pass that a run failed in, on the input it had; keeps nothing, ends as the pass does."""
    content = read_bundle(Path(one(words, "reproduce RUN")))
    given = content["recipe"]
    folder = Path(given["plugins"]) if given["plugins"] else None
    recipe = thaw(given["resolved"], given["overrides"], folder)
    label = content["pass"]["label"]
    say(f"{label} failed with: {content['error']}")
    worker = session.worker_for(recipe)
    worker.log = lambda text: say(f"  {text}")

    def progress(done: float, total: float, note: str) -> None:
        if done >= total:
            say(f"{label}: {done:.0f}/{total:.0f} {note}")

    try:
        prepared = prepare(recipe, lambda text: say(f"warning: {text}"), worker.names)
        answer = run_bundle(content, prepared, worker, progress, lambda text: say(f"note: {text}"))
    finally:
        worker.stop()
    artifact, _ = answer.value
    say(f"{label}: it ended well this time, in {answer.cost['seconds']:.1f} s, with a {artifact.kind}")
    return 0
