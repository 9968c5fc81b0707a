"""The report of a run: `report.json`, a contract (`tflbuild.report/1`), filled while the build goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Verdict
from tflbuild.core.content import Content
from tflbuild.core.curve import NOTE, curve_of
from tflbuild.core.dataset import Index
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.storage.disk import replace_file, writing

SCHEMA = "tflbuild.report/1"


@dataclass(kw_only=True)
class StepReport:
    """One step of a report."""

    label: str
    pass_name: str
    outcome: str = "failed"
    reason: str = ""
    cached: bool = False
    action: str | None = None
    input: str | None = None
    output: str | None = None
    kind: str | None = None
    bytes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    measuring_seconds: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=dict)
    metrics: dict[str, Measurement] = field(default_factory=dict)
    differences: Mapping[str, Difference] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    takes: str = ""
    wanted: Mapping[str, Any] = field(default_factory=dict)

    def took(self, model: Artifact) -> None:
        """Note what the step gave."""
        self.output, self.kind = model.digest, model.kind
        self.bytes = model.path.stat().st_size

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds."""
        curve = curve_of(self.notes)
        return {
            "label": self.label,
            "pass": self.pass_name,
            "outcome": self.outcome,
            "cached": self.cached,
            "reason": self.reason,
            "tried": self.tried,
            "action": self.action,
            "input": self.input,
            "output": self.output,
            "kind": self.kind,
            "bytes": self.bytes,
            "options": dict(self.options),
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cost.get("cpu_seconds", 0.0), 3),
            "peak_rss_mib": round(self.cost.get("peak_rss_mib", 0.0)),
            "measuring_seconds": round(self.measuring_seconds, 3),
            "cost_seconds": round(self.cost.get("seconds", 0.0), 3),
            "notes": {name: note for name, note in self.notes.items() if name != NOTE or not curve},
            "curve": curve,
            "metrics": measurements(self.metrics),
            "differences": differences(self.differences),
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            **({"takes": self.takes} if self.takes else {}),
            **({"wanted": dict(self.wanted)} if self.wanted else {}),
        }


@dataclass(kw_only=True, eq=False)
class Report(Content):
    """The result of a build: a mapping of what `report.json` holds.

    Attributes:
        folder: the run's folder.
        content: what `report.json` holds.
    """

    folder: Path
    content: dict[str, Any]

    @property
    def status(self) -> str:
        """Give "built", "over_budget", "failed" or "interrupted"."""
        return str(self.content["status"])

    def metric(self, name: str, target: str = "") -> float:
        """Give a metric of the delivered file of a target, the first by default.

        Raises:
            KeyError: nothing was delivered, or the metric was not measured.
        """
        for delivered in self.content["targets"]:
            if not target or delivered["name"] == target:
                return float(delivered["metrics"][name]["value"])
        raise KeyError(name)

    def write(self) -> None:
        """Write `report.json`, whole or not at all."""
        with writing(self.folder):
            text = json.dumps(self.content, indent=1, allow_nan=False) + "\n"
            replace_file(self.folder / "report.json", text)


def measurements(values: Mapping[str, Measurement]) -> dict[str, Any]:
    """Give measurements as report.json holds them."""
    return {name: measurement.to_json() for name, measurement in values.items()}


def differences(values: Mapping[str, Difference]) -> dict[str, Any]:
    """Give paired differences as report.json holds them; one without an interval is none."""
    return {
        name: asdict(found)
        for name, found in values.items()
        if all(map(math.isfinite, (found.value, found.low, found.high)))
    }


def recognised(recipe: Recipe, steps: Sequence[StepReport]) -> list[dict[str, str]]:
    """Give the report's `recognised`: what planning saw in the user's file, and what loading it showed better."""
    told = {entry["what"] for entry in recipe.recognised}
    noted = [
        entry
        for step in steps
        for entry in step.notes.get("recognised") or []
        if isinstance(entry, Mapping) and "what" in entry
        if entry["what"] not in told or entry.get("value") != "assumed"
    ]
    known = {entry["what"] for entry in noted}
    planned = [entry for entry in recipe.seen if entry["what"] not in known]
    keys = ("what", "value", "evidence")
    return [{key: plain(entry.get(key, "")) for key in keys} for entry in (*noted, *planned)]


def describe_data(index: Index, options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give the report's `data`: where it is, what was dropped, and the splits with their digests."""
    return {
        "type": name,
        "root": options.get("root"),
        "classes": list(index.classes),
        "dropped": [{"file": d.file, "reason": d.reason} for d in index.dropped],
        "splits": {
            split: {"n": len(samples), "digest": index.digest(split)}
            for split, samples in index.splits.items()
        },
    }
