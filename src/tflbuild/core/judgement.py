"""The result of checking a candidate model against the step's budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.metric import Measurement


@dataclass(frozen=True, kw_only=True)
class HeldLimit:
    """A limit with the model that it compares with.

    Attributes:
        limit: what is allowed.
        baseline: the model that a relative limit is held against; None where there is none.
    """

    limit: Limit
    baseline: Artifact | None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdicts on a candidate, as the step's gate would give them, with their measurements.

    Attributes:
        verdicts: one a limit.
        metrics: what was measured, by metric.
    """

    verdicts: tuple[Verdict, ...]
    metrics: Mapping[str, Measurement]

    @property
    def ok(self) -> bool:
        """Whether the gate would stay open."""
        return all(verdict.ok for verdict in self.verdicts)
