"""Causes: the reasons that an analysis finds for lost accuracy, each with what it cost and what would cure it.

A finding with a key `cause` names one. Its form:

    {"cause": "labels.order",            # from the vocabulary of docs/diagnosing.md, or a plugin's own
     "stage": "base",                    # the rung of the ladder that it explains, or "base", "data", "field"
     "text": "The classes are ...",      # a sentence for people
     "cost": {"metric": "top1", "value": 0.31, "low": 0.25, "high": 0.37, "n": 200},   # what it lost; may be missing
     "cures": [{"override": "data.classes=[a,b]", "text": "...", "gain": 0.31, "effort": "minutes"}],
     "also": ["ends"],                   # further rungs that it explains; may be missing
     "only_if_blamed": True,             # it is none where the ladder does not blame the stage; may be missing
     ...}                                # whatever else the analysis says
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.form import (
    FLAG,
    MAPPING,
    NUMBER,
    TEXT,
    Form,
    called,
    fields,
    list_of,
    maybe,
    one_of,
    optional,
    whole,
    written,
)

CHANCE = "base.chance"
"""The cause that stands where nothing explains why the base is no better than chance."""

EFFORTS = ("seconds", "minutes", "training", "device")
"""How much a cure asks for, the least first: a build from what is kept, a new build, a training, work elsewhere."""


CURE = called(
    "cure",
    fields(
        {
            "text": TEXT,
            "override": written(TEXT),
            "gain": written(maybe(NUMBER)),
            "effort": written(one_of(*EFFORTS)),
            "tried": optional(MAPPING),
        }
    ),
)

COST = called(
    "cost",
    fields(
        {
            "metric": optional(TEXT),
            "value": maybe(NUMBER),
            "low": optional(maybe(NUMBER)),
            "high": optional(maybe(NUMBER)),
            "n": optional(whole()),
        }
    ),
)
"""The cost of a cause in a metric; positive is worse."""

OF_FINDING: Mapping[str, Form] = {
    "text": optional(TEXT),
    "cause": optional(TEXT),
    "stage": optional(TEXT),
    "general": optional(FLAG),
    "only_if_blamed": optional(FLAG),
    "also": optional(list_of(TEXT)),
    "cost": optional(COST),
    "cures": optional(list_of(CURE)),
}
"""Fields that have one meaning in the findings of every analysis."""

FINDING = called("finding", fields(OF_FINDING))
"""A finding of an analysis that declares nothing more."""

CAUSE = called(
    "cause", fields({**OF_FINDING, "cause": TEXT, "stage": TEXT, "text": TEXT, "cures": list_of(CURE)})
)
"""A finding that names a cause."""

TOLD = called(
    "told_cause",
    fields(
        {
            "name": TEXT,
            "stage": TEXT,
            "text": TEXT,
            "cost": maybe(NUMBER),
            "low": maybe(NUMBER),
            "high": maybe(NUMBER),
            "n": whole(),
            "cures": list_of(CURE),
            "found_by": TEXT,
            "also": written(list_of(TEXT)),
        }
    ),
)
"""A cause as diagnosis.json and drift.json list it, with what the step that it explains cost."""


class Cure(NamedTuple):
    """One thing that would help.

    Attributes:
        text: a sentence that says what to do.
        override: what is typed for it behind `tflbuild recipe=...`; "" where nothing can be.
        gain: of the metric, expected, at most; None where nobody knows.
        effort: one of `EFFORTS`.
        tried: what it gave: `value`, `gain`, `low`, `high` and `run`, or `failed`; {} where it was not built.
    """

    text: str
    override: str = ""
    gain: float | None = None
    effort: str = "minutes"
    tried: Mapping[str, Any] = {}

    def to_json(self) -> dict[str, Any]:
        """Give the form that a finding holds."""
        return {key: value for key, value in self._asdict().items() if key != "tried" or value}


class Cause(NamedTuple):
    """A reason for lost accuracy.

    Attributes:
        name: from the vocabulary of docs/diagnosing.md.
        stage: the rung of the ladder that it explains; "base", "data" or "field" for what no rung shows.
        text: a sentence.
        cost: what it lost of the metric, more is worse; None where that was not measured by itself.
        low: lower end of the 95 % interval of the cost; None likewise.
        high: upper end.
        n: samples that it was measured on.
        cures: the best first.
        found_by: the analysis.
        also: further rungs that it explains.
    """

    name: str
    stage: str
    text: str
    cost: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    cures: tuple[Cure, ...] = ()
    found_by: str = ""
    also: tuple[str, ...] = ()


def causes_in(analyses: Iterable[Mapping[str, Any]]) -> list[Cause]:
    """Read the causes among the findings of entries of report.json's `analyses`, in order."""
    found = []
    for entry in analyses:
        for finding in entry.get("findings", []):
            if finding.get("cause"):
                found.append(_read(finding, str(entry.get("name", ""))))
    return found


def _read(finding: Mapping[str, Any], analysis: str) -> Cause:
    cost: Mapping[str, Any] = finding.get("cost") or {}
    cures: Sequence[Mapping[str, Any]] = finding.get("cures") or []
    return Cause(
        name=str(finding["cause"]),
        stage=str(finding.get("stage", "")),
        text=str(finding.get("text", "")),
        cost=cost.get("value"),
        low=cost.get("low"),
        high=cost.get("high"),
        n=int(cost.get("n") or 0),
        cures=tuple(Cure(**{key: cure[key] for key in Cure._fields if key in cure}) for cure in cures),
        found_by=analysis,
        also=tuple(map(str, finding.get("also") or ())),
    )


def ranked(causes: Sequence[Cause]) -> list[Cause]:
    """Order causes: what is certain and costs most comes first; one without a figure stands behind those with one."""

    def place(cause: Cause) -> tuple[bool, float]:
        return cause.cost is None, -(cause.cost or 0.0)

    return sorted(causes, key=place)
