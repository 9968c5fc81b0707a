"""A row of a summary: what it says of one job, however the job ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.crash import told
from tflbuild.core.errors import INTERRUPTED, StoreError, Unexpected


def row_of_report(
    name: str, differs: Mapping[str, str], report: Mapping[str, Any], exit_code: int
) -> dict[str, Any]:
    """Give the row of a job that left a report."""
    row = _row(name, differs, report["status"], exit_code, report["error"])
    row |= {"run": name, "seconds": round(report["seconds"], 2), "base": report["base"]}
    if report["targets"]:
        target = report["targets"][0]
        latency = target.get("latency_ms") or {}
        row |= {
            "metrics": target["metrics"],
            "differences": target.get("differences", {}),
            "bytes": target["bytes"],
            "compressed_bytes": target["compressed_bytes"],
            "latency_ms": latency.get("median"),
            "latency_noise_ms": max(0.0, latency["p90"] - latency["median"]) if "p90" in latency else None,
            "sha256": target["sha256"],
            "figures": _figures(report["targets"]),
        }
    return row


def _figures(targets: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Give every figure of every target by METRIC@TARGET; what was not measured is left out."""
    found: dict[str, float] = {}
    for target in targets:
        values = {name: measured["value"] for name, measured in target["metrics"].items()}
        values |= {"size": target["bytes"], "compressed_size": target["compressed_bytes"]}
        values.setdefault("latency", (target.get("latency_ms") or {}).get("median"))
        found |= {f"{name}@{target['name']}": value for name, value in values.items() if value is not None}
    return found


def row_of_error(name: str, differs: Mapping[str, str], error: BaseException) -> dict[str, Any]:
    """Give the row of a job that ended before its report was begun."""
    ours = told(error)
    status = "failed" if isinstance(ours, StoreError | Unexpected) else "invalid"
    return _row(name, differs, status, ours.exit_code, str(ours))


def row_of_interruption(name: str, differs: Mapping[str, str]) -> dict[str, Any]:
    """Give the row of a job that was interrupted before its report was begun."""
    return _row(name, differs, "interrupted", INTERRUPTED, "interrupted by the user")


def row_of_loss(
    name: str, differs: Mapping[str, str], why: str = "its launcher ended without a result"
) -> dict[str, Any]:
    """Give the row of a job of which there is no result, and why."""
    return _row(name, differs, "failed", 4, why)


def row_of_waiting(name: str, differs: Mapping[str, str]) -> dict[str, Any]:
    """Give the row of a job that is still to be built."""
    return _row(name, differs, "waiting", 0, None)


def _row(
    name: str, differs: Mapping[str, str], status: str, exit_code: int, error: str | None
) -> dict[str, Any]:
    return {
        "name": name,
        "overrides": dict(differs),
        "status": status,
        "exit_code": exit_code,
        "run": None,
        "error": error,
        "pareto": False,
        "metrics": {},
    }
