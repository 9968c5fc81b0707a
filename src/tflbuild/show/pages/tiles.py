"""The figures that people look for first, on top of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.show.pages.changes import change_tiles, limiting
from tflbuild.show.pages.figures import duration, figure, interval, size
from tflbuild.show.pages.tile import measured_where, tile


def tiles(report: Mapping[str, Any], metric: str, unit: str) -> list[dict[str, Any]]:
    """Give the figures that people look for first."""
    target = report["targets"][0] if report["targets"] else None
    measured = (target or {"metrics": {}})["metrics"].get(metric) or _last_measured(report, metric)
    found = _accuracy(report, metric, unit, measured)
    found += change_tiles(report, metric, unit, measured)
    if target:
        found.append(
            tile(
                "file",
                size(target["bytes"]),
                f"{size(target['compressed_bytes'])} compressed",
                target["name"],
            )
        )
        found += _speed(target)
    cached = sum(bool(step.get("cached")) for step in report["passes"])
    total = len(report["passes"])
    found.append(tile("time", duration(report["seconds"]), f"{cached} of {total} passes from the store"))
    return found


def _accuracy(
    report: Mapping[str, Any], metric: str, unit: str, measured: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Give what was measured: of the delivered file, of one that was rejected, or of the last pass."""
    judged = [] if report["targets"] else limiting(report, metric, None)
    if judged and judged[0].get("value") is not None:
        where = ", ".join(text for text in (judged[0].get("split", ""), "rejected file") if text)
        return [tile(metric, figure(judged[0]["value"], unit), where)]
    if measured is None:
        return []
    return [tile(metric, figure(measured["value"], unit), interval(measured), measured_where(measured))]


def _speed(target: Mapping[str, Any]) -> list[dict[str, Any]]:
    if target.get("latency_ms"):
        found = target["latency_ms"]
        threads = f"{found['threads']} thread{'s' if found['threads'] > 1 else ''}"
        tail = next((f"{name} {found[name]:.2f} ms, " for name in ("p90", "p95") if name in found), "")
        return [tile("latency", f"{found['median']:.2f} ms", f"{tail}{threads}", found["cpu"])]
    if target.get("npu_latency") is not None:
        note = f"{target['npu_coverage']:.0%} of operators on the NPU"
        return [tile("NPU", f"{target['npu_latency']:.2f} ms", note)]
    return []


def _last_measured(report: Mapping[str, Any], metric: str) -> Mapping[str, Any] | None:
    found = [step["metrics"][metric] for step in report["passes"] if metric in step["metrics"]]
    return found[-1] if found else None
