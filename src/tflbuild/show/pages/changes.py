"""The figure that says how far the delivered file is from the base, with its interval and what a limit makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.show.conclusion import allows_all
from tflbuild.show.pages.figures import change, figure
from tflbuild.show.pages.tile import tile

Bounds = tuple[float, float]


def change_tiles(
    report: Mapping[str, Any], metric: str, unit: str, measured: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Give the figure; [] where the two were not measured on the same split.

    Args:
        report: of the run.
        metric: that it is about.
        unit: of its values.
        measured: of the first delivered file, or of the last pass.
    """
    target = report["targets"][0] if report["targets"] else {}
    verdicts = limiting(report, metric, target.get("name"))
    base, measured = report["base"]["metrics"].get(metric), measured or {}
    found = measured.get("value")
    if (
        not target and verdicts
    ):  # over its budget: nothing is delivered, and the verdict has what was measured
        found, measured = verdicts[0]["value"], verdicts[0]
    if not base or base["value"] is None or found is None or base.get("split") != measured.get("split"):
        return []
    bounds = _interval(target, metric, verdicts)
    since = f"since {report['base']['label']}, which had {figure(base['value'], unit)}"
    notes = [f"{change(bounds[0], unit)} to {change(bounds[1], unit)}, paired" if bounds else "", since]
    state, word = _state(verdicts, metric)
    return [tile("change", change(found - base["value"], unit), *notes, word, state=state)]


def limiting(report: Mapping[str, Any], metric: str, target: str | None) -> list[Mapping[str, Any]]:
    """Give the verdicts of the whole on the metric: of one target, or of all."""
    return [
        verdict
        for verdict in report.get("budget", {}).get("verdicts", ())
        if verdict["metric"] == metric and (target is None or verdict.get("target", target) == target)
    ]


def _interval(target: Mapping[str, Any], metric: str, verdicts: Sequence[Mapping[str, Any]]) -> Bounds | None:
    """Give the paired interval of the change: as it was measured, or as a limit on the fall has it."""
    found = target.get("differences", {}).get(metric)
    if found and found.get("low") is not None and found.get("high") is not None:
        return found["low"], found["high"]
    for verdict in verdicts:
        if (
            "max_drop" in verdict["limit"]
            and verdict.get("low") is not None
            and verdict.get("high") is not None
        ):
            return -verdict["high"], -verdict["low"]
    return None


def _state(verdicts: Sequence[Mapping[str, Any]], metric: str) -> tuple[str, str]:
    """Give colour and words: green within a limit, amber where none decides, red over one."""
    if any(not verdict["ok"] for verdict in verdicts):
        return "bad", "over the limit"
    if not verdicts:
        return "warned", f"no limit on {metric} was set"
    if any(not verdict["decided"] for verdict in verdicts):
        return "warned", "within the limit, but undecided"
    if all(allows_all(verdict) for verdict in verdicts):
        return "warned", "within a limit that allows the loss of all of it"
    return "good", "within the limit"
