"""Where a build lost accuracy: how far the delivered file is from the base, and the passes behind most of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.change import moved
from tflbuild.core.metric import headline
from tflbuild.core.plain_text import plain

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
    target, change = min(compared, key=lambda pair: float(pair[1]["value"]))
    name = headline(target["differences"])
    said = moved(name, change["value"], change["low"], change["high"])
    where = f" in the file for {plain(target['name'])}" if len(report["targets"]) > 1 else ""
    step = (report.get("resolved", {}).get("target", {}).get(target["name"]) or {}).get("step")
    earlier = step or target["name"] in [one["label"] for one in report.get("passes", [])]
    if change["high"] >= 0 or earlier:
        return said + where
    return said + where + blamed(steps_behind(report), name)


def fell(report: Mapping[str, Any]) -> str:
    """Name the task's metric where a delivered file has lost some of it beyond noise; "" where none has."""
    for target in report.get("targets", []):
        name = headline(target.get("differences", {}))
        if name and target["differences"][name]["high"] < 0:
            return name
    return ""


def steps_behind(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the steps behind the base that the build went on with."""
    passes = report.get("passes", [])
    labels = [step["label"] for step in passes]
    base = report.get("base", {}).get("label", "")
    start = labels.index(base) + 1 if base in labels else 0
    return [step for step in passes[start:] if step.get("outcome") not in LEFT_OUT]


def fallen(steps: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    """Give the steps that lost accuracy beyond noise, the costliest first."""
    found = [step for step in steps if (change := _change(step, metric)) and change["high"] < 0]
    return sorted(found, key=lambda step: float(_change(step, metric)["value"]))


def blamed(steps: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Name the pass that lost most of a metric, to be put behind how far it fell.

    Args:
        steps: those that the build went on with, in order.
        metric: the metric's name.
    """
    lost = fallen(steps, metric)
    if not lost:
        known = any(_change(step, metric) for step in steps)
        return ", in no single pass beyond noise" if known else ""
    worst = _change(lost[0], metric)
    alike = [
        step["label"]
        for step in steps
        if (change := _change(step, metric)) and change["value"] < 0 and change["low"] <= worst["high"]
    ]
    if len(alike) > 1:
        names = f"{', '.join(map(plain, alike[:-1]))} or {plain(alike[-1])}"
        return f", most of it in {names}: their intervals overlap"
    falls = [change["value"] for step in steps if (change := _change(step, metric)) and change["value"] < 0]
    part = "most of it" if 2 * worst["value"] <= sum(falls) else "the largest part"
    return f", {part} in {plain(lost[0]['label'])}"


def _change(step: Mapping[str, Any], metric: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = step.get("differences", {}).get(metric) or {}
    return found


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
    said = [
        (moved(name, change["value"], change["low"], change["high"]), f"in {plain(step['label'])}")
        for step in fallen(steps, name)
        if (change := _change(step, name))
    ]
    clauses = [f"{text} {where}" for text, where in said[:1]]
    clauses += [f"{text.partition(' fell ')[2]} {where}" for text, where in said[1:]]
    if any("not_executed" in target for target in report.get("targets", [])):
        told = f"on val, {' and '.join(clauses)}" if clauses else "on val, no pass lost accuracy beyond noise"
        return f"this machine cannot execute the file to measure it{f'; {told}' if name else ''}"
    return f"on val, {' and '.join(clauses)}" if clauses else ""
