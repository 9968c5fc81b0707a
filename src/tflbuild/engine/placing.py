"""Foresee, while planning, where the operators of a known file run: of a stored result, or the user's own `.tflite`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.plan import Planned

MOST = 3
"""Reasons that are said of one device."""


@dataclass(frozen=True)
class Foreseen:
    """The placement of a known file on one device.

    Attributes:
        target: its name in the recipe.
        placement: as JSON, see `tflbuild.placement.placement.Placement`.
        delivered: whether the file is the one that will be delivered; otherwise it is the user's own, of which only the
            kinds of operators are known to stay.
    """

    target: str
    placement: Mapping[str, Any]
    delivered: bool

    @property
    def left(self) -> list[Mapping[str, Any]]:
        """Give the operators that stay on the processor for sure."""
        operators = [one for one in self.placement["operators"] if not one["on"]]
        if self.delivered:
            return operators
        return [one for one in operators if one["unknown"]]

    def text(self) -> str:
        """Say it in a sentence; "" where there is nothing to say."""
        left = self.left
        reasons = dict.fromkeys(_reason(one) for one in left if not one["fits"])
        more = f"; and {len(reasons) - MOST} more reasons" if len(reasons) > MOST else ""
        why = "; ".join([*reasons][:MOST]) + more
        if self.delivered:
            found = self.placement
            counts = f"{found['delegated']} of {found['total']} operators run on it"
            return f"target.{plain(self.target)}: {counts}{f'; {why}' if why else ''}"
        return f"target.{plain(self.target)}: of model.path {why}" if why else ""


def foreseen(
    recipe: Recipe, planned: Sequence[Planned], names: Collection[str] | None = None
) -> Iterator[Foreseen]:
    """Say for each target with rules what it will do, as far as a file is known.

    Args:
        recipe: what is wanted.
        planned: its steps.
        names: of the targets that are asked about; None for all.
    """
    known = {one.step.label: one.record.artifact for one in planned if one.record is not None}
    own = [path for path in recipe.model.files() if path.suffix == TFLiteModel.suffix and path.is_file()]
    main = [one.step.label for one in planned if not one.step.takes]
    for name, target in recipe.targets.items():
        if target.rule_table() is None or not planned or (names is not None and name not in names):
            continue
        model = known.get(target.step or main[-1])
        path = model.path if isinstance(model, TFLiteModel) else own[0] if own else None
        found = target.foresee(path) if path is not None else None
        if found is not None:
            yield Foreseen(name, found, isinstance(model, TFLiteModel))


def warnings(recipe: Recipe, planned: Sequence[Planned]) -> list[str]:
    """Say which operators of the user's file no accelerator of the recipe will run, before anything is built."""
    if all(one.status == "HIT" for one in planned):
        return []
    offloading = {name for name, target in recipe.targets.items() if type(target).offloads}
    found = [one for one in foreseen(recipe, planned, offloading) if not one.delivered]
    return [text for one in found if (text := one.text())]


def _reason(operator: Mapping[str, Any]) -> str:
    cure = f" ({plain(operator['cure'], 200)})" if operator["cure"] else ""
    return f"{plain(operator['name'])} {plain(operator['reason'], 300)}{cure}"
