"""The figures that people look for first, on top of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.show.pages.figures import change, duration, figure, interval, size


def tiles(report: Mapping[str, Any], metric: str, unit: str) -> list[dict[str, str]]:
    """Give the figures that people look for first."""
    found = []
    target = report["targets"][0] if report["targets"] else None
    measured = (target or {"metrics": {}})["metrics"].get(metric)
    measured = measured or _last_measured(report, metric)
    if measured is not None:
        found.append(
            _tile(metric, figure(measured["value"], unit), interval(measured), measured_where(measured))
        )
    base = report["base"]["metrics"].get(metric)
    pair = [known for known in (base, measured) if known and known["value"] is not None]
    if base and measured and len(pair) == 2 and base.get("split") == measured.get("split"):
        since = f"since {report['base']['label']}, which has {figure(base['value'], unit)}"
        found.append(_tile("change", change(measured["value"] - base["value"], unit), since))
    if target:
        found.append(
            _tile(
                "file",
                size(target["bytes"]),
                f"{size(target['compressed_bytes'])} compressed",
                target["name"],
            )
        )
        found += _speed(target)
    cached = sum(bool(step.get("cached")) for step in report["passes"])
    total = len(report["passes"])
    found.append(_tile("time", duration(report["seconds"]), f"{cached} of {total} passes from the store"))
    return found


def _speed(target: Mapping[str, Any]) -> list[dict[str, str]]:
    if target.get("latency_ms"):
        found = target["latency_ms"]
        threads = f"{found['threads']} thread{'s' if found['threads'] > 1 else ''}"
        return [
            _tile(
                "latency", f"{found['median']:.2f} ms", f"p90 {found['p90']:.2f} ms, {threads}", found["cpu"]
            )
        ]
    if target.get("npu_latency") is not None:
        note = f"{target['npu_coverage']:.0%} of operators on the NPU"
        return [_tile("NPU", f"{target['npu_latency']:.2f} ms", note)]
    return []


def _tile(name: str, value: str, *notes: str) -> dict[str, Any]:
    return {"name": name, "value": value, "notes": [note for note in notes if note]}


def measured_where(measured: Mapping[str, Any]) -> str:
    """Say on which images something was measured, and on how many."""
    return f"{measured['split']}, n = {measured['n']:,}" if measured.get("split") else ""


def _last_measured(report: Mapping[str, Any], metric: str) -> Mapping[str, Any] | None:
    found = [step["metrics"][metric] for step in report["passes"] if metric in step["metrics"]]
    return found[-1] if found else None
