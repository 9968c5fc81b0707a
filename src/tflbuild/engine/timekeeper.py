"""Say about how long the steps of a build will take, and keep what they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflbuild.engine.events import Event
from tflbuild.engine.plan import Planned
from tflbuild.engine.prepare import Prepared
from tflbuild.engine.stopwatch import Stopwatch
from tflbuild.engine.timings import DELIVERY, LOADING, Taken, Timings, expected_steps, traits_of


class Timekeeper:
    """A listener that keeps in the store what the steps of a build take.

    Args:
        prepared: the recipe, its data and its store.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._recipe, self._index = prepared.recipe, prepared.index
        self._timings = Timings(prepared.store.root)
        self._stopwatch = Stopwatch(self._keep)

    def __call__(self, event: Event) -> None:
        """Time the steps by their events."""
        self._stopwatch(event)

    def foretold(self, steps: Sequence[Planned]) -> dict[str, Any]:
        """Give the steps of a plan as its event tells them, with about how long each will take."""
        planned = [(one.step, one.status) for one in steps]
        taken, delivery = expected_steps(self._timings, self._recipe, self._index, planned)
        told = [
            {
                "label": one.step.label,
                "status": one.status,
                "reason": one.reason,
                "about_seconds": None if time is None else time.seconds,
                "about_tail_seconds": None if time is None else time.tail,
            }
            for one, time in zip(steps, taken, strict=True)
        ]
        loading = self._timings.expected(LOADING, {})
        return {
            "steps": told,
            "about_delivery_seconds": None if delivery is None else delivery.seconds,
            "about_loading_seconds": None if loading is None else loading.seconds,
        }

    def _keep(self, label: str, taken: Taken) -> None:
        """Keep what a step took, or the delivery; a run that stops early delivers nothing."""
        recipe, index = self._recipe, self._index
        if label == LOADING:
            self._timings.keep(LOADING, {}, taken)
        elif label != DELIVERY:
            step = recipe.steps[label]
            self._timings.keep(type(step.options).name, traits_of(recipe, index, step), taken)
        elif not recipe.run.stop_after:
            self._timings.keep(DELIVERY, traits_of(recipe, index, cached=self._stopwatch.cached), taken)
