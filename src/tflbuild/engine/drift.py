"""Say what differs between a lock and what is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core import toolchain
from tflbuild.engine.explaining import short


def tool_drift(locked: Mapping[str, str | None]) -> list[str]:
    """Say which tools have another version than the locked one."""
    now = {tool: toolchain.version(tool) for tool in locked}
    return [
        f"{tool} is {now[tool]}, locked is {locked[tool]}" for tool in locked if now[tool] != locked[tool]
    ]


def metric_drift(locked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Say which measurements differ from the locked ones; times are never the same twice and are left out."""
    drift = []
    for name, claim in locked.items():
        if claim.get("unit") == "ms":
            continue
        value = found.get(name, {}).get("value")
        if value != claim["value"]:
            drift.append(f"{name} is {value}, locked is {claim['value']}")
    return drift


def sample_drift(locked: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> list[str]:
    """Say whether the samples that are delivered beside a file, or their outputs, are others."""
    if not locked or (found and found["sha256"] == locked["sha256"]):
        return []
    return [f"samples {short(found['sha256']) if found else 'are none'}, locked is {short(locked['sha256'])}"]
