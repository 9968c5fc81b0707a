"""How a build ended: one sentence and its tone, for the terminal, the page and whatever else tells of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tflbuild.core.budget import limits_of
from tflbuild.core.metric import METRICS, AccuracyMetric, headline
from tflbuild.core.plain_text import plain
from tflbuild.engine.first_look import NAME as FIRST_LOOK
from tflbuild.show.findings.analyses import texts_of
from tflbuild.show.losses import fallen, fell, loss_of, steps_behind

Tone = Literal["good", "unsure", "bad"]
"""Green, amber, red."""

NOT_BUILT = {
    "over_budget": "Over budget: no model was delivered",
    "failed": "Failed",
    "interrupted": "Interrupted",
}


@dataclass(frozen=True)
class Conclusion:
    """How a build ended.

    Attributes:
        text: one sentence.
        tone: "good" only where every limit was kept beyond doubt, and accuracy had one.
    """

    text: str
    tone: Tone


def conclusion(report: Mapping[str, Any]) -> Conclusion:
    """Say how a build ended.

    Args:
        report: what `report.json` holds.
    """
    status = report.get("status", "built")
    if status != "built":
        text = _partly(report) or NOT_BUILT.get(status, plain(status))
        return _with_loss(text, "bad", report) if status == "over_budget" else Conclusion(f"{text}.", "bad")
    if report.get("stopped_after"):
        return _with_loss(
            f"Stopped after {plain(report['stopped_after'])}, as asked; the rest was not built",
            "unsure",
            report,
        )
    return _with_loss(*_built(report), report)


def _partly(report: Mapping[str, Any]) -> str:
    """Say which targets were given no file, where others were; "" where none was given any."""
    built = [target["name"] for target in report.get("targets", [])]
    left = [name for name in report.get("resolved", {}).get("target") or {} if name not in built]
    words = {"over_budget": "Over budget", "failed": "Failed"}
    if not built or not left or report.get("status") not in words:
        return ""
    given, missing = (", ".join(map(plain, names)) for names in (built, left))
    return f"{words[report['status']]} for {missing}, which was given no file; built for {given}"


def _with_loss(text: str, tone: Tone, report: Mapping[str, Any]) -> Conclusion:
    lost = loss_of(report)
    return Conclusion(f"{text}; {lost}." if lost else f"{text}.", tone)


def _built(report: Mapping[str, Any]) -> tuple[str, Tone]:
    """Say whether a model that was delivered is within its limits."""
    closed = [step for step in report.get("passes", []) if not _ok(step)]
    if closed:
        return f"Built, {' and '.join(map(_closed, closed))}", "unsure"
    if any(not label and not verdict["ok"] for label, verdict in _verdicts(report)):
        return "Built, over its budget", "unsure"
    if texts_of([entry for entry in report.get("analyses", []) if entry.get("name") == FIRST_LOOK]):
        return "Built, but the base model looks wrong", "unsure"
    if any(not verdict.get("decided", True) for _, verdict in _verdicts(report)):
        return "Built; whether it is within its budget is undecided", "unsure"
    unlimited = _unlimited(report)
    return (f"Built. {unlimited}", "unsure") if unlimited else ("Built, within its budget", "good")


def _ok(step: Mapping[str, Any]) -> bool:
    return all(verdict["ok"] for verdict in step.get("verdicts", []))


def _closed(step: Mapping[str, Any]) -> str:
    """Say what became of a step whose gate closed and did not end the build."""
    label = plain(step["label"])
    if step.get("outcome") == "skipped":
        return f"without {label}, which exceeded its limit (on_breach: skip)"
    return f"over the limit of {label}, which was kept (on_breach: warn)"


def _verdicts(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every verdict with the label of its step; "" for the total budget."""
    for step in report.get("passes", []):
        yield from ((step["label"], verdict) for verdict in step.get("verdicts", []))
    yield from (("", verdict) for verdict in report.get("budget", {}).get("verdicts", []))


def _unlimited(report: Mapping[str, Any]) -> str:
    """Say where accuracy had no limit; "" where the whole had one, or every pass that lost some."""
    limits = [
        (label, verdict) for label, verdict in _verdicts(report) if _is_accuracy(verdict.get("metric", ""))
    ]
    limited = {(label, verdict["metric"]) for label, verdict in limits if not allows_all(verdict)}
    if not limits:
        return "No accuracy limit was set"
    if not limited:
        return f"The limit on {plain(limits[-1][1]['metric'])} is so wide that all of it may be lost"
    name = fell(report)
    if name and all(METRICS.get(metric).against != METRICS.get(name).against for _, metric in limited):  # type: ignore[attr-defined]
        return f"No limit on {name} was set"
    labels = {label for label, _ in limited}
    if "" in labels:
        return ""
    steps = steps_behind(report)
    name = headline({name for step in steps for name in step.get("differences", {})})
    free = [plain(step["label"]) for step in fallen(steps, name) if step["label"] not in labels]
    return f"No accuracy limit was set on {' and '.join(free)}" if free else ""


def allows_all(verdict: Mapping[str, Any]) -> bool:
    """Say whether a limit keeps no accuracy: none is below 0, so that a base that has little can lose it all."""
    metric = verdict["metric"]
    limits = limits_of({metric: verdict.get("limit", {})})
    if not METRICS.get(metric).higher_is_better:
        return all(limit.floor for limit in limits)
    lines = [limit.line(verdict.get("baseline")) for limit in limits if limit.floor]
    return all(line is not None and line <= 0 for line in lines)


def _is_accuracy(name: str) -> bool:
    return name in METRICS and issubclass(METRICS.get(name), AccuracyMetric)
