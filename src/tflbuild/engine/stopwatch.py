"""Time the steps of a build by its events."""

from __future__ import annotations

from collections.abc import Callable

from tflbuild.engine.events import Event
from tflbuild.engine.timings import DELIVERY, LOADING, Taken

Keep = Callable[[str, Taken], None]
"""Function that keeps what a step took, by its label, or `DELIVERY`, or `LOADING`."""


class Stopwatch:
    """A listener that times what ran; what a fallback tried belongs to the step that it was tried for.

    Args:
        keep: is given what each step took, when it has ended well, and what came behind the last of them.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._planned: set[str] = set()
        self._label = ""
        self._began, self._first, self._last = 0.0, 0.0, 0.0
        self._ended = 0.0
        self._loading: float | None = None
        self._cached = True

    def __call__(self, event: Event) -> None:
        """Look at the time of an event."""
        fields = event.fields
        if event.kind == "plan":
            self._planned = {step["label"] for step in fields["steps"]}
        elif event.kind == "pass_started" and not self._label and fields["label"] in self._planned:
            self._label, self._began = fields["label"], event.time
            self._first = self._last = event.time
        elif event.kind == "progress" and fields.get("label") == self._label:
            self._last = event.time
            self._first = self._last if self._first == self._began else self._first
        elif event.kind == "doing":
            self._load(event)
        elif event.kind == "pass_ended" and fields["label"] == self._label:
            self._end(event)
        elif event.kind == "finished" and fields["status"] == "built" and self._ended:
            self._keep(DELIVERY, Taken(event.time - self._ended))

    @property
    def cached(self) -> bool:
        """Say whether no step ran."""
        return self._cached

    def _load(self, event: Event) -> None:
        """Time the import of a heavy package: it begins with what is said of it, and ends with what is said next."""
        if self._loading is not None:
            self._keep(LOADING, Taken(event.time - self._loading))
        self._loading = event.time if event.fields["text"].startswith("loading ") else None

    def _end(self, event: Event) -> None:
        label, self._label, self._ended = self._label, "", event.time
        if event.fields["cached"] or event.fields["outcome"] in ("failed", "interrupted"):
            return
        self._cached = False
        seconds = event.time - self._began
        self._keep(label, Taken(seconds, self._last - self._first, event.time - self._last))
