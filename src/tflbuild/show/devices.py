"""The devices of a build side by side: what each was given, what was measured, and what was done differently for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.core.change import unsigned
from tflbuild.core.file_size import size
from tflbuild.core.metric import headline
from tflbuild.core.plain_text import plain
from tflbuild.engine.order import AT
from tflbuild.show.comparison import flat

MISSING = "–"
MOST = 6
"""Options of a step that are named."""

HEADINGS = ("device", "file", "accuracy", "bytes", "latency or cycles", "coverage", "done differently")


@dataclass(frozen=True)
class Device:
    """A target of a build in a row of the table.

    Attributes:
        name: of the target.
        file: path of its file in the run's folder; "" where it was given none.
        accuracy: of the file, with interval and number of samples, or why there is none.
        size: of the file, in bytes.
        speed: latency, or the cycles that a compiler reports.
        coverage: operators that its accelerator runs.
        differently: what sets its steps apart from those of the first target.
    """

    name: str
    file: str
    accuracy: str = MISSING
    size: str = MISSING
    speed: str = MISSING
    coverage: str = MISSING
    differently: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Give the row's cells, below `HEADINGS`."""
        file = self.file or "none"
        return (self.name, file, self.accuracy, self.size, self.speed, self.coverage, self.differently)


def devices(report: Mapping[str, Any]) -> list[Device]:
    """Give a row for each target of a build that has several; none for a build that has one.

    Args:
        report: what `report.json` holds.
    """
    wanted = list(report.get("resolved", {}).get("target") or {})
    delivered = {target["name"]: target for target in report["targets"]}
    names = list(dict.fromkeys([*wanted, *delivered]))
    if len(names) < 2 or not delivered:
        return []
    return [
        _device(report, delivered[name], names) if name in delivered else _none(report, name)
        for name in names
    ]


def device_lines(report: Mapping[str, Any]) -> list[str]:
    """Say the table in lines for a terminal of 80 columns.

    A device has a line of short figures; its accuracy, and what was done differently, stand below it. Its file is named
    where its delivery is told, and on the page.
    """
    rows = devices(report)
    if not rows:
        return []
    headings = ("device", "bytes", "latency or cycles", "coverage")
    cells = [tuple(map(plain, (row.name, row.size, row.speed, row.coverage))) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    lines = [_aligned(headings, widths)]
    for row, cell in zip(rows, cells, strict=True):
        lines.append(_aligned(cell, widths))
        lines.append(f"  {plain(row.accuracy)}" if row.file else "  no file")
        lines += [f"  {plain(row.differently, 1000)}"] if row.differently else []
    return lines


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _none(report: Mapping[str, Any], name: str) -> Device:
    """Give the row of a target that was given no file."""
    step = _step_of(report, name)
    return Device(name=name, file="", differently=_difference(report, step) if step else "")


def _device(report: Mapping[str, Any], target: Mapping[str, Any], names: Sequence[str]) -> Device:
    step = str(target.get("step") or _step_of(report, target["name"]))
    same = "" if target["name"] == names[0] else f"as for {names[0]}"
    return Device(
        name=str(target["name"]),
        file=str(target["path"]),
        accuracy=_accuracy(report, target, step),
        size=f"{size(target['bytes'])}",
        speed=", ".join(_speed(target)) or MISSING,
        coverage=_coverage(target),
        differently=_difference(report, step) or same,
    )


def _accuracy(report: Mapping[str, Any], target: Mapping[str, Any], step: str) -> str:
    """Give the accuracy of the delivered file, or of the one before it was compiled where it is not executed here."""
    name = headline([metric for metric, found in target["metrics"].items() if found["value"] is not None])
    if name and target["metrics"][name].get("split"):
        return _measured(name, target["metrics"][name])
    given = next((one for one in report["passes"] if one["label"] == step), None)
    before = (
        headline([metric for metric, found in given["metrics"].items() if found["value"] is not None])
        if given
        else ""
    )
    if not given or not before or "not_executed" not in target:
        return "not measured"
    return f"{_measured(before, given['metrics'][before])}, before it was compiled"


def _measured(name: str, found: Mapping[str, Any]) -> str:
    value = unsigned(found["value"], found.get("low"), found.get("high"))
    noun = f"{found.get('split')} sample"
    return f"{name} {value} on {amount(found.get('n') or 0, noun)}"


def _speed(target: Mapping[str, Any]) -> Iterator[str]:
    latency = target.get("latency_ms") or {}
    if latency.get("median") is not None:
        yield f"{latency['median']:.2f} ms"
    if target.get("npu_cycles") is not None:
        yield f"{target['npu_cycles']:,.0f} cycles"
    if target.get("npu_latency") is not None:
        yield f"{target['npu_latency']:.2f} ms by the compiler"


def _coverage(target: Mapping[str, Any]) -> str:
    """Say how many operators the accelerator runs, and whether that is a prediction."""
    found = target.get("delegate") or target.get("placement")
    if not found or not found["total"]:
        return MISSING
    said = " by rules" if not target.get("delegate") and found.get("basis") == "rules" else ""
    return f"{found['delegated']} of {found['total']}{said}"


def _step_of(report: Mapping[str, Any], name: str) -> str:
    """Name the step whose result a target delivers, as far as the report says."""
    chosen = report.get("resolved", {}).get("target", {}).get(name) or {}
    main = [step["label"] for step in report["passes"] if not step.get("takes")]
    return str(chosen.get("step") or (main[-1] if main else ""))


def _difference(report: Mapping[str, Any], label: str) -> str:
    """Say what sets the steps that lead to one apart from those of the main line, and what its targets asked for."""
    steps = {step["label"]: step for step in report["passes"]}
    told = []
    for step in line_of(report["passes"], label):
        main = steps.get(str(step["label"]).partition(AT)[0]) if step.get("takes") else None
        wanted = step.get("wanted") or {}
        before = flat(main["options"]) if main else {}
        changed = {
            key: value
            for key, value in flat(step["options"]).items()
            if main and before.get(key) != value and key not in wanted
        }
        said = [f"{key}={value} (the device asks for it)" for key, value in wanted.items()]
        said += [f"{key}={value}" for key, value in changed.items()]
        if step["outcome"] in ("replaced", "skipped") and step.get("reason"):
            said.append(str(step["reason"]))
        if said:
            more = ", ..." if len(said) > MOST else ""
            told.append(f"{step['label']}: {', '.join(said[:MOST])}{more}")
    return "; ".join(told)


def line_of(steps: Sequence[Mapping[str, Any]], label: str) -> list[Mapping[str, Any]]:
    """Give the steps of a report that lead to one, it among them, in order; [] where there is no such step.

    Args:
        steps: the report's `passes`.
        label: of the step.
    """
    found = {str(step["label"]): step for step in steps}
    before, last = {}, ""
    for step in steps:
        before[str(step["label"])] = step.get("takes") or last
        last = last if step.get("takes") else str(step["label"])
    line = []
    while label in found:
        line.append(found[label])
        label = before[label]
    return line[::-1]
