"""A limit that ended a build: what is over and by how much, what was tried, where the file lies, what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit, limits_of
from tflbuild.core.metric import METRICS, AccuracyMetric
from tflbuild.core.plain_text import plain
from tflbuild.engine.gate import show
from tflbuild.engine.report_form import typed_words
from tflbuild.show.devices import line_of

SLACK = 1e-6
"""Share of a step by which a value may be off its own rounding."""

REJECTED = "rejected"
"""Folder of a run for what a limit refused."""


def breach_lines(report: Mapping[str, Any], folder: str) -> list[str]:
    """Say everything about a limit that ended a build, with what to do next; nothing for a build that ended otherwise.

    Args:
        report: what `report.json` holds.
        folder: of the run, as it is typed.
    """
    told = breach_of(report, folder)
    return [*told, "next:", *(f"  {command}" for command in next_commands(report, folder))] if told else []


def breach_of(report: Mapping[str, Any], folder: str) -> list[str]:
    """Say what is over, what was tried and where the rejected file lies; nothing for a build that ended otherwise."""
    if report.get("status") != "over_budget" or not report["passes"]:
        return []
    label, over = _over(report)
    lines = [f"over budget: {plain(label) if label else 'in total'}: {_how_far(verdict)}" for verdict in over]
    if label:
        lines.append(_tried(report, _ended(report)))
    kept = rejected_file(Path(folder), label or "model")
    return [*lines, f"the rejected file: {plain(kept)}" if kept else "no file was kept"]


def next_commands(report: Mapping[str, Any], folder: str) -> list[str]:
    """Give the two most sensible commands behind a breach, as a shell takes them: to find the cause, and to accept it.

    A limit on a size or a time has no cause to be found, nor has a model before its conversion a ladder: there the
    second choice is to build without the pass.
    """
    label, over = _over(report)
    strict = bool(report.get("resolved", {}).get("strict"))
    accepting = _most_generous(word for one in over if (word := _accepting(label, one, strict=strict)))
    commands = []
    kinds = [step.get("kind") for step in line_of(report["passes"], _ended(report)["label"])][-2:]
    if any(_is_accuracy(verdict) for verdict in over) and (not label or kinds[-1] == TFLiteModel.kind):
        commands.append(["tflbuild", "diagnose", folder])
    if accepting:
        commands.append(_building(report, accepting))
    if len(commands) < 2 and label and len(kinds) == 2 and kinds[0] == kinds[1]:
        commands.append(_building(report, [f"{label}.on_breach=skip"]))
    if len(commands) < 2:
        commands.append(["tflbuild", "report", folder])
    return [shlex.join(command) for command in commands[:2]]


def _over(report: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """Give the label whose gate ended the build, "" for the total budget, and the verdicts that are not kept."""
    total = [verdict for verdict in report["budget"]["verdicts"] if not verdict["ok"]]
    if total:
        return "", total
    last = _ended(report)
    return str(last["label"]), [verdict for verdict in last["verdicts"] if not verdict["ok"]]


def _ended(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the step whose limit ended the build: the last, but where other branches went on."""
    passes: list[Mapping[str, Any]] = report["passes"]
    said = str(report.get("error") or "")
    return next((step for step in passes if said.startswith(f"{step['label']}: ")), passes[-1])


def _how_far(verdict: Mapping[str, Any]) -> str:
    """Give the verdict's sentence, with how far the limit is exceeded."""
    text = plain(verdict["text"], 500)
    limit, cost = _limit(verdict), _cost(verdict)
    if limit is None or cost is None:
        return text
    excess = limit.bound - cost if limit.form == "min" else cost - limit.bound
    unit = "1" if limit.form == "max_relative_drop" else METRICS.get(limit.metric).unit
    return (
        f"{text}; {show(excess, unit)} too {'little' if limit.form == 'min' else 'much'}"
        if excess > 0
        else text
    )


def _tried(report: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """Say which fallbacks of a step were tried and how they ended, and what `on_breach` says."""
    label = plain(step["label"])
    others = step.get("tried", [])[1:]
    policy = (report.get("resolved", {}).get(step["label"]) or {}).get("on_breach", "fail")
    if not others:
        return f"nothing else was tried: {label} has no fallback that can run, and its on_breach is {plain(policy)}"
    ends = [f"{plain(one['run'])} ({plain(one.get('error') or _breaches(one), 300)})" for one in others]
    return f"tried instead of {label}: {'; '.join(ends)}; on_breach is {plain(policy)}"


def _breaches(tried: Mapping[str, Any]) -> str:
    texts = [verdict["text"] for verdict in tried.get("verdicts", []) if not verdict["ok"]]
    return "; ".join(texts) or "over its limits"


def rejected_file(folder: Path, name: str = "*") -> Path | None:
    """Give the file in the folder of a run that a limit refused; None where there is none."""
    return next(iter(sorted((folder / REJECTED).glob(f"{name}.*"))), None)


def _limit(verdict: Mapping[str, Any]) -> Limit | None:
    return next(iter(limits_of({verdict["metric"]: verdict["limit"]})), None)


def _cost(verdict: Mapping[str, Any]) -> float | None:
    limit = _limit(verdict)
    return limit.cost(verdict.get("value"), verdict.get("baseline")) if limit else None


def _is_accuracy(verdict: Mapping[str, Any]) -> bool:
    return verdict["metric"] in METRICS and issubclass(METRICS.get(verdict["metric"]), AccuracyMetric)


def _accepting(label: str, verdict: Mapping[str, Any], *, strict: bool) -> str:
    """Give the override that lets what was measured pass, its whole interval if strict; "" where nothing was."""
    limit, cost = _limit(verdict), _cost(verdict)
    if limit is None or cost is None:
        return ""
    over = cost < limit.bound if limit.form == "min" else cost > limit.bound
    if not over:
        return "strict=false"  # undecided, and a strict build takes that for a breach
    end = verdict.get("low" if limit.form == "min" else "high")
    wanted = _rounded(end if strict and end is not None else cost, up=limit.form != "min")
    return f"{label + '.' if label else ''}budget.{limit.metric}.{limit.form}={wanted}"


def _most_generous(words: Iterable[str]) -> list[str]:
    """Give one override for each limit: a limit is judged on every target, and all have to pass.

    >>> _most_generous(["budget.npu_coverage.min=0", "budget.npu_coverage.min=0.7", "budget.size.max=9"])
    ['budget.npu_coverage.min=0', 'budget.size.max=9']
    """
    found: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        if key not in found:
            found[key] = value
        elif value != found[key]:
            found[key] = (min if key.endswith(".min") else max)(value, found[key], key=float)
    return [f"{key}={value}" for key, value in found.items()]


def _rounded(value: float, *, up: bool) -> str:
    """Write a value that is a little more generous, in three digits; never the value itself, which may waver.

    >>> _rounded(0.12034, up=True), _rounded(312345, up=True), _rounded(0.61234, up=False), _rounded(0.1, up=True)
    ('0.121', '313000', '0.612', '0.101')
    """
    if not value:
        return "0"
    power = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    steps = math.floor(value / power + SLACK) + 1 if up else math.ceil(value / power - SLACK) - 1
    return f"{steps * power:.12g}" if power < 1 else f"{steps * power:.0f}"


def _building(report: Mapping[str, Any], more: Sequence[str]) -> list[str]:
    """Give the command that builds a run again with further overrides, each in the place of an older one."""
    keys = {word.partition("=")[0] for word in more}
    recipe, *overrides = typed_words(report)
    kept = [word for word in overrides if word.partition("=")[0].lstrip("+") not in keys]
    return ["tflbuild", recipe, *kept, *more]
