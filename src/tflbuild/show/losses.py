"""Where a build lost accuracy: how far the delivered file is from the base, and the passes behind most of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.change import moved
from tflbuild.core.metric import METRICS, headline
from tflbuild.core.plain_text import plain
from tflbuild.show.devices import line_of


class Loss(NamedTuple):
    """A loss of a metric, with its 95 % interval; positive where it became worse."""

    value: float
    low: float
    high: float


LEFT_OUT = ("skipped", "failed")
"""Outcomes of a step whose result the build does not go on with."""


def loss_of(report: Mapping[str, Any]) -> str:
    """Say in a clause what the build did to the task's metric, and in which pass; "" where nothing was measured.

    Of several targets the one is told that lost most.
    """
    compared = [
        (target, target["differences"][name])
        for target in report.get("targets", [])
        if (name := headline(target.get("differences", {})))
    ]
    if not compared:
        return _unmeasured(report) or _unpaired(report)
    target, change = max(compared, key=lambda pair: loss_in(pair[1], headline(pair[0]["differences"])).value)
    name = headline(target["differences"])
    said = moved(name, change["value"], change["low"], change["high"])
    where = f" in the file for {plain(target['name'])}" if len(report["targets"]) > 1 else ""
    step = (report.get("resolved", {}).get("target", {}).get(target["name"]) or {}).get("step", "")
    labels = [one["label"] for one in report.get("passes", [])]
    branch = any(one["label"] == step and one.get("takes") for one in report.get("passes", []))
    earlier = (step and not branch) or target["name"] in labels
    if loss_in(change, name).low <= 0 or earlier:
        return said + where
    return said + where + blamed(steps_behind(report, step if branch else ""), name)


def loss_in(change: Mapping[str, Any], metric: str) -> Loss:
    """Give a change as a loss, which is positive where the metric became worse, whichever way that is."""
    value, low, high = (float(change[key]) for key in ("value", "low", "high"))
    if metric in METRICS and not METRICS.get(metric).higher_is_better:
        return Loss(value, low, high)
    return Loss(-value, -high, -low)


def fell(report: Mapping[str, Any]) -> str:
    """Name the task's metric where a delivered file is worse by it beyond noise; "" where none is."""
    for target in report.get("targets", []):
        name = headline(target.get("differences", {}))
        if name and loss_in(target["differences"][name], name).low > 0:
            return name
    return ""


def steps_behind(report: Mapping[str, Any], branch: str = "") -> list[Mapping[str, Any]]:
    """Give the steps behind the base that the build went on with.

    Args:
        report: what `report.json` holds.
        branch: label of the last step of a branch; "" for the main line.
    """
    passes = report.get("passes", [])
    main = [step for step in passes if not step.get("takes")]
    passes = line_of(passes, branch) if branch else main
    labels = [step["label"] for step in passes]
    base = report.get("base", {}).get("label", "")
    start = labels.index(base) + 1 if base in labels else 0
    return [step for step in passes[start:] if step.get("outcome") not in LEFT_OUT]


def fallen(steps: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    """Give the steps that lost accuracy beyond noise, the costliest first."""
    lost = [(loss, step) for loss, step in _losses(steps, metric) if loss.low > 0]
    return [step for _, step in sorted(lost, key=lambda pair: pair[0].value, reverse=True)]


def blamed(steps: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Name the pass that lost most of a metric, to be put behind how far it fell.

    Args:
        steps: those that the build went on with, in order.
        metric: the metric's name.
    """
    losses = _losses(steps, metric)
    if not fallen(steps, metric):
        return ", but no single pass lost more than noise" if losses else ""
    worst, step = max(((loss, step) for loss, step in losses if loss.low > 0), key=lambda pair: pair[0].value)
    alike = [plain(one["label"]) for loss, one in losses if loss.value > 0 and loss.high >= worst.low]
    if len(alike) > 1:
        return f", most of it in {', '.join(alike[:-1])} or {alike[-1]}(their intervals overlap)"
    lost = sum(loss.value for loss, _ in losses if loss.value > 0)
    part = "most of it" if 2 * worst.value >= lost else "the largest part"
    return f", {part} in {plain(step['label'])}"


def _losses(steps: Sequence[Mapping[str, Any]], metric: str) -> list[tuple[Loss, Mapping[str, Any]]]:
    """Give what is known of the loss of each step, in order."""
    return [
        (loss_in(change, metric), step)
        for step in steps
        if (change := step.get("differences", {}).get(metric))
    ]


def _unmeasured(report: Mapping[str, Any]) -> str:
    """Say which accuracy is no number, so that nothing can be held against it; "" where none is."""
    base = report.get("base", {})
    of = [
        (f"the file for {plain(target['name'])}", target.get("metrics", {}))
        for target in report.get("targets", [])
    ]
    for owner, metrics in (*of, (f"the base, {plain(base.get('label', ''))},", base.get("metrics", {}))):
        name = headline(metrics)
        if name and report.get("targets") and metrics[name].get("value") is None:
            return f"{name} of {owner} could not be measured"
    return ""


def _unpaired(report: Mapping[str, Any]) -> str:
    """Say what is known where no delivered file was held against the base, sample by sample."""
    steps = steps_behind(report)
    names = {name for step in steps for name in step.get("differences", {})}
    name = headline(names)
    clauses: list[str] = []
    for step in fallen(steps, name):
        change = step["differences"][name]
        said = moved(name, change["value"], change["low"], change["high"])
        by = said[said.index(" by ") + 1 :] if clauses else said
        clauses.append(f"{by} in {plain(step['label'])}")
    if any("not_executed" in target for target in report.get("targets", [])):
        told = f"on val, {' and '.join(clauses)}" if clauses else "on val, no pass lost more than noise"
        return f"this machine cannot execute the file to measure it{f'; {told}' if name else ''}"
    return f"on val, {' and '.join(clauses)}" if clauses else ""
