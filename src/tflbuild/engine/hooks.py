"""Call the hooks of a build: in the order chosen, in the main process, each with copies of its own.

    before_build  (before_pass  on_training*  on_gate*  after_pass)*  on_gate*  on_failure?  after_build

A hook that raises is named in a warning and not called again. Ctrl-C is the user's, and ends the build as ever.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from tflbuild.core.errors import INTERRUPTED
from tflbuild.core.hook import Hook, Unmade
from tflbuild.core.options import to_json
from tflbuild.core.place import on_one_line, with_place
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event, Listener

UNFINISHED = ("failed", "interrupted")
"""Outcomes of steps that gave no model."""


class Hooks:
    """Tells the hooks of one build what happens; a listener.

    Args:
        chosen: hooks by name, in order; copied, so that no build sees what another one left in them.
        tell: is told of a hook that raised.

    Attributes:
        interrupt: Ctrl-C that came while hooks were told of the build's end, which must be written down all the same.
    """

    def __init__(self, chosen: Mapping[str, Hook], tell: Listener) -> None:
        self.interrupt: KeyboardInterrupt | None = None
        self._chosen = chosen
        self._tell = tell
        self._listening: dict[str, Hook] = {}

    def __call__(self, event: Event) -> None:
        """Tell what an event says, if it is one that hooks may watch."""
        fields = event.fields
        match event.kind:
            case "pass_started":
                self._call("before_pass", fields)
            case "training":
                self._call("on_training", fields)
            case "pass_ended" if fields["outcome"] not in UNFINISHED:
                self._call("after_pass", fields)
            case "gate":
                self._call("on_gate", {"label": fields["label"], **fields["verdict"]})
            case "failed" if fields["exit_code"] != INTERRUPTED:
                self._call_at_the_end("on_failure", fields)

    def before_build(self, recipe: Recipe, folder: Path) -> None:
        """Make the hooks, and tell them what is wanted."""
        for name, chosen in self._chosen.items():
            self._guard(name, "__post_init__", partial(self._make, name, chosen))
        self._call("before_build", resolved(recipe), folder)

    def after_build(self, report: Mapping[str, Any], folder: Path) -> None:
        """Tell them how the build ended."""
        self._call_at_the_end("after_build", report, folder)

    def _make(self, name: str, chosen: Hook) -> None:
        if isinstance(chosen, Unmade):
            raise chosen.error
        self._listening[name] = dataclasses.replace(chosen)

    def _call_at_the_end(self, call: str, *given: Any) -> None:
        try:
            self._call(call, *given)
        except KeyboardInterrupt as interrupt:
            self.interrupt = interrupt
            self._listening.clear()

    def _call(self, call: str, *given: Any) -> None:
        for name, hook in list(self._listening.items()):
            self._guard(name, call, partial(getattr(hook, call), *deepcopy(given)))

    def _guard(self, name: str, call: str, told: Callable[[], object]) -> None:
        try:
            told()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything; it is named
            self._listening.pop(name, None)
            self._tell(Event("log", {"text": "".join(traceback.format_exception(error))}))
            text = f"hook '{name}' raised {_said(error)} in {call} and is not called again"
            self._tell(Event("warning", {"text": on_one_line(with_place(text, error))}))


def resolved(recipe: Recipe) -> dict[str, Any]:
    """Give a recipe's mapping with the defaults that followed from the data."""
    mapping = {"recipe": recipe.name, **recipe.mapping, "seed": recipe.seed}
    for label, step in recipe.steps.items():
        if not step.instead:
            written = mapping.get(label, {"pass": type(step.options).name})
            mapping[label] = {**written, **to_json(step.options)}
    return mapping


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
