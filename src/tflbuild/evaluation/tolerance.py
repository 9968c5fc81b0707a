"""How far a replay of a proof may be from it, by how far kernels are apart here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core.export import Export
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.distance import Distance

ROOM = 2.0
"""A replay may be as far as twice the distance of the kernels here: if each is so far from the exact value, two are
twice as far from each other."""


FAR = 0.1
"""Share of an output's largest value from which on kernels compute something else, which is no rounding: a tolerance
that lets it pass would let everything pass."""


@dataclass
class Held:
    """An output so far: its form, its largest absolute value, and the distance of each other kernels."""

    spec: TensorSpec
    size: float = 0.0
    apart: dict[str, Distance] = field(default_factory=dict)

    def add(self, kernels: str, found: Distance) -> None:
        """Take the distance that other kernels have on one more sample."""
        known = self.apart.get(kernels, Distance(True, 0.0, None if found.steps is None else 0.0))
        steps = None if found.steps is None or known.steps is None else max(found.steps, known.steps)
        self.apart[kernels] = Distance(known.equal and found.equal, max(known.largest, found.largest), steps)

    def tolerance(self, export: Export) -> dict[str, Any]:
        """Give what a replay may differ by: as the recipe says, or as the kernels here differ."""
        if self.spec.scale and not self.spec.dtype.startswith("float"):
            said, measured = (
                export.steps,
                max((one.steps or 0.0 for one in self._alike.values()), default=0.0),
            )
            steps = ROOM * measured if said is None else said
            basis = self._basis if said is None else "export.steps"
            return {"tolerance": steps * self.spec.scale, "tolerance_steps": steps, "basis": basis}
        if export.relative is not None:
            return {"tolerance": export.relative * self.size, "basis": "export.relative"}
        largest = max((one.largest for one in self._alike.values()), default=0.0)
        return {"tolerance": ROOM * largest, "basis": self._basis}

    @property
    def _alike(self) -> Mapping[str, Distance]:
        """Give the kernels that compute the same but for rounding."""
        return {name: one for name, one in self.apart.items() if one.largest <= FAR * self.size}

    @property
    def _basis(self) -> str:
        if not self.apart:
            return "no other kernels are here"
        alike, others = (
            ", ".join(self._alike),
            ", ".join(name for name in self.apart if name not in self._alike),
        )
        said = f"twice the distance of {alike}" if alike else "no other kernels compute alike"
        return said + (f"; not of {others}, which are apart by more than rounding" if others else "")
