"""How long the passes of a sweep would take, by what the store knows of earlier ones: always "about"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.engine.explaining import difference
from tflbuild.engine.storage.record import Relative
from tflbuild.engine.storage.store import Store

LEFT_OUT = ("input", "models", "nouns", "code", "toolchain", "judging", "schema")
"""Parts of an action that say little of how long it takes, or are not known before an earlier pass has run."""

WORK = ("steps", "epochs")
"""Options to which the time of a pass is proportional."""


@dataclass(frozen=True, kw_only=True)
class PlannedPass:
    """A pass of a job, before anything is built.

    Attributes:
        label: of its step.
        key: what decides its result: two jobs with the same share it.
        stored: whether its result is in the store.
        seconds: about how long it takes; None where nothing like it has run here.
        at_most: whether it is sooner done: more steps do not start TensorFlow, or compile a graph, more often.
    """

    label: str
    key: str
    stored: bool
    seconds: float | None = None
    at_most: bool = False


MUCH_MORE = 1.5
"""Times as many steps as in an earlier pass, from which on its fixed costs show."""


ALIKE = 2
"""Further options by which an earlier pass may differ that says, beside the nearest one, what a step costs."""


class Timings:
    """Times that passes took, as the store remembers them; each kind of pass is looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[Relative]] = {}

    def about(self, store: Store, preimage: Mapping[str, Any]) -> tuple[float, bool] | None:
        """Give about how long an action takes: as long as the nearest earlier one of its pass, and longer by its steps.

        Args:
            store: where earlier ones are looked for.
            preimage: what decides it, its input left out where that is not known.

        Returns:
            Seconds, and whether they are at most these; None where no such pass has run.
        """
        name = str(preimage["pass"])
        place = (str(store.root), name)
        if place not in self._known:
            self._known[place] = store.relatives(name)
        wanted = _lasting(preimage)
        ranked = sorted(
            ((len(difference(_lasting(one.preimage), wanted)), one) for one in self._known[place]),
            key=lambda found: found[0],
        )
        if not ranked:
            return None
        (least, nearest), *others = ranked
        alike = [one for differing, one in others if differing <= least + ALIKE]
        return _by_work(nearest, alike, preimage)


def _lasting(preimage: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in preimage.items() if name not in LEFT_OUT}


def _by_work(nearest: Relative, alike: Sequence[Relative], preimage: Mapping[str, Any]) -> tuple[float, bool]:
    """Give seconds by the steps that are asked for, and whether they are at most these.

    Two earlier passes of different lengths say what starting costs, and what a step does; one says it at most.
    """
    for name in WORK:
        old, new = _work(nearest.preimage, name), _work(preimage, name)
        if not old or new is None:
            continue
        for other in alike:
            length = _work(other.preimage, name)
            slope = (other.seconds - nearest.seconds) / (length - old) if length and length != old else -1.0
            if slope >= 0:
                return max(nearest.seconds + slope * (new - old), 0.0), False
        return nearest.seconds * new / old, new > MUCH_MORE * old
    return nearest.seconds, False


def _work(preimage: Mapping[str, Any], name: str) -> int | None:
    found = preimage.get("options", {}).get(name)
    return found if isinstance(found, int) else None


def elapsed(jobs: Sequence[Iterable[PlannedPass]], parallel: int) -> float:
    """Give about how long some jobs take, several at a time; what they share is computed once.

    Args:
        jobs: the passes of each, in the order in which they would be built. A pass of which nothing is known counts
            nothing.
        parallel: how many are built at once.
    """
    free = [0.0] * max(1, parallel)
    ready: dict[str, float] = {}
    for job in jobs:
        place = free.index(min(free))
        now = free[place]
        for one in job:
            if not one.stored and one.key not in ready:
                ready[one.key] = now + (one.seconds or 0.0)
            now = max(now, ready.get(one.key, 0.0))
        free[place] = now
    return max(free)
