"""Remember what the steps of builds took, so that the next build can say about how long it will take.

Kept in the store beside what it knows of the latest actions, and apart from the results: a build whose results were
removed is still known to take as long as before. What is lost or damaged only costs the estimate.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import json_text
from tflbuild.core.dataset import Index
from tflbuild.core.form import MAPPING, Malformed, check, fields, is_name, list_of, maybe, number
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.storage.disk import write_whole
from tflbuild.engine.storage.sharing import make_folder

KEPT = 32
"""Timings of a pass that are kept."""

SAME = 5
"""Timings of equally near builds whose median is taken: one may have shared the machine."""

DELIVERY = "_delivery"
"""Name for what comes behind the last step: analyses, delivery and the report."""

LOADING = "_loading"
"""Name for the import of a heavy package, which is the first that tells how fast a machine is today."""

LENGTH = "options.steps"
"""Trait by which a training takes longer in proportion."""

FORM = list_of(
    fields(
        {
            "traits": MAPPING,
            "seconds": number(0),
            "working": number(0),
            "tail": number(0),
            "length": maybe(number(0)),
        }
    )
)


class Taken(NamedTuple):
    """Seconds that a step took, or is expected to take.

    Attributes:
        seconds: from its start to its end, its gate included.
        working: of these, between the first and the last progress that the pass told.
        tail: of these, behind the last progress: writing the model, and measuring.
    """

    seconds: float
    working: float = 0.0
    tail: float = 0.0


class Timings:
    """Keeps what steps took, by pass.

    Args:
        store: the store's folder.
    """

    def __init__(self, store: Path) -> None:
        self._folder = store / "recent" / "timings"

    def expected(self, name: str, traits: Mapping[str, Any]) -> Taken | None:
        """Say about how long a step will take: as long as the nearest earlier one; None where there is none.

        Args:
            name: of its pass, or `DELIVERY`.
            traits: what may make it longer or shorter, as `traits_of` gives it.
        """
        entries = self._entries(name)
        if not entries:
            return None
        wanted, length = _flat(traits), _length(traits)
        distances = [_distance(_flat(entry["traits"]), wanted) for entry in entries]
        near = [entry for entry, apart in zip(entries, distances, strict=True) if apart == min(distances)]
        taken = [_scaled(entry, length) for entry in near[-SAME:]]
        return Taken(*(statistics.median(column) for column in zip(*taken, strict=True)))

    def keep(self, name: str, traits: Mapping[str, Any], taken: Taken) -> None:
        """Put what a step took last; losing a race against another process only costs a worse estimate."""
        if not is_name(name):
            return
        entry = {
            "traits": dict(traits),
            "length": _length(traits),
            **{field: round(value, 3) for field, value in taken._asdict().items()},
        }
        entries = [*self._entries(name), entry][-KEPT:]
        with suppress(OSError):  # a store that may only be read
            make_folder(self._folder)
            write_whole(self._path(name), json.dumps(entries).encode(), self._folder)

    def _entries(self, name: str) -> list[dict[str, Any]]:
        if not is_name(name):
            return []
        try:
            found = json_text.read(self._path(name))
            check(found, FORM)
        except (OSError, ValueError, Malformed):
            return []
        return list(found)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def traits_of(
    recipe: Recipe, index: Index, step: Step | None = None, *, cached: bool = False
) -> dict[str, Any]:
    """Give what may make a step, or with None the delivery, take longer or shorter.

    Args:
        recipe: a resolved recipe.
        index: what its data hold.
        step: the step.
        cached: whether every step of the build was in the store.
    """
    model = {"type": type(recipe.model).name, **to_json(recipe.model)}
    samples = {split: len(found) for split, found in index.splits.items()}
    common = {"recipe": recipe.name, "model": model, "data": samples, "threads": recipe.worker.threads}
    if step is None:
        return {**common, "targets": sorted(recipe.targets), "cached": cached}
    return {**common, "label": step.label, "options": to_json(step.options)}


def expected_steps(
    timings: Timings, recipe: Recipe, index: Index, planned: Sequence[tuple[Step, str]]
) -> tuple[list[Taken | None], Taken | None]:
    """Say about how long the steps of a plan will take, and what comes behind them.

    Args:
        timings: what earlier ones took.
        recipe: a resolved recipe.
        index: what its data hold.
        planned: steps, each with its status; one that is in the store takes no time.

    Returns:
        Of each step, and of the delivery; None for what nobody knows.
    """
    steps = [
        Taken(0.0)
        if status == "HIT"
        else timings.expected(type(step.options).name, traits_of(recipe, index, step))
        for step, status in planned
    ]
    cached = all(status == "HIT" for _, status in planned)
    return steps, timings.expected(DELIVERY, traits_of(recipe, index, cached=cached))


def _scaled(entry: Mapping[str, Any], length: float | None) -> Taken:
    """Give what a training of another length would have taken."""
    taken = Taken(entry["seconds"], entry["working"], entry["tail"])
    if not length or not entry["length"]:
        return taken
    working = taken.working * length / entry["length"]
    return Taken(taken.seconds - taken.working + working, working, taken.tail)


def _length(traits: Mapping[str, Any]) -> float | None:
    found = traits.get("options", {}).get("steps")
    return float(found) if isinstance(found, int | float) else None


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Count the traits that differ; the length of a training is reckoned with, so that it counts for nothing."""
    return sum(one.get(key) != other.get(key) for key in {*one, *other} - {LENGTH})


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {key: value}
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flat(item, f"{key}.{name}" if key else str(name))
    return flat
