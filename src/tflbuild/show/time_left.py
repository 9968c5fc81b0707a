"""The time left of a build, from what its steps took in earlier builds and from how fast this one goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tflbuild.engine.events import Event
from tflbuild.show.rate import Rate

TRUSTED_SECONDS = 5.0
"""Seconds that earlier builds count for, where this one is held against them: a short step says little of its speed."""

LEAST_SPEED, MOST_SPEED = 1 / 3, 3.0

LEAST_LOADING, MOST_LOADING = 0.6, 1.5
"""Bounds of what the time of an import says of the speed: it may also have waited for the disk."""


@dataclass
class Stage:
    """One step of the build as far as time goes.

    Attributes:
        expected: seconds that it will take; None where nobody knows.
        tail: of these, behind the last progress of its pass.
        began: when it started; None before.
        took: seconds, once it has ended.
        measured: when the pass had ended and its measuring began; None before.
        trains: whether its progress covers all of its work, so that the rate tells what is left.
        in_fallback: whether a fallback runs in its place, of whose length nothing is known.
    """

    expected: float | None
    tail: float = 0.0
    began: float | None = None
    took: float | None = None
    measured: float | None = None
    trains: bool = False
    ran: bool = False
    in_fallback: bool = False
    rate: Rate = field(default_factory=Rate)

    def left(self, now: float, slow: float) -> float | None:
        """Estimate the seconds left; None as long as there is no telling.

        Args:
            now: seconds since the epoch.
            slow: how many times longer this build takes than earlier ones did.
        """
        if self.took is not None:
            return 0.0
        if self.began is None:
            return None if self.expected is None else self.expected * slow
        if self.in_fallback:
            still = (self.expected or 0.0) * slow - (now - self.began)
            return still if still > 0 else None
        if self.measured is not None:
            return max(self.tail * slow - (now - self.measured), 0.0) if self.expected is not None else None
        rest = self.rate.left(now)
        if rest is not None and (self.trains or self.expected is None):
            return rest + self.tail * slow
        if self.expected is None:
            return None
        return max(self.expected * slow - (now - self.began), rest or 0.0)

    def pace(self, now: float) -> tuple[float, float] | None:
        """Give seconds that it took or will take, and seconds that were expected; None where there is no telling."""
        if not self.expected or self.began is None:
            return None
        if self.took is not None:
            return (self.took, self.expected) if self.ran else None
        rest = self.rate.left(now) if self.trains and self.measured is None and not self.in_fallback else None
        if rest is None:
            return None
        return now - self.began + rest + self.tail, self.expected


class TimeLeft:
    """A listener that estimates how long a build still takes."""

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}
        self._delivery: float | None = None
        self._label = ""
        self._ended: float | None = None
        self._expected_loading: float | None = None
        self._loading: float | None = None
        self._loaded: float | None = None

    def __call__(self, event: Event) -> None:
        """Note what an event says of time."""
        fields = event.fields
        stage = self._stages.get(fields.get("label") or self._label)
        match event.kind:
            case "plan":
                self._begin(fields)
            case "pass_started" if self._label:
                self._stages[self._label].in_fallback = True
            case "pass_started" if stage:
                self._label, stage.began = fields["label"], event.time
                stage.rate = Rate()
            case "doing":
                self._load(event)
            case "training" if stage:
                stage.trains = True
            case "progress" if stage and fields.get("label"):
                stage.rate.went_on(event.time, fields["done"], fields["total"])
            case "measuring" if stage and stage.measured is None:
                stage.measured = event.time
            case "pass_ended" if stage and fields["label"] == self._label:
                assert stage.began is not None
                stage.took = event.time - stage.began
                stage.ran = not fields.get("cached")
                self._label, self._ended = "", event.time

    def left(self, now: float) -> float | None:
        """Estimate the seconds left of the whole build; None as long as there is no telling."""
        if not self._stages or self._delivery is None:
            return None
        slow = self._slowness(now)
        parts = [stage.left(now, slow) for stage in self._stages.values()]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        delivery = self._delivery * slow
        if self._ended is not None and all(stage.took is not None for stage in self._stages.values()):
            delivery = max(delivery - (now - self._ended), 0.0)
        return sum(known) + delivery

    def of_step(self, label: str, now: float) -> float | None:
        """Estimate by its own rate how long the pass of a step still works; None as long as there is no rate."""
        stage = self._stages.get(label)
        if stage is None or stage.measured is not None:
            return None
        return stage.rate.left(now)

    def _load(self, event: Event) -> None:
        if self._loading is not None and self._loaded is None:
            self._loaded = event.time - self._loading
        self._loading = event.time if event.fields["text"].startswith("loading ") else None

    def _begin(self, plan: Mapping[str, Any]) -> None:
        self._stages = {
            step["label"]: Stage(step.get("about_seconds"), step.get("about_tail_seconds") or 0.0)
            for step in plan["steps"]
        }
        self._delivery = plan.get("about_delivery_seconds")
        self._expected_loading = plan.get("about_loading_seconds")

    def _slowness(self, now: float) -> float:
        """Say how many times longer this build takes than earlier ones did, as far as it has come."""
        paces = [pace for stage in self._stages.values() if (pace := stage.pace(now)) is not None]
        if not paces:
            return self._slowness_by_loading()
        took: float = sum(one for one, _ in paces)
        expected: float = sum(one for _, one in paces)
        slow = (took + TRUSTED_SECONDS) / (expected + TRUSTED_SECONDS)
        return min(max(slow, LEAST_SPEED), MOST_SPEED)

    def _slowness_by_loading(self) -> float:
        """Say so by the first import alone, half of what it says: it is all there is in the first seconds."""
        if self._loaded is None or not self._expected_loading:
            return 1.0
        slow = math.sqrt((self._loaded + 1.0) / (self._expected_loading + 1.0))
        return min(max(slow, LEAST_LOADING), MOST_LOADING)
